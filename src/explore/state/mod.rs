//! What the explorer shows, and what has to be done for it: no terminal, no model, no drawing.

mod effect;
mod pins;
mod search;
mod view;

use std::ops::Range;
use std::sync::Arc;

use super::grid::{self, GridLine, Seen};
use super::layout::Layout;
use super::picture::{Names, Picture};
use crate::decoder::Point;
use crate::lens::Trajectory;
use crate::readout::{Candidate, Tracked};
use crate::report::Scale;
use crate::text::targets::Target;

pub use effect::{Busy, Effect, Message, Open, Purpose};
pub use search::Search;
pub use view::View;

/// More lines cannot be told apart.
pub const MOST_PINS: usize = 6;
/// How many top tokens are read of each cell.
pub const MOST_TOP: usize = 30;
/// A pane that keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    Grid,
    Top,
    Pins,
}

/// A cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    pub row: usize,
    pub at: usize,
}

/// All that the screen is drawn from.
#[derive(Debug, Clone)]
pub struct State {
    pub model: String,
    /// The names of the lenses that are loaded.
    pub lenses: Vec<String>,
    /// The prompt as it is asked for.
    pub prompt: String,
    pub picture: Option<Picture>,
    pub names: Names,
    pub view: View,
    pub cursor: Cursor,
    /// The first position and the first line that are seen.
    pub left: usize,
    pub above: usize,
    pub focus: Focus,
    /// Which of the cell's top tokens is selected.
    pub candidate: usize,
    pub pins: Vec<Target>,
    /// Which pinned token is selected: the one that colours are of.
    pub pin: usize,
    pub open: Open,
    pub search: Search,
    pub message: Option<Message>,
    pub busy: Option<Busy>,
    /// Whether the terminal has no colours, so that cells show numbers.
    pub numbers: bool,
    columns: u16,
    lines: u16,
}

impl State {
    /// Nothing read yet, on a screen of so many columns and lines.
    pub fn new(model: String, lenses: Vec<String>, prompt: String, (columns, lines): (u16, u16)) -> Self {
        Self {
            model,
            lenses,
            prompt,
            picture: None,
            names: Names::new(),
            view: View::default(),
            cursor: Cursor::default(),
            left: 0,
            above: 0,
            focus: Focus::Grid,
            candidate: 0,
            pins: Vec::new(),
            pin: 0,
            open: Open::Nothing,
            search: Search::default(),
            message: None,
            busy: None,
            numbers: false,
            columns,
            lines,
        }
    }

    /// The name of the lens that is looked through.
    pub fn lens(&self) -> &str {
        self.lenses.get(self.view.lens).map_or("logit", String::as_str)
    }

    /// The panes as they are.
    pub fn layout(&self) -> Layout {
        Layout::of(self.columns, self.lines)
    }

    /// The screen has another size.
    pub fn resize(&mut self, columns: u16, lines: u16) {
        (self.columns, self.lines) = (columns, lines);
        self.settle();
    }

    /// A new prompt or point begins to come in: the cursor stays where it is, or at the end.
    pub fn begin(&mut self, picture: Picture) {
        let rows = picture.sites.len();
        let was_last = |old: &Picture| self.cursor.at + 1 == old.positions();
        let keeps_place = self.picture.as_ref().is_some_and(|old| !was_last(old));
        let layer = self
            .picture
            .as_ref()
            .and_then(|old| old.sites.get(self.cursor.row))
            .copied();
        let same = layer.and_then(|site| {
            let is_same = |other: &crate::decoder::Site| {
                other.layer == site.layer && (other.point == Point::Embed) == (site.point == Point::Embed)
            };
            picture.sites.iter().position(is_same)
        });
        self.cursor = Cursor {
            row: same.unwrap_or(rows.saturating_sub(1)),
            at: match keeps_place {
                true => self.cursor.at.min(picture.positions() - 1),
                false => picture.positions() - 1,
            },
        };
        self.picture = Some(picture);
        self.candidate = 0;
        self.search = Search::default();
        self.settle();
    }

    /// The readings of some positions.
    pub fn add(&mut self, band: Range<usize>, read: Arc<Trajectory>, names: Names) {
        self.names.extend(names);
        if let Some(picture) = &mut self.picture {
            picture.add(band, read, &self.names);
        }
        self.settle();
    }

    /// The values of tokens that are followed at some positions.
    pub fn add_tracks(&mut self, band: Range<usize>, values: Vec<Vec<Vec<Tracked>>>, names: Names) {
        self.names.extend(names);
        if let Some(picture) = &mut self.picture {
            picture.add_tracks(band, values);
        }
    }

    /// Says something in the status line until the next key.
    pub fn say(&mut self, text: impl Into<String>, is_error: bool) {
        self.message = Some(Message {
            text: text.into(),
            is_error,
        });
    }

    /// The positions that are seen.
    pub fn seen(&self) -> Vec<Seen> {
        let Some(picture) = &self.picture else {
            return Vec::new();
        };
        let columns = self.layout().grid.width.into();
        grid::seen(
            picture,
            self.left,
            grid::label_width(picture),
            columns,
            self.numbers,
        )
    }

    /// The lines of the grid from the top down, seen or not.
    pub fn grid_lines(&self) -> Vec<GridLine> {
        let Some(picture) = &self.picture else {
            return Vec::new();
        };
        let seen = self.seen();
        let fold = self.view.fold.then_some(seen.as_slice());
        grid::lines(picture, &self.names, self.view.order, fold, self.cursor.row)
    }

    /// How many lines of cells the grid shows: all but the prompt's tokens and the legend.
    pub fn grid_height(&self) -> usize {
        usize::from(self.layout().grid.height).saturating_sub(2).max(1)
    }

    /// The top tokens of the cursor's cell, as many as are listed.
    pub fn top(&self) -> &[Candidate] {
        let Cursor { row, at } = self.cursor;
        let reading = self.picture.as_ref().and_then(|picture| picture.reading(row, at));
        reading.map_or(&[], |reading| {
            &reading.top[..self.view.top_k.min(reading.top.len())]
        })
    }

    /// The scale of the colours, over all cells that are read; the embedding does not count where there are
    /// other rows.
    pub fn scale(&self) -> Scale {
        let by = self.view.color_by;
        let Some(picture) = &self.picture else {
            return Scale::fit(by, std::iter::empty());
        };
        let target = self.color_target();
        let rows = 0..picture.sites.len();
        let only_embed = !rows.clone().any(|row| grid::in_block(picture, row));
        let counted = rows.filter(|&row| only_embed || grid::in_block(picture, row));
        let cells = counted.flat_map(|row| (0..picture.positions()).map(move |at| (row, at)));
        Scale::fit(
            by,
            cells.filter_map(|(row, at)| picture.color_value(by, target, row, at)),
        )
    }

    /// Scrolls so that the cursor is seen.
    pub(in crate::explore) fn settle(&mut self) {
        let Some(picture) = &self.picture else {
            return;
        };
        self.cursor.row = self.cursor.row.min(picture.sites.len().saturating_sub(1));
        self.cursor.at = self.cursor.at.min(picture.positions().saturating_sub(1));
        let room = usize::from(self.layout().grid.width).saturating_sub(grid::label_width(picture));
        self.left = grid::scrolled(picture, self.left, self.cursor.at, room, self.numbers);
        // Room that is left over at the end shows what is before.
        let last = picture.positions().saturating_sub(1);
        let from_the_end = grid::scrolled(picture, 0, last, room, self.numbers);
        self.left = self.left.min(from_the_end);
        let lines = self.grid_lines();
        let line = lines
            .iter()
            .position(|line| line.has(self.cursor.row))
            .unwrap_or(0);
        let height = self.grid_height();
        self.above = self.above.min(line).max((line + 1).saturating_sub(height));
        self.above = self.above.min(lines.len().saturating_sub(height));
        self.candidate = self.candidate.min(self.top().len().saturating_sub(1));
    }
}
