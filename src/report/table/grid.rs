//! Layers × positions, cut into bands that fit the terminal.

use std::io::{self, Write};

use anstyle::Style;

use super::columns::shown;
use super::{ANSWER, BOLD, DIM, is_output};
use crate::lens::Trajectory;
use crate::report::Document;
use crate::report::text::{self, cut, fit, right, short_percent, width, wrap};

/// The columns between two cells, and those of a probability.
const GAP: usize = 2;
const PERCENT: usize = 4;
/// A token longer than this is cut.
const WIDEST: usize = 12;
/// The name of the row that says from where on a position's token stays.
const SETTLES: &str = "settles";

/// A row of cells, one for each position read.
struct Line {
    label: String,
    style: Style,
    cells: Vec<(String, Style)>,
}

/// The likeliest token of each layer and position, then what else was asked for.
pub fn grids(document: &Document, available: usize, out: &mut dyn Write) -> io::Result<()> {
    let trajectory = document.trajectory;
    let label = label_width(document);
    // A token has what the label and its own number leave.
    let widest = WIDEST.min(available.saturating_sub(label + GAP + 1 + PERCENT).max(1));
    let mut lines = rows(document, |row, at| {
        let top = trajectory.rows[row].readings[at].top1();
        let label = document.tokens.label(top.id);
        let token = cut(&label, widest);
        let right = top.id == trajectory.output[at].top1().id;
        let style = if right { ANSWER } else { Style::new() };
        (format!("{token} {:>PERCENT$}", short_percent(top.prob)), style)
    });
    if trajectory.layers().next().is_some() {
        let settles = (0..trajectory.positions.len()).map(|at| trajectory.settles_at(at));
        lines.push(Line {
            label: SETTLES.to_string(),
            style: DIM,
            cells: settles
                .map(|layer| (layer.map_or("–".to_string(), |l| l.to_string()), DIM))
                .collect(),
        });
    }
    bands(document, "Top token", &lines, available, out)?;
    for (nth, target) in trajectory.targets.iter().enumerate() {
        let lines = rows(document, |row, at| match trajectory.value(target, row, at) {
            Some(v) => (format!("{} #{}", short_percent(v.prob), v.rank), Style::new()),
            None => (String::new(), DIM),
        });
        let title = format!("{}: probability and rank", super::targets::title(document, nth));
        bands(document, &title, &lines, available, out)?;
    }
    for statistic in document.statistics.iter() {
        let lines = rows(document, |row, at| {
            let value = statistic.of(&trajectory.rows[row].readings[at], &trajectory.output[at]);
            (shown(statistic, value), Style::new())
        });
        bands(document, statistic.name(), &lines, available, out)?;
    }
    Ok(())
}

/// The columns of the rows' names, the last one's too.
fn label_width(document: &Document) -> usize {
    let rows = document.trajectory.rows.iter();
    let names = rows.map(|row| row.site.to_string().len());
    let settles = document.trajectory.layers().next().map(|_| SETTLES.len());
    names.chain(settles).chain([5]).max().unwrap_or(5)
}

fn rows(document: &Document, cell: impl Fn(usize, usize) -> (String, Style)) -> Vec<Line> {
    let Trajectory { rows, positions, .. } = document.trajectory;
    (rows.iter().enumerate())
        .map(|(i, row)| Line {
            label: row.site.to_string(),
            style: match is_output(row.site, document.card.layers) {
                true => BOLD,
                false => DIM,
            },
            cells: (0..positions.len()).map(|at| cell(i, at)).collect(),
        })
        .collect()
}

/// As many columns side by side as fit, then the next ones below.
fn bands(
    document: &Document,
    title: &str,
    lines: &[Line],
    available: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let trajectory = document.trajectory;
    let label = lines.iter().map(|l| l.label.len()).chain([5]).max().unwrap_or(5);
    let room = available.saturating_sub(label + GAP).max(1);
    let heads: Vec<[String; 2]> = (trajectory.positions.iter())
        .map(|&position| {
            let token = document.tokens.label(trajectory.prompt.ids[position]);
            [position.to_string(), cut(&token, WIDEST.min(room))]
        })
        .collect();
    let widths: Vec<usize> = (0..heads.len())
        .map(|at| {
            let cells = lines.iter().map(|line| width(&line.cells[at].0));
            let heads = heads[at].iter().map(|head| width(head));
            cells.chain(heads).max().unwrap_or(0).min(room)
        })
        .collect();
    for band in text::bands(&widths, label, GAP, available) {
        writeln!(out)?;
        for line in wrap(title, available) {
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
