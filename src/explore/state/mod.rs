//! What the explorer shows, and what has to be done for it: no terminal, no model, no drawing.

mod beside;
mod effect;
mod list;
mod panes;
mod pins;
mod search;
mod side;
mod view;

use std::ops::Range;
use std::sync::Arc;

use super::grid;
use super::layout::Layout;
use super::picture::{Names, Picture};
use crate::analysis::divergence::Divergence;
use crate::analysis::statistics::Statistic;
use crate::decoder::{Point, Site};
use crate::lens::Trajectory;
use crate::readout::{Candidate, Tracked};
use crate::report::{ColorBy, Scale};
use crate::text::targets::Target;

pub use beside::{Beside, Difference, rows_beside};
pub use effect::{Busy, Effect, Message, Open, Purpose};
pub use list::{Entry, List, Outcome, Sort, Summary};
pub use search::Search;
pub use side::Side;
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
    /// The prompt that the cursor is in.
    pub side: Side,
    /// The other, where there are two.
    pub beside: Option<Beside>,
    /// The prompts to go through, where there is a list of them.
    pub list: Option<List>,
    /// Whether it is on the screen, and not one of its prompts.
    pub in_list: bool,
    /// The names of the lenses that are loaded.
    pub lenses: Vec<String>,
    pub view: View,
    pub cursor: Cursor,
    /// The first position and the first line that are seen.
    pub left: usize,
    pub above: usize,
    pub focus: Focus,
    /// Which of the cell's top tokens is selected.
    pub candidate: usize,
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
            side: Side::new(0, model, prompt),
            beside: None,
            list: None,
            in_list: false,
            lenses,
            view: View::default(),
            cursor: Cursor::default(),
            left: 0,
            above: 0,
            focus: Focus::Grid,
            candidate: 0,
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
        self.settle_list();
    }

    /// A new prompt or point begins to come in on a side: the cursor stays where it is, or at the end.
    pub fn begin(&mut self, which: usize, picture: Picture) {
        let is_here = self.side.which == which;
        let was_last = (self.side.picture.as_ref()).is_none_or(|old| self.cursor.at + 1 >= old.positions());
        let site = (self.side.picture.as_ref()).and_then(|old| old.site(self.cursor.row));
        let before = self.side.picture.as_ref().map_or(0, Picture::before);
        let Some(side) = self.side_of(which) else {
            return;
        };
        side.picture = Some(picture);
        if is_here {
            // Its own position, until the two are aligned.
            self.cursor.at = self.cursor.at.saturating_sub(before);
        }
        self.align();
        let Some(picture) = &self.side.picture else {
            return;
        };
        if was_last {
            self.cursor.at = picture.positions() - 1;
        }
        if is_here {
            let is_same = |row: &usize| {
                let own = picture.site(*row);
                let layer_of = |site: Site| (site.layer, site.point == Point::Embed);
                own.map(layer_of) == site.map(layer_of)
            };
            let same = (0..picture.rows()).find(|row| site.is_some() && is_same(row));
            self.cursor.row = same.unwrap_or(picture.rows().saturating_sub(1));
            self.candidate = 0;
        }
        self.search = Search::default();
        self.settle();
    }

    /// The readings of some positions of a side.
    pub fn add(&mut self, which: usize, band: Range<usize>, read: Arc<Trajectory>, names: Names) {
        let Some(side) = self.side_of(which) else {
            return;
        };
        side.names.extend(names);
        if let Some(picture) = &mut side.picture {
            picture.add(band, read, &side.names);
        }
        self.settle();
    }

    /// The values of tokens that are followed at some positions of a side.
    pub fn add_tracks(
        &mut self,
        which: usize,
        band: Range<usize>,
        values: Vec<Vec<Vec<Tracked>>>,
        names: Names,
    ) {
        let Some(side) = self.side_of(which) else {
            return;
        };
        side.names.extend(names);
        if let Some(picture) = &mut side.picture {
            picture.add_tracks(band, values);
        }
    }

    /// How far the two sides are apart at a position, counted from the end.
    pub fn add_gaps(&mut self, from_end: usize, gaps: Vec<Option<Divergence>>) {
        if let Some(beside) = &mut self.beside {
            beside.gaps.insert(from_end, gaps);
        }
    }

    /// Says something in the status line until the next key.
    pub fn say(&mut self, text: impl Into<String>, is_error: bool) {
        self.message = Some(Message {
            text: text.into(),
            is_error,
        });
    }

    /// The top tokens of the cursor's cell, as many as are listed.
    pub fn top(&self) -> &[Candidate] {
        self.top_of(&self.side)
    }

    /// The top tokens of the cursor's cell on a side.
    pub fn top_of<'a>(&self, side: &'a Side) -> &'a [Candidate] {
        let Cursor { row, at } = self.cursor;
        let reading = side.picture.as_ref().and_then(|picture| picture.reading(row, at));
        reading.map_or(&[], |reading| {
            &reading.top[..self.view.top_k.min(reading.top.len())]
        })
    }

    /// What a cell's colour says.
    pub fn color_value(&self, side: &Side, row: usize, at: usize) -> Option<f64> {
        match self.view.difference {
            Some(difference) => self.gap(difference, row, at),
            None => {
                let picture = side.picture.as_ref()?;
                picture.color_value(self.view.color_by, side.color_target(), row, at)
            }
        }
    }

    /// The scale of the colours, over all cells that are read, of both sides; the embedding does not count where
    /// there are other rows.
    pub fn scale(&self) -> Scale {
        let by = self.view.difference.map_or(self.view.color_by, Difference::scale);
        if matches!(
            by,
            ColorBy::Prob | ColorBy::Target | ColorBy::Statistic(Statistic::Tv)
        ) {
            // From 0 to 1, whatever the values are.
            return Scale::fit(by, std::iter::empty());
        }
        let (first, second) = self.sides();
        // The difference is of both.
        let second = second.filter(|_| self.view.difference.is_none());
        let mut values = Vec::new();
        for side in std::iter::once(first).chain(second) {
            let Some(picture) = &side.picture else {
                continue;
            };
            let rows = 0..picture.rows();
            let only_embed = !rows.clone().any(|row| grid::in_block(picture, row));
            for row in rows.filter(|&row| only_embed || grid::in_block(picture, row)) {
                let of_row = (0..picture.positions()).filter_map(|at| self.color_value(side, row, at));
                values.extend(of_row);
            }
        }
        Scale::fit(by, values.into_iter())
    }
}
