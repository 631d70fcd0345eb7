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

/// The columns that a position takes.
fn column_width(picture: &Picture, at: usize, numbers: bool) -> usize {
    let beside = if numbers { PADDING + NUMBER } else { PADDING };
    picture.width(at).clamp(NARROWEST, WIDEST) + beside
}

/// The positions from `left` on that fit `columns`, of which the rows' names take `label`. The last is cut where
/// it would be the only one.
pub fn seen(picture: &Picture, left: usize, label: usize, columns: usize, numbers: bool) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut x = label;
    for at in left..picture.positions() {
        let room = columns.saturating_sub(x);
        let width = column_width(picture, at, numbers);
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
pub fn scrolled(picture: &Picture, left: usize, at: usize, room: usize, numbers: bool) -> usize {
    if at < left {
        return at;
    }
    let mut used = 0;
    let fits = |&there: &usize| {
        used += column_width(picture, there, numbers);
        used <= room
    };
    let first = (0..=at).rev().take_while(fits).last().unwrap_or(at);
    left.max(first)
}

/// The lines from the top down. If `fold`, runs of rows without a word among the top-1s at the positions
/// `seen` are one line each, but for the last row, the row `kept`, and rows that are not read yet.
pub fn lines(
    picture: &Picture,
    names: &Names,
    order: Order,
    fold: Option<&[Seen]>,
    kept: usize,
) -> Vec<GridLine> {
    let rows = picture.sites.len();
    let says_nothing = |row: usize, seen: &[Seen]| {
        let is_word = |at: usize| match picture.reading(row, at) {
            Some(reading) => names.get(&reading.top1().id).is_none_or(|name| name.is_word),
            None => true,
        };
        row != kept && row + 1 < rows && !seen.iter().any(|seen| is_word(seen.at))
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
    picture
        .sites
        .get(row)
        .is_some_and(|site| site.point != Point::Embed)
}
