//! Layers × positions, cut into bands where they do not fit.

use std::io::{self, Write};

use anstyle::Style;

use super::columns::shown;
use super::rows::{self, Line};
use super::{ANSWER, BOLD, DIM};
use crate::lens::Trajectory;
use crate::report::Document;
use crate::report::only_words::top_label;
use crate::report::text::{self, cut, fit, right, short_percent, text_width, width, wrap};
use crate::report::words::difference_heading;

/// The columns between two cells, and those of a probability.
const GAP: usize = 2;
const PERCENT: usize = 4;
/// A token longer than this is cut.
const WIDEST: usize = 12;
/// The name of the row that says from where on a position's token stays.
const SETTLES: &str = "settles";

/// A line of cells, one for each position read; or, of rows folded, what they say.
struct GridLine {
    label: String,
    style: Style,
    cells: Vec<(String, Style)>,
    said: Option<String>,
}

/// How the grids of a document are shown.
pub struct Grid<'a> {
    /// Those of the top tokens; other grids have all rows.
    pub lines: &'a [Line],
    /// Whether tokens that are no words are hidden, but for the output's row.
    pub words: bool,
    /// The lens's name, where there are several.
    pub lens: Option<&'a str>,
    pub available: usize,
}

impl Grid<'_> {
    /// The likeliest token of each layer and position, then what else was asked for.
    pub fn write(&self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let trajectory = document.trajectory;
        let available = self.available;
        self.tops(document, out)?;
        let all = rows::all(document);
        for (nth, target) in trajectory.targets.iter().enumerate() {
            let lines = grid_lines(document, &all, |row, at| {
                match trajectory.value(target, row, at) {
                    Some(v) => (format!("{} #{}", short_percent(v.prob), v.rank), Style::new()),
                    None => (String::new(), DIM),
                }
            });
            let title = format!("{}: probability and rank", super::targets::title(document, nth));
            let title = self.title(&title);
            bands(document, &title, &lines, available, out)?;
            let at = trajectory.answer_position();
            super::targets::tokens_in_turn(document, nth, at, available, out)?;
            if let Some(against) = document.against {
                let lines = grid_lines(document, &all, |row, at| {
                    let difference = trajectory.logit_difference(target, against, row, at);
                    (
                        difference.map_or("–".to_string(), |x| format!("{x:+.2}")),
                        Style::new(),
                    )
                });
                let title = self.title(&format!(
                    "{}: {}",
                    target.name,
                    difference_heading(target, against)
                ));
                bands(document, &title, &lines, available, out)?;
            }
        }
        for statistic in document.statistics.iter() {
            let lines = grid_lines(document, &all, |row, at| {
                let value = statistic.of(&trajectory.rows[row].readings[at], &trajectory.output[at]);
                (shown(statistic, value), Style::new())
            });
            bands(document, &self.title(statistic.name()), &lines, available, out)?;
        }
        Ok(())
    }

    fn tops(&self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let trajectory = document.trajectory;
        let label = label_width(document);
        // A token has what the label and its own number leave.
        let widest = WIDEST.min(self.available.saturating_sub(label + GAP + 1 + PERCENT).max(1));
        let mut lines = grid_lines(document, self.lines, |row, at| {
            let top = trajectory.rows[row].readings[at].top1();
            let token = cut(&top_label(document, row, at, self.words), widest);
            let right = top.id == trajectory.output[at].top1().id;
            let style = if right { ANSWER } else { Style::new() };
            (format!("{token} {:>PERCENT$}", short_percent(top.prob)), style)
        });
        if trajectory.layers().next().is_some() {
            let settles = (0..trajectory.positions.len()).map(|at| trajectory.settles_at(at));
            lines.push(GridLine {
                label: SETTLES.to_string(),
                style: DIM,
                cells: settles
                    .map(|layer| (layer.map_or("–".to_string(), |l| l.to_string()), DIM))
                    .collect(),
                said: None,
            });
        }
        bands(document, &self.title("Top token"), &lines, self.available, out)
    }

    /// What a grid shows, under which lens.
    fn title(&self, what: &str) -> String {
        match self.lens {
            Some(lens) => format!("{what}, {lens} lens"),
            None => what.to_string(),
        }
    }
}

/// The columns of the rows' names, the last one's too.
fn label_width(document: &Document) -> usize {
    let rows = document.trajectory.rows.iter();
    let names = rows.map(|row| row.site.to_string().len());
    let settles = document.trajectory.layers().next().map(|_| SETTLES.len());
    names.chain(settles).chain([5]).max().unwrap_or(5)
}

fn grid_lines(
    document: &Document,
    lines: &[Line],
    cell: impl Fn(usize, usize) -> (String, Style),
) -> Vec<GridLine> {
    let Trajectory { rows, positions, .. } = document.trajectory;
    let line = |line: &Line| match line {
        Line::Row(row) => GridLine {
            label: rows[*row].site.to_string(),
            style: match rows[*row].site.is_output(document.card.layers) {
                true => BOLD,
                false => DIM,
            },
            cells: (0..positions.len()).map(|at| cell(*row, at)).collect(),
            said: None,
        },
        Line::Folded { label, said } => GridLine {
            label: label.clone(),
            style: DIM,
            cells: Vec::new(),
            said: Some(said.clone()),
        },
    };
    lines.iter().map(line).collect()
}

/// As many columns side by side as fit, then the next ones below.
fn bands(
    document: &Document,
    title: &str,
    lines: &[GridLine],
    available: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let trajectory = document.trajectory;
    let named = lines.iter().filter(|line| line.said.is_none());
    let label = named.map(|line| line.label.len()).chain([5]).max().unwrap_or(5);
    let room = available.saturating_sub(label + GAP).max(1);
    let heads: Vec<[String; 2]> = (trajectory.positions.iter())
        .map(|&position| {
            let token = document.tokens.label(trajectory.prompt.ids[position]);
            [position.to_string(), cut(&token, WIDEST.min(room))]
        })
        .collect();
    let widths: Vec<usize> = (0..heads.len())
        .map(|at| {
            let cells = lines
                .iter()
                .filter_map(|line| Some(width(&line.cells.get(at)?.0)));
            let heads = heads[at].iter().map(|head| width(head));
            cells.chain(heads).max().unwrap_or(0).min(room)
        })
        .collect();
    for band in text::bands(&widths, label, GAP, available) {
        writeln!(out)?;
        for line in wrap(title, text_width(available)) {
            writeln!(out, "{DIM}{line}{DIM:#}")?;
        }
        let widths = &widths[band.clone()];
        let heads = &heads[band.clone()];
        for (which, (name, style)) in [("", DIM), ("layer", BOLD)].into_iter().enumerate() {
            let names = heads
                .iter()
                .zip(widths)
                .map(|(head, &columns)| fit(&head[which], columns));
            let names = names.collect::<Vec<_>>().join(&" ".repeat(GAP));
            let names = names.trim_end();
            writeln!(
                out,
                "{DIM}{name:>label$}{DIM:#}{:GAP$}{style}{names}{style:#}",
                ""
            )?;
        }
        for line in lines {
            if let Some(said) = &line.said {
                let room = available.saturating_sub(width(&line.label).max(label) + GAP);
                let said = cut(said, room.min(text_width(available)));
                writeln!(out, "{DIM}{:>label$}{:GAP$}{said}{DIM:#}", line.label, "")?;
                continue;
            }
            write!(out, "{}{:>label$}{:#}", line.style, line.label, line.style)?;
            for ((cell, style), &columns) in line.cells[band.clone()].iter().zip(widths) {
                // A cell ends in its number: numbers stand below each other.
                write!(out, "{:GAP$}{style}{}{style:#}", "", aligned(cell, columns))?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

/// `token number`, the token at the left and the number at the right.
fn aligned(cell: &str, columns: usize) -> String {
    match cell.rsplit_once(' ') {
        Some((token, number)) => {
            let token = token.trim_end();
            fit(token, columns.saturating_sub(width(number) + 1)) + " " + number
        }
        None => right(cell, columns),
    }
}
