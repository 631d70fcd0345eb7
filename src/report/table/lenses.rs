//! Several lenses at one position: a group of columns a lens, beside each other while they fit.

use std::io::{self, Write};

use anstyle::Style;

use super::columns::shown;
use super::{ANSWER, BOLD, DIM, targets};
use crate::analysis::statistics::Statistic;
use crate::decoder::Site;
use crate::lens::Trajectory;
use crate::report::Document;
use crate::report::only_words::top_tokens;
use crate::report::text::{bands, cut, decimal, fit, percent, right, width, wrap};
use crate::report::words::difference_heading;

/// The columns between two groups, and between two columns of one.
const GAP: usize = 3;
const INNER: usize = 2;
/// A token longer than this is cut, and shorter ones are given this.
const WIDEST: usize = 18;
const NARROWEST: usize = 5;
const PERCENT: usize = 6;
/// The name of the row that says from where on the output stays.
const SETTLES: &str = "settles";

/// What is shown of each lens.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// How many top tokens.
    pub tops: usize,
    /// Whether tokens after the first are left out that are no words.
    pub words: bool,
}

/// A column: its heading, and a cell for each of the table's rows.
struct Column {
    heading: String,
    width: usize,
    cells: Vec<(String, Style)>,
}

/// The columns of one lens.
struct Group {
    title: String,
    columns: Vec<Column>,
}

impl Group {
    fn width(&self) -> usize {
        let columns = self.columns.iter().map(|column| column.width).sum::<usize>();
        (columns + INNER * self.columns.len().saturating_sub(1)).max(width(&self.title))
    }
}

/// The rows of a table: every site that some lens reads, in the order in which they come to be.
struct Rows<'a> {
    sites: Vec<Site>,
    layers: usize,
    document: &'a Document<'a>,
}

impl<'a> Rows<'a> {
    fn of(document: &'a Document<'a>) -> Self {
        // A lens without a map for the embedding lacks its row, and no other.
        let longest = document
            .trajectory
            .of_each_lens()
            .max_by_key(|read| read.rows.len());
        let rows = longest.map(|read| read.rows.as_slice()).unwrap_or_default();
        Self {
            sites: rows.iter().map(|row| row.site).collect(),
            layers: document.card.layers,
            document,
        }
    }

    /// A cell for each row: what `cell` makes of the number of the lens's own row, a dash in the last of so many
    /// columns where it has none.
    fn cells(
        &self,
        read: &Trajectory,
        columns: usize,
        cell: impl Fn(usize) -> Option<(String, Style)>,
    ) -> Vec<(String, Style)> {
        let of = |site: &Site| {
            let row = read.rows.iter().position(|row| row.site == *site);
            row.and_then(&cell).unwrap_or_else(|| (right("–", columns), DIM))
        };
        self.sites.iter().map(of).collect()
    }
}

/// The top tokens and the statistics of each lens, and where each settles.
pub fn tops(
    document: &Document,
    at: usize,
    show: Shown,
    available: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows = Rows::of(document);
    let groups: Vec<Group> = (document.trajectory.of_each_lens())
        .map(|read| of_lens(&rows, read, at, show, available))
        .collect();
    let has_layers = document.trajectory.layers().next().is_some();
    let settles = document.trajectory.of_each_lens().map(|read| {
        let layer = read.settles_at(at);
        layer.map_or("–".to_string(), |layer| layer.to_string())
    });
    let settles: Option<Vec<String>> = has_layers.then(|| settles.collect());
    write(&rows, &groups, settles.as_deref(), available, out)
}

fn of_lens(rows: &Rows, read: &Trajectory, at: usize, show: Shown, available: usize) -> Group {
    let document = Document {
        trajectory: read,
        ..*rows.document
    };
    let answer = read.output[at].top1().id;
    let room = available
        .saturating_sub(label_width(rows) + GAP + 1 + PERCENT)
        .max(1);
    let mut columns = Vec::new();
    for nth in 0..show.tops {
        let top = |row: usize| {
            let tops = top_tokens(&document, &read.rows[row].readings[at], show.words);
            tops.get(nth).map(|top| (document.tokens.label(top.id), **top))
        };
        let widest = (0..read.rows.len())
            .filter_map(|row| Some(width(&top(row)?.0)))
            .max();
        let token = widest.unwrap_or(0).clamp(NARROWEST, WIDEST).min(room);
        let cell = |row: usize| {
            let (label, top) = top(row)?;
            let style = match nth {
                _ if top.id == answer => ANSWER,
                0 => Style::new(),
                _ => DIM,
            };
            let percent = percent(top.prob);
            Some((format!("{} {percent:>PERCENT$}", fit(&label, token)), style))
        };
        let heading = match nth {
            1.. if show.words => "next word".to_string(),
            _ => format!("top {}", nth + 1),
        };
        columns.push(Column {
            heading,
            width: token + 1 + PERCENT,
            cells: rows.cells(read, 1, cell),
        });
    }
    let is_first = std::ptr::eq(read, rows.document.trajectory);
    let of_it = |statistic: &Statistic| !(is_first && *statistic == Statistic::LensKl);
    for statistic in document.statistics.iter().filter(of_it) {
        let columns_of = width(statistic.name()).max(PERCENT);
        let cell = |row: usize| {
            let value = statistic.of(&read.rows[row].readings[at], &read.output[at]);
            Some((right(&shown(statistic, value), columns_of), Style::new()))
        };
        columns.push(Column {
            heading: right(statistic.name(), columns_of),
            width: columns_of,
            cells: rows.cells(read, columns_of, cell),
        });
    }
    Group {
        title: read.lens.name().to_string(),
        columns,
    }
}

/// Each target under each lens: its probability and its rank.
pub fn targets(document: &Document, at: usize, available: usize, out: &mut dyn Write) -> io::Result<()> {
    let rows = Rows::of(document);
    for (nth, target) in document.trajectory.targets.iter().enumerate() {
        let group = |read: &Trajectory| {
            let value = |row: usize| read.value(target, row, at);
            let plain = |text: String| Some((text, Style::new()));
            let mut columns = vec![
                Column {
                    heading: right("prob", PERCENT),
                    width: PERCENT,
                    cells: rows.cells(read, PERCENT, |row| {
                        plain(right(&percent(value(row)?.prob), PERCENT))
                    }),
                },
                Column {
                    heading: right("rank", PERCENT),
                    width: PERCENT,
                    cells: rows.cells(read, PERCENT, |row| {
                        plain(right(&value(row)?.rank.to_string(), PERCENT))
                    }),
                },
            ];
            let continuation = read.continuation(target, at).into_iter();
            for track in continuation.flat_map(|continuation| &continuation.tokens) {
                let label = document.tokens.label(track.id);
                let columns_of = width(&label).clamp(8, WIDEST);
                let logprob = |row: usize| decimal(track.values[row].logprob, 3);
                columns.push(Column {
                    heading: right(&cut(&label, columns_of), columns_of),
                    width: columns_of,
                    cells: rows.cells(read, columns_of, |row| plain(right(&logprob(row), columns_of))),
                });
                columns.push(Column {
                    heading: right("rank", PERCENT),
                    width: PERCENT,
                    cells: rows.cells(read, PERCENT, |row| {
                        plain(right(&track.values[row].rank.to_string(), PERCENT))
                    }),
                });
            }
            if let Some(against) = document.against {
                let heading = difference_heading(target, against);
                let columns_of = width(&heading).clamp(9, WIDEST);
                columns.push(Column {
                    heading: right(&heading, columns_of),
                    width: columns_of,
                    cells: rows.cells(read, columns_of, |row| {
                        let difference = read.logit_difference(target, against, row, at)?;
                        plain(right(&format!("{difference:+.3}"), columns_of))
                    }),
                });
            }
            Group {
                title: read.lens.name().to_string(),
                columns,
            }
        };
        let groups: Vec<Group> = document.trajectory.of_each_lens().map(group).collect();
        writeln!(out)?;
        for line in wrap(&targets::title(document, nth), available) {
            writeln!(out, "{BOLD}{line}{BOLD:#}")?;
        }
        write(&rows, &groups, None, available, out)?;
    }
    Ok(())
}

fn label_width(rows: &Rows) -> usize {
    let names = rows.sites.iter().map(|site| site.to_string().len());
    names.chain([SETTLES.len()]).max().unwrap_or(SETTLES.len())
}

/// The groups in as many bands as they take.
fn write(
    rows: &Rows,
    groups: &[Group],
    settles: Option<&[String]>,
    available: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let label = label_width(rows);
    let groups = split(groups, available.saturating_sub(label + GAP).max(1));
    let widths: Vec<usize> = groups.iter().map(|(_, group)| group.width()).collect();
    // The lenses of which it was said where they settle: once, where a lens goes on in another band.
    let mut settled = 0;
    for (nth, band) in bands(&widths, label, GAP, available).into_iter().enumerate() {
        if nth > 0 {
            writeln!(out)?;
        }
        let (groups, widths) = (&groups[band.clone()], &widths[band]);
        let line = |cells: Vec<String>| cells.join(&" ".repeat(GAP)).trim_end().to_string();
        let titles = groups
            .iter()
            .zip(widths)
            .map(|((_, group), &columns)| fit(&group.title, columns));
        writeln!(
            out,
            "{:label$}{:GAP$}{BOLD}{}{BOLD:#}",
            "",
            "",
            line(titles.collect())
        )?;
        let headings = groups.iter().zip(widths).map(|((_, group), &columns)| {
            let cells = group
                .columns
                .iter()
                .map(|column| fit(&column.heading, column.width));
            fit(&cells.collect::<Vec<_>>().join(&" ".repeat(INNER)), columns)
        });
        writeln!(
            out,
            "{DIM}{:>label$}{:GAP$}{}{DIM:#}",
            "layer",
            "",
            line(headings.collect())
        )?;
        let total = label + widths.iter().map(|columns| GAP + columns).sum::<usize>();
        for (row, site) in rows.sites.iter().enumerate() {
            let is_output = site.is_output(rows.layers);
            if is_output && row > 0 {
                writeln!(out, "{DIM}{}{DIM:#}", "─".repeat(total))?;
            }
            let style = if is_output { BOLD } else { DIM };
            write!(out, "{style}{:>label$}{style:#}", site.to_string())?;
            for (nth, ((_, group), &columns)) in groups.iter().zip(widths).enumerate() {
                // Nothing stands after the last group.
                let columns = if nth + 1 == groups.len() { 0 } else { columns };
                write_cells(group, row, columns, out)?;
            }
            writeln!(out)?;
        }
        if let Some(settles) = settles {
            let mut said = |lens: usize| {
                let is_new = lens >= settled;
                settled = settled.max(lens + 1);
                is_new
            };
            let cells: Vec<String> = (groups.iter().zip(widths))
                .map(|((lens, _), &columns)| {
                    let layer = if said(*lens) { settles[*lens].as_str() } else { "" };
                    fit(layer, columns)
                })
                .collect();
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            writeln!(out, "{DIM}{SETTLES:>label$}{:GAP$}{}{DIM:#}", "", line(cells))?;
        }
    }
    Ok(())
}

/// A line of a group, filled to so many columns.
fn write_cells(group: &Group, row: usize, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut used = 0;
    for (nth, column) in group.columns.iter().enumerate() {
        let gap = if nth == 0 { GAP } else { INNER };
        let (text, style) = &column.cells[row];
        let is_last = columns == 0 && nth + 1 == group.columns.len();
        let text = match fit(text, column.width) {
            text if is_last => text.trim_end().to_string(),
            text => text,
        };
        write!(out, "{:gap$}{style}{text}{style:#}", "")?;
        used += column.width + if nth == 0 { 0 } else { INNER };
    }
    write!(out, "{:1$}", "", columns.saturating_sub(used))
}

/// Groups that are wider than `room` in several of the same title, each with the number of its lens.
fn split(groups: &[Group], room: usize) -> Vec<(usize, Group)> {
    let mut parts = Vec::new();
    for (lens, group) in groups.iter().enumerate() {
        let widths: Vec<usize> = group
            .columns
            .iter()
            .map(|column| column.width.min(room))
            .collect();
        for band in bands(&widths, 0, INNER, room + INNER) {
            let columns = group.columns[band.clone()].iter().zip(&widths[band]);
            parts.push((
                lens,
                Group {
                    title: fit(&group.title, width(&group.title).min(room)),
                    columns: columns
                        .map(|(column, &width)| Column {
                            heading: column.heading.clone(),
                            width,
                            cells: column.cells.clone(),
                        })
                        .collect(),
                },
            ));
        }
    }
    parts
}
