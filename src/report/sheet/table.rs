//! A sheet in aligned columns, for a terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Effects, Style};

use super::{Cell, Sheet};
use crate::report::text::{bands, fit, right, text_width, width, wrap};

const DIM: Style = Style::new().effects(Effects::DIMMED);
const BOLD: Style = Style::new().effects(Effects::BOLD);
const DIFFERENT: Style = AnsiColor::Yellow.on_default().effects(Effects::BOLD);

/// The columns between two of a table.
const GAP: usize = 2;

impl Sheet {
    /// The columns that people see.
    pub(super) fn shown_columns(&self) -> Vec<Column> {
        let columns = self.columns.iter().enumerate();
        let column = |(i, name): (usize, &String)| {
            let cells = self.rows.iter().map(|row| row[i].for_people());
            let different = self.rows.iter().map(|row| matches!(row[i], Cell::Different(_)));
            Column {
                cells: std::iter::once(name.clone()).chain(cells).collect(),
                different: std::iter::once(false).chain(different).collect(),
                is_text: self.rows.iter().any(|row| row[i].is_text()),
            }
        };
        columns.map(column).collect()
    }

    /// Aligned columns, for a terminal of `available` columns. Those that do not fit beside each other come
    /// in bands, each with the columns that say which row it is.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn table(&self, available: usize, out: &mut dyn Write) -> io::Result<()> {
        let running = text_width(available);
        for line in self.title.iter().flat_map(|line| wrap(line, running)) {
            writeln!(out, "{line}")?;
        }
        let columns = self.shown_columns();
        let keys = (self.keys + 1).min(columns.len());
        let widths = widths(&columns, keys, available);
        let label = widths[..keys].iter().sum::<usize>() + GAP * keys.saturating_sub(1);
        for (nth, band) in bands(&widths[keys..], label, GAP, available)
            .into_iter()
            .enumerate()
        {
            if nth > 0 {
                writeln!(out)?;
            }
            let in_band = (0..keys).chain(band.map(|other| keys + other));
            let shown: Vec<(&Column, usize)> = in_band.map(|i| (&columns[i], widths[i])).collect();
            for line in 0..=self.rows.len() {
                self.line(line, &shown, label, out)?;
            }
        }
        for (lines, style) in [(&self.notes, BOLD), (&self.explanations, DIM)] {
            for line in lines.iter().flat_map(|line| wrap(line, running)) {
                writeln!(out, "{style}{line}{style:#}")?;
            }
        }
        Ok(())
    }

    /// A line of a band: its columns, beside them how wide they are, and what a last text has beyond its own
    /// in lines below, from the column `label` on.
    fn line(
        &self,
        line: usize,
        shown: &[(&Column, usize)],
        label: usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut cells: Vec<String> = shown
            .iter()
            .map(|(column, columns)| column.cell(line, *columns))
            .collect();
        let last = shown.last().filter(|_| self.wraps);
        let mut rest = last
            .map(|(last, columns)| wrap(&last.cells[line], *columns))
            .unwrap_or_default()
            .into_iter();
        if let Some(first) = rest.next() {
            cells.pop();
            cells.push(first);
        }
        let style = if line == 0 { DIM } else { Style::new() };
        let cells = cells.join(&" ".repeat(GAP));
        writeln!(out, "{style}{}{style:#}", cells.trim_end())?;
        rest.try_for_each(|more| writeln!(out, "{}{more}", " ".repeat(label + GAP)))
    }
}

/// How wide each column is where `available` columns are there, the first `keys` of which stand in every band.
fn widths(columns: &[Column], keys: usize, available: usize) -> Vec<usize> {
    let widest = |column: &Column| column.cells.iter().map(|cell| width(cell)).max().unwrap_or(0);
    let mut widths: Vec<usize> = columns.iter().map(widest).collect();
    let gaps = GAP * keys.saturating_sub(1);
    // Keys leave room for others beside them.
    if widths[..keys].iter().sum::<usize>() + gaps > available / 2 {
        let room = (available / 2 / keys.max(1)).saturating_sub(GAP).max(1);
        widths[..keys].iter_mut().for_each(|key| *key = room.min(*key));
    }
    let label = widths[..keys].iter().sum::<usize>() + gaps;
    let room = available.saturating_sub(label + GAP).max(1);
    widths[keys..]
        .iter_mut()
        .for_each(|other| *other = room.min(*other));
    widths
}

/// A column as text, its heading first.
pub(super) struct Column {
    pub cells: Vec<String>,
    /// Whether each is not what stands on its left.
    different: Vec<bool>,
    /// Text stands at the left of its column, numbers at the right.
    is_text: bool,
}

impl Column {
    /// A cell in exactly `columns` columns.
    pub fn cell(&self, line: usize, columns: usize) -> String {
        let align = if self.is_text { fit } else { right };
        let cell = align(&self.cells[line], columns);
        if !self.different[line] {
            return cell;
        }
        let text = cell.trim_end();
        let padding = &cell[text.len()..];
        format!("{DIFFERENT}{text}{DIFFERENT:#}{padding}")
    }
}
