//! What keys and the mouse do to the state.

mod list;
mod mouse;

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::grid::GridLine;
use super::keys::{self, Action};
use super::line::Line;
use super::state::{Cursor, Effect, Focus, MOST_TOP, Open, Purpose, State};
use crate::report::Order;

/// The name that a written view has unless it is given another.
const FILE: &str = "lens.html";

impl State {
    /// Does what a key does, and says what else has to be done.
    pub fn press(&mut self, key: &KeyEvent) -> Option<Effect> {
        self.message = None;
        let before = self.cursor;
        let action = keys::action(key, self.is_in_list());
        if action == Some(Action::Quit) && !matches!(key.code, KeyCode::Char('q')) {
            return Some(Effect::Quit);
        }
        let effect = match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing if self.is_in_list() => action.and_then(|action| self.act_in_list(action)),
            Open::Nothing => action.and_then(|action| self.act(action)),
            Open::Help(line, scroll) => {
                self.press_in_help(key, line, scroll);
                None
            }
            Open::Input(purpose, line) => self.press_in_input(key, purpose, line),
            // Any key closes it.
            Open::Command(_) => None,
        };
        self.settle();
        effect.or_else(|| self.look(before))
    }

    /// Takes in text that is pasted: where a line is typed, as typed there.
    pub fn paste(&mut self, text: &str) -> Option<Effect> {
        match &mut self.open {
            Open::Input(purpose, line) => {
                line.insert(text);
                match purpose {
                    Purpose::Prompt(_) => Some(edit(line, false)),
                    Purpose::Filter(_) => {
                        let text = line.text().to_string();
                        self.filter_list(&text);
                        None
                    }
                    _ => None,
                }
            }
            Open::Help(line, _) => {
                line.insert(text);
                None
            }
            Open::Nothing | Open::Command(_) => None,
        }
    }

    /// What is not read yet under the cursor is wanted first.
    fn look(&self, before: Cursor) -> Option<Effect> {
        let picture = self.side.picture.as_ref()?;
        let is_new = before.at != self.cursor.at && !picture.is_whole();
        is_new.then_some(Effect::Look(self.cursor.at))
    }

    fn act(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Left => self.move_positions(-1),
            Action::Right => self.move_positions(1),
            Action::Up => self.up_or_down(-1),
            Action::Down => self.up_or_down(1),
            Action::PageUp => self.move_lines(-(self.grid_height() as isize)),
            Action::PageDown => self.move_lines(self.grid_height() as isize),
            Action::FirstLayer => self.cursor.row = 0,
            Action::LastLayer => self.cursor.row = usize::MAX,
            Action::FirstPosition => self.cursor.at = 0,
            Action::LastPosition => self.cursor.at = usize::MAX,
            Action::NextPane => self.turn_focus(1),
            Action::PreviousPane => self.turn_focus(-1),
            Action::Find => self.open = Open::Input(Purpose::Find(self.cursor), Line::default()),
            Action::NextHit => self.turn_hit(1),
            Action::PreviousHit => self.turn_hit(-1),
            Action::TypeToken => self.open = Open::Input(Purpose::Token, Line::default()),
            Action::Edit => {
                let text = self.side.prompt.clone();
                self.open = Open::Input(Purpose::Prompt(text.clone()), Line::new(text));
            }
            Action::Continue => return Some(Effect::Continue),
            Action::TakeBack => return Some(Effect::TakeBack),
            Action::Write => self.open = Open::Input(Purpose::Write(false), Line::new(FILE)),
            Action::Command => return Some(Effect::Command),
            Action::Pin => return self.pin_selected(),
            Action::Unpin => self.unpin(),
            Action::NextColor => self.turn_color(1),
            Action::PreviousColor => self.turn_color(-1),
            Action::NextPoint => {
                self.turn_point();
                return Some(Effect::Read);
            }
            Action::Beside => {
                if self.beside.is_some() && self.side.which == 0 {
                    self.swap_sides();
                }
                let text = self.side.prompt.clone();
                self.open = Open::Input(Purpose::Beside, Line::new(text));
            }
            Action::LeaveBeside if self.beside.is_some() => {
                self.leave_beside();
                return Some(Effect::LeaveBeside);
            }
            Action::LeaveBeside => {}
            Action::Difference => return self.turn_difference(),
            Action::NextLens => return self.turn_lens().then_some(Effect::Read),
            Action::FewerTokens => self.view.top_k = (self.view.top_k - 1).max(1),
            Action::MoreTokens => self.view.top_k = (self.view.top_k + 1).min(MOST_TOP),
            Action::TurnOrder => {
                self.view.order = match self.view.order {
                    Order::Up => Order::Down,
                    Order::Down => Order::Up,
                }
            }
            Action::Fold => self.view.fold = !self.view.fold,
            Action::Words => self.view.words = !self.view.words,
            Action::Help => self.open = Open::Help(Line::default(), 0),
            Action::Close => {
                // First out of a pane, then back to the list.
                self.in_list = self.focus == Focus::Grid && self.list.is_some();
                self.focus = Focus::Grid;
            }
            Action::NextPrompt => return self.open_neighbour(1),
            Action::PreviousPrompt => return self.open_neighbour(-1),
            // Those of the list.
            Action::Open | Action::Filter | Action::Sort | Action::ShowAll => {}
            Action::Quit => return Some(Effect::Quit),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Redraw => return Some(Effect::Redraw),
        }
        None
    }

    fn press_in_help(&mut self, key: &KeyEvent, mut line: Line, scroll: usize) {
        let scroll = match key.code {
            KeyCode::Esc | KeyCode::Enter => return,
            // Without a search, the key that opened it closes it, and so does the one that quits.
            KeyCode::Char('?' | 'q') if line.text().is_empty() => return,
            KeyCode::Up => scroll.saturating_sub(1),
            KeyCode::Down => scroll + 1,
            KeyCode::PageUp => scroll.saturating_sub(10),
            KeyCode::PageDown => scroll + 10,
            _ if line.press(key) => 0,
            _ => scroll,
        };
        let last = keys::help(line.text()).len().saturating_sub(1);
        self.open = Open::Help(line, scroll.min(last));
    }

    fn press_in_input(&mut self, key: &KeyEvent, purpose: Purpose, mut line: Line) -> Option<Effect> {
        let text = line.text().to_string();
        match (key.code, purpose) {
            (_, Purpose::Filter(before)) => {
                self.press_in_filter(key, before, line);
                None
            }
            (KeyCode::Esc, Purpose::Find(cursor)) => {
                self.cursor = cursor;
                None
            }
            // What it was is read again, if anything else was.
            (KeyCode::Esc, Purpose::Prompt(before)) => (before != text).then_some(Effect::Edit {
                text: before,
                now: true,
            }),
            (KeyCode::Esc, Purpose::Token | Purpose::Write(_) | Purpose::Beside) => None,
            (KeyCode::Enter, Purpose::Beside) => (!text.is_empty()).then_some(Effect::Beside(text)),
            (KeyCode::Enter, Purpose::Find(_)) => {
                self.find(&text);
                None
            }
            (KeyCode::Enter, Purpose::Token) => (!text.is_empty()).then_some(Effect::Resolve(text)),
            (KeyCode::Enter, Purpose::Prompt(before)) => {
                (before != text).then_some(Effect::Edit { text, now: true })
            }
            (KeyCode::Enter, Purpose::Write(replace)) => {
                (!text.is_empty()).then_some(Effect::Write { file: text, replace })
            }
            (_, purpose) => {
                let effect = match (line.press(key), &purpose) {
                    (true, Purpose::Find(_)) => {
                        self.find(line.text());
                        None
                    }
                    (true, Purpose::Prompt(_)) => Some(edit(&line, false)),
                    _ => None,
                };
                self.open = Open::Input(purpose, line);
                effect
            }
        }
    }

    fn move_positions(&mut self, by: isize) {
        self.cursor.at = self.cursor.at.saturating_add_signed(by);
        if self.focus == Focus::Top {
            self.candidate = 0;
        }
    }

    /// In the grid a line, in the lists an entry.
    fn up_or_down(&mut self, by: isize) {
        match self.focus {
            Focus::Grid => self.move_lines(by),
            Focus::Top => self.candidate = self.candidate.saturating_add_signed(by),
            Focus::Pins => self.select_pin(by),
        }
    }

    /// Moves the cursor by lines of the grid, over what is folded.
    fn move_lines(&mut self, by: isize) {
        let lines = self.grid_lines();
        let Some(here) = lines.iter().position(|line| line.has(self.cursor.row)) else {
            return;
        };
        let last = lines.len() - 1;
        let mut there = here.saturating_add_signed(by).min(last);
        let row_at = |there: usize| match lines.get(there) {
            Some(GridLine::Row(row)) => Some(*row),
            _ => None,
        };
        // Folds are never beside each other.
        if row_at(there).is_none() {
            there = match by < 0 {
                true if there > 0 => there - 1,
                false if there < last => there + 1,
                _ => here,
            };
        }
        self.cursor.row = row_at(there).unwrap_or(self.cursor.row);
    }

    /// The next pane that is on the screen and has something to select.
    fn turn_focus(&mut self, by: isize) {
        let layout = self.layout();
        let which = self.side.which;
        let mut panes = vec![(Focus::Grid, 0)];
        if self.beside.is_some() {
            panes.push((Focus::Grid, 1));
        }
        if layout.top.is_some() {
            panes.push((Focus::Top, which));
        }
        if layout.lines.is_some() && !self.side.pins.is_empty() {
            panes.push((Focus::Pins, which));
        }
        let is_here = |pane: &(Focus, usize)| pane.0 == self.focus && pane.1 == which;
        let here = panes.iter().position(is_here).unwrap_or(0);
        let (focus, side) = panes[(here as isize + by).rem_euclid(panes.len() as isize) as usize];
        self.focus = focus;
        if side != which {
            self.swap_sides();
        }
        self.candidate = 0;
    }

    /// The first of the top tokens that is seen in their pane, so that the selected one is.
    pub fn first_candidate(&self) -> usize {
        let (own, _) = self.tops();
        let height = own.map_or(0, |pane| usize::from(pane.height));
        // The heading, and below the list a line of statistics.
        let room = height.saturating_sub(2).max(1);
        (self.candidate + 1).saturating_sub(room)
    }
}

fn edit(line: &Line, now: bool) -> Effect {
    Effect::Edit {
        text: line.text().to_string(),
        now,
    }
}
