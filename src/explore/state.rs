//! What the explorer shows, and what has to be done for it: no terminal, no model, no drawing.

use std::ops::Range;
use std::sync::Arc;

use super::grid::{self, GridLine, Seen};
use super::layout::Layout;
use super::line::Line;
use super::picture::{Names, Picture, label};
use crate::analysis::statistics::Statistic;
use crate::decoder::Point;
use crate::lens::Trajectory;
use crate::readout::{Candidate, Tracked};
use crate::report::{ColorBy, Order, Scale};
use crate::text::targets::Target;

/// More lines cannot be told apart.
pub const MOST_PINS: usize = 6;
/// How many top tokens are read of each cell.
pub const MOST_TOP: usize = 30;
/// What `c` goes through.
const COLORS: [ColorBy; 5] = [
    ColorBy::Prob,
    ColorBy::Target,
    ColorBy::Rank,
    ColorBy::Statistic(Statistic::Entropy),
    ColorBy::Statistic(Statistic::ForwardKl),
];
/// What `p` goes through.
const POINTS: [Point; 4] = [Point::ResidPost, Point::ResidMid, Point::AttnOut, Point::MlpOut];

/// How the readings are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub color_by: ColorBy,
    pub order: Order,
    /// Whether rows without words are folded.
    pub fold: bool,
    /// Whether top tokens that are no words are hidden.
    pub words: bool,
    /// How many top tokens are listed.
    pub top_k: usize,
    pub point: Point,
}

impl Default for View {
    fn default() -> Self {
        Self {
            color_by: ColorBy::Prob,
            order: Order::default(),
            fold: false,
            words: false,
            top_k: 10,
            point: Point::ResidPost,
        }
    }
}

/// A pane that keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    Grid,
    Top,
    Pins,
}

/// What a line is typed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A token to be found; with the cursor to come back to.
    Find(Cursor),
    /// A token to be pinned.
    Token,
    /// The prompt; with what it was.
    Prompt(String),
    /// The name of a file for the view; whether one that is there may be replaced.
    Write(bool),
}

/// What stands above the panes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    Nothing,
    /// The help, with what is searched in it and how far it is scrolled.
    Help(Line, usize),
    Input(Purpose, Line),
    /// The command that gives this view.
    Command(String),
}

/// A cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    pub row: usize,
    pub at: usize,
}

/// What the status line says once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    pub is_error: bool,
}

/// What the loop has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Quit,
    Suspend,
    /// Draw everything anew, whatever the terminal shows.
    Redraw,
    /// Read the prompt at the point that is chosen.
    Read,
    /// Follow these tokens everywhere.
    Follow(Vec<u32>),
    /// Read what is near this position first.
    Look(usize),
    /// Find the token that a text is, and pin it.
    Resolve(String),
    /// Read this text once the keys rest, or at once.
    Edit {
        text: String,
        now: bool,
    },
    /// Read one token more: the one that the model would say.
    Continue,
    /// Read one token less.
    TakeBack,
    /// Write the view to this file; whether it may replace one that is there.
    Write {
        file: String,
        replace: bool,
    },
    /// Show and copy the command that gives this view.
    Command,
}

/// How far a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// What there are `total` of.
    pub what: &'static str,
    pub done: usize,
    pub total: usize,
}

/// Where a token that is searched for was found, the likeliest place first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Search {
    pub text: String,
    pub hits: Vec<Cursor>,
    pub nth: usize,
}

/// All that the screen is drawn from.
#[derive(Debug, Clone)]
pub struct State {
    pub model: String,
    pub lens: String,
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
    pub fn new(model: String, lens: String, prompt: String, (columns, lines): (u16, u16)) -> Self {
        Self {
            model,
            lens,
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

    /// The token that colours are of, where one is pinned.
    pub fn color_target(&self) -> Option<&Target> {
        self.pins.get(self.pin)
    }

    /// What the lines are of: the pinned tokens, or else those that lead at some layer at the cursor's position.
    pub fn followed(&self) -> Vec<Target> {
        if !self.pins.is_empty() {
            return self.pins.clone();
        }
        let Some(picture) = &self.picture else {
            return Vec::new();
        };
        let leading = picture.leading(self.cursor.at).into_iter().take(MOST_PINS);
        leading.map(|id| self.target(id)).collect()
    }

    fn target(&self, id: u32) -> Target {
        Target {
            name: label(&self.names, id).to_string(),
            ids: vec![id],
            other_form: None,
            sequence: false,
        }
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

    /// Pins a token, or selects it where it is pinned.
    pub fn pin_target(&mut self, target: Target) -> Option<Effect> {
        if let Some(pinned) = self.pins.iter().position(|pin| pin.ids == target.ids) {
            self.pin = pinned;
            self.say(format!("{} is pinned already.", target.name), false);
            return None;
        }
        if self.pins.len() == MOST_PINS {
            self.say(
                format!("{MOST_PINS} tokens are pinned: unpin one first (x)."),
                true,
            );
            return None;
        }
        let ids = target.ids.clone();
        self.pins.push(target);
        self.pin = self.pins.len() - 1;
        Some(Effect::Follow(ids))
    }

    /// Pins the selected token: of the list, or the cell's first.
    pub(super) fn pin_selected(&mut self) -> Option<Effect> {
        let nth = match self.focus {
            Focus::Top => self.candidate,
            Focus::Grid | Focus::Pins => 0,
        };
        let id = self.top().get(nth)?.id;
        let target = self.target(id);
        self.pin_target(target)
    }

    /// Unpins the selected token.
    pub(super) fn unpin(&mut self) {
        if self.pin < self.pins.len() {
            self.pins.remove(self.pin);
            self.pin = self.pin.min(self.pins.len().saturating_sub(1));
        }
        if self.pins.is_empty() && self.focus == Focus::Pins {
            self.focus = Focus::Grid;
        }
    }

    /// Goes `by` steps through what colours say.
    pub(super) fn turn_color(&mut self, by: isize) {
        self.view.color_by = step(&COLORS, self.view.color_by, by);
    }

    /// Goes to the next point.
    pub(super) fn turn_point(&mut self) {
        self.view.point = step(&POINTS, self.view.point, 1);
    }

    /// Finds the cells among whose top tokens is one with `text` in it, the likeliest first, and goes to the
    /// first.
    pub(super) fn find(&mut self, text: &str) {
        self.search = Search {
            text: text.to_string(),
            hits: self.hits(text),
            nth: 0,
        };
        self.go_to_hit();
    }

    /// Goes `by` places through those found.
    pub(super) fn turn_hit(&mut self, by: isize) {
        if self.search.text.is_empty() {
            self.say("Nothing is searched for yet: / finds a token.", true);
            return;
        }
        // Others may have been read since.
        self.search.hits = self.hits(&self.search.text);
        let count = self.search.hits.len() as isize;
        if count > 0 {
            self.search.nth = (self.search.nth as isize + by).rem_euclid(count) as usize;
        }
        self.go_to_hit();
    }

    fn go_to_hit(&mut self) {
        let count = self.search.hits.len();
        match self.search.hits.get(self.search.nth) {
            Some(&hit) => {
                self.cursor = hit;
                self.focus = Focus::Grid;
                self.candidate = 0;
                self.say(
                    format!("place {} of {count}, by probability", self.search.nth + 1),
                    false,
                );
            }
            None if self.search.text.is_empty() => self.message = None,
            None => self.say(
                format!("Not among the {MOST_TOP} likeliest of any cell; t follows any token."),
                true,
            ),
        }
    }

    fn hits(&self, text: &str) -> Vec<Cursor> {
        let Some(picture) = &self.picture else {
            return Vec::new();
        };
        let text = text.to_lowercase().replace(' ', "␣");
        if text.is_empty() {
            return Vec::new();
        }
        let wanted: std::collections::HashSet<u32> = (self.names.iter())
            .filter(|(_, name)| name.label.to_lowercase().contains(&text))
            .map(|(&id, _)| id)
            .collect();
        let mut hits = Vec::new();
        for row in (0..picture.sites.len()).filter(|&row| grid::in_block(picture, row)) {
            for at in 0..picture.positions() {
                let top = picture.reading(row, at).map_or(&[][..], |reading| &reading.top);
                if let Some(found) = top.iter().find(|candidate| wanted.contains(&candidate.id)) {
                    hits.push((found.prob, Cursor { row, at }));
                }
            }
        }
        hits.sort_by(|a, b| b.0.total_cmp(&a.0));
        hits.into_iter().map(|(_, cursor)| cursor).collect()
    }

    /// Scrolls so that the cursor is seen.
    pub(super) fn settle(&mut self) {
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

/// The member of `all` that is `by` steps after `current`, in a circle.
fn step<T: Copy + PartialEq>(all: &[T], current: T, by: isize) -> T {
    let at = all.iter().position(|&other| other == current).unwrap_or(0);
    all[(at as isize + by).rem_euclid(all.len() as isize) as usize]
}
