//! The tokens asked for with `--track`, row by row.

use std::io::{self, Write};

use anstyle::Style;

use super::{BOLD, DIM};
use crate::lens::TargetValue;
use crate::readout::Tracked;
use crate::report::Document;
use crate::report::text::{self, cut, decimal, fit, percent, right, width, wrap};
use crate::report::words::difference_heading;

const GAP: usize = 3;

/// What a target is: its name, and the tokens that it stands for with their ids.
pub fn title(document: &Document, nth: usize) -> String {
    let target = &document.trajectory.targets[nth];
    match target.ids.as_slice() {
        ids if target.sequence => {
            let members = ids.iter().map(|&id| document.tokens.label(id));
            format!(
                "{} ({} tokens: {})",
                target.name,
                ids.len(),
                members.collect::<Vec<_>>().join("│")
            )
        }
        [id] if target.name == document.tokens.label(*id) => format!("{} (id {id})", target.name),
        ids => {
            let members = ids
                .iter()
                .map(|&id| format!("{} (id {id})", document.tokens.label(id)));
            format!("{} = {}", target.name, members.collect::<Vec<_>>().join(" + "))
        }
    }
}

/// For each target, probability, log-probability, logit and rank at every row of one position,
/// and its logit's lead over the token compared with. Targets stand side by side while they fit; in
/// a terminal too narrow for one, its columns are cut into bands.
pub fn table(document: &Document, at: usize, available: usize, out: &mut dyn Write) -> io::Result<()> {
    let lines = Lines::of(document);
    let targets = (0..document.trajectory.targets.len()).map(|nth| Target::of(document, nth, at));
    let targets: Vec<Target> = targets.collect();
    let widths: Vec<usize> = targets.iter().map(Target::width).collect();
    if widths.iter().any(|width| lines.label + GAP + width > available) {
        return targets
            .iter()
            .try_for_each(|target| lines.narrow(target, available, out));
    }
    for band in text::bands(&widths, lines.label, GAP, available) {
        let blocks = targets[band.clone()].iter().zip(&widths[band]);
        let blocks: Vec<Vec<String>> = blocks.map(|(target, &columns)| target.block(columns)).collect();
        writeln!(out)?;
        lines.write(&blocks, GAP, out)?;
    }
    Ok(())
}

/// The tokens of the `nth` target, where it is several in a row: log-probability and rank of each, by row.
pub fn tokens_in_turn(
    document: &Document,
    nth: usize,
    at: usize,
    available: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let target = Target {
        title: format!("{}: its tokens", document.trajectory.targets[nth].name),
        columns: Target::tokens(document, nth, at),
    };
    match target.columns.is_empty() {
        true => Ok(()),
        false => Lines::of(document).narrow(&target, available, out),
    }
}

/// The names of a table's lines: none for the titles, then the heading's and the rows'.
struct Lines {
    names: Vec<(String, Style, Style)>,
    label: usize,
}

impl Lines {
    fn of(document: &Document) -> Self {
        let rows = document.trajectory.rows.iter();
        let rows = rows.map(|row| match row.site.is_output(document.card.layers) {
            true => (row.site.to_string(), BOLD, Style::new()),
            false => (row.site.to_string(), DIM, Style::new()),
        });
        let head = [(String::new(), DIM, BOLD), ("layer".to_string(), DIM, DIM)];
        let names: Vec<(String, Style, Style)> = head.into_iter().chain(rows).collect();
        Self {
            label: names.iter().map(|(name, ..)| name.len()).max().unwrap_or(0),
            names,
        }
    }

    /// Columns side by side; those that lack the title's line begin at the heading's.
    fn write(&self, columns: &[Vec<String>], gap: usize, out: &mut dyn Write) -> io::Result<()> {
        let count = columns.first().map_or(0, Vec::len);
        let names = &self.names[self.names.len() - count..];
        for (line, (name, style, body)) in names.iter().enumerate() {
            let cells: Vec<&str> = columns.iter().map(|column| column[line].as_str()).collect();
            let cells = cells.join(&" ".repeat(gap));
            let cells = cells.trim_end();
            let label = self.label;
            writeln!(
                out,
                "{style}{name:>label$}{style:#}{:GAP$}{body}{cells}{body:#}",
                ""
            )?;
        }
        Ok(())
    }

    /// One target, its columns in as many bands as they take.
    fn narrow(&self, target: &Target, available: usize, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        for line in wrap(&target.title, available) {
            writeln!(out, "{BOLD}{line}{BOLD:#}")?;
        }
        let room = available.saturating_sub(self.label + GAP).max(1);
        let columns: Vec<Vec<String>> = (target.columns.iter())
            .map(|column| column.iter().map(|cell| cut(cell, room)).collect())
            .collect();
        let widths: Vec<usize> = columns
            .iter()
            .map(|column: &Vec<String>| width(&column[0]))
            .collect();
        for band in text::bands(&widths, self.label + GAP - 1, 1, available) {
            self.write(&columns[band], 1, out)?;
        }
        Ok(())
    }
}

/// A target's columns, each a heading and a cell for each row, all of one width.
struct Target {
    title: String,
    columns: Vec<Vec<String>>,
}

impl Target {
    fn of(document: &Document, nth: usize, at: usize) -> Self {
        let trajectory = document.trajectory;
        let target = &trajectory.targets[nth];
        let values: Vec<_> = (0..trajectory.rows.len())
            .map(|row| trajectory.value(target, row, at))
            .collect();
        let column = |heading: &str, columns: usize, cell: &dyn Fn(usize, TargetValue) -> String| {
            let columns = columns.max(width(heading));
            let cells = values.iter().enumerate().map(|(row, value)| match value {
                Some(value) => right(&cell(row, *value), columns),
                None => right("–", columns),
            });
            std::iter::once(right(heading, columns)).chain(cells).collect()
        };
        let mut columns: Vec<Vec<String>> = vec![
            column("prob", 6, &|_, value| percent(value.prob)),
            column("logprob", 8, &|_, value| decimal(value.logprob, 3)),
            column("logit", 8, &|_, value| {
                value.logit.map_or("–".to_string(), |logit| decimal(logit, 3))
            }),
            column("rank", 6, &|_, value| value.rank.to_string()),
        ];
        columns.extend(Self::tokens(document, nth, at));
        if let Some(against) = document.against {
            columns.push(column(&difference_heading(target, against), 9, &|row, _| {
                let difference = trajectory.logit_difference(target, against, row, at);
                difference.map_or(String::new(), |x| format!("{x:+.3}"))
            }));
        }
        Self {
            title: title(document, nth),
            columns,
        }
    }

    /// Log-probability and rank of each token of a target that is several in a row; none of others.
    fn tokens(document: &Document, nth: usize, at: usize) -> Vec<Vec<String>> {
        let trajectory = document.trajectory;
        let target = &trajectory.targets[nth];
        let continuation = trajectory.continuation(target, at).into_iter();
        let tracks = continuation.flat_map(|continuation| &continuation.tokens);
        let columns = tracks.flat_map(|track| {
            let column = |heading: &str, columns: usize, cell: &dyn Fn(&Tracked) -> String| {
                let columns = columns.max(width(heading));
                let cells = track.values.iter().map(|value| right(&cell(value), columns));
                std::iter::once(right(heading, columns)).chain(cells).collect()
            };
            let label = document.tokens.label(track.id);
            [
                column(&label, 8, &|value| decimal(value.logprob, 3)),
                column("rank", 6, &|value| value.rank.to_string()),
            ]
        });
        columns.collect()
    }

    /// The columns of the whole block.
    fn width(&self) -> usize {
        let columns = self.columns.iter().map(|column| width(&column[0]));
        let columns = columns.sum::<usize>() + self.columns.len().saturating_sub(1);
        columns.max(width(&self.title))
    }

    /// Title, heading and a line for each row, all of them `columns` wide.
    fn block(&self, columns: usize) -> Vec<String> {
        let lines = (0..self.columns[0].len()).map(|line| {
            let cells: Vec<&str> = self.columns.iter().map(|column| column[line].as_str()).collect();
            cells.join(" ")
        });
        let lines = std::iter::once(self.title.clone()).chain(lines);
        lines.map(|line| fit(&line, columns)).collect()
    }
}
