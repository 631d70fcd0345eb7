//! Which cells of a picture are seen: columns that fit, rows that are not folded.

use std::ops::Range;

use super::picture::{Names, Picture};
use crate::decoder::Point;
use crate::report::Order;

/// A token longer than this is cut, as in `--heatmap`.
const WIDEST: usize = 10;
const NARROWEST: usize = 4;
/// A space on either side.
const PADDING: usize = 2;
/// Without colours, a cell's number and the space before it take one more than the second space.
const NUMBER: usize = 2;
/// Fewer rows below each other stay as they are.
const SHORTEST_RUN: usize = 3;

/// A position that is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub at: usize,
    /// Its first column, from the grid's left edge.
    pub x: usize,
    pub width: usize,
}

/// A line of the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GridLine {
    Row(usize),
    /// Rows without a word at any position that is seen, in the model's order.
    Folded(Range<usize>),
}

impl GridLine {
    /// Whether it is or holds the row.
    pub fn has(&self, row: usize) -> bool {
        match self {
            Self::Row(own) => *own == row,
            Self::Folded(rows) => rows.contains(&row),
        }
    }
}

/// The columns of the rows' names, with a space after them.
pub fn label_width(picture: &Picture) -> usize {
    let names = picture.sites.iter().map(|site| site.to_string().len());
    1 + names.max().unwrap_or(0)
}

/// The columns of a grid, or of two beside each other that have the same: those of the wider.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    pub picture: &'a Picture,
    pub beside: Option<&'a Picture>,
    /// Whether cells show numbers.
    pub numbers: bool,
}

impl Columns<'_> {
    /// The columns of the rows' names.
    pub fn label(self) -> usize {
        label_width(self.picture).max(self.beside.map_or(0, label_width))
    }

    /// The number of positions.
    pub fn positions(self) -> usize {
        self.picture.positions()
    }

    /// The columns that a position takes.
    fn width(self, at: usize) -> usize {
        let padding = if self.numbers { PADDING + NUMBER } else { PADDING };
        let widest = self
            .picture
            .width(at)
            .max(self.beside.map_or(0, |other| other.width(at)));
        widest.clamp(NARROWEST, WIDEST) + padding
    }
}

/// The positions from `left` on that fit `room` columns, the rows' names among them. The last is cut where it would
/// be the only one.
pub fn seen(columns: Columns, left: usize, room: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut x = columns.label();
    let all = room;
    for at in left..columns.positions() {
        let room = all.saturating_sub(x);
        let width = columns.width(at);
        if width > room && !seen.is_empty() {
            break;
        }
        let width = width.min(room);
        seen.push(Seen { at, x, width });
        x += width;
    }
    seen
}

/// The first position to be seen so that `at` is: `left`, if it is then; else the nearest.
pub fn scrolled(columns: Columns, left: usize, at: usize, room: usize) -> usize {
    if at < left {
        return at;
    }
    let mut used = 0;
    let fits = |&there: &usize| {
        used += columns.width(there);
        used <= room
    };
    let first = (0..=at).rev().take_while(fits).last().unwrap_or(at);
    left.max(first)
}

/// The lines from the top down. If `fold`, runs of rows without a word among the top-1s at the positions
/// `seen` of any grid are one line each, but for the last row, the row `kept`, and rows that are not read yet.
pub fn lines(
    grids: &[(&Picture, &Names)],
    order: Order,
    fold: Option<&[Seen]>,
    kept: usize,
) -> Vec<GridLine> {
    let rows = grids.first().map_or(0, |(picture, _)| picture.rows());
    let is_word = |row: usize, at: usize| {
        let mut readings = grids
            .iter()
            .map(|(picture, names)| match picture.reading(row, at) {
                Some(reading) => names.get(&reading.top1().id).is_none_or(|name| name.is_word),
                None => picture.is_awaited(at),
            });
        readings.any(|is_word| is_word)
    };
    let says_nothing = |row: usize, seen: &[Seen]| {
        row != kept && row + 1 < rows && !seen.iter().any(|seen| is_word(row, seen.at))
    };
    let mut lines = Vec::new();
    let mut row = 0;
    while row < rows {
        let nothing = |seen: &[Seen]| (row..rows).take_while(|&row| says_nothing(row, seen)).count();
        let run = fold.map_or(0, nothing);
        if run >= SHORTEST_RUN {
            lines.push(GridLine::Folded(row..row + run));
            row += run;
        } else {
            let shown = run.max(1);
            lines.extend((row..row + shown).map(GridLine::Row));
            row += shown;
        }
    }
    if order == Order::Up {
        lines.reverse();
    }
    lines
}

/// Whether a row is of a block, and not the stream before all of them.
pub fn in_block(picture: &Picture, row: usize) -> bool {
    picture.site(row).is_some_and(|site| site.point != Point::Embed)
}
