//! What keys and the mouse do in a list of prompts.

use ratatui::crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};

use crate::explore::keys::Action;
use crate::explore::line::Line;
use crate::explore::state::{Effect, Open, Purpose, State};

/// The first entry stands below the selected prompt and the heading.
const FIRST: usize = 2;

impl State {
    /// Does what a key does in the list.
    pub(super) fn act_in_list(&mut self, action: Action) -> Option<Effect> {
        let page = self.list_height() as isize;
        match action {
            Action::Up => self.move_in_list(-1),
            Action::Down => self.move_in_list(1),
            Action::PageUp => self.move_in_list(-page),
            Action::PageDown => self.move_in_list(page),
            Action::FirstLayer | Action::FirstPosition => self.move_in_list(isize::MIN),
            Action::LastLayer | Action::LastPosition => self.move_in_list(isize::MAX),
            Action::Open => return self.open_selected(),
            Action::Filter => {
                let filter = self
                    .list
                    .as_ref()
                    .map_or(String::new(), |list| list.filter.clone());
                self.open = Open::Input(Purpose::Filter(filter.clone()), Line::new(filter));
            }
            Action::Sort => self.turn_sort(),
            Action::ShowAll => self.filter_list(""),
            Action::Help => self.open = Open::Help(Line::default(), 0),
            Action::Quit => return Some(Effect::Quit),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Redraw => return Some(Effect::Redraw),
            _ => self.say("That is for a prompt: Enter opens one.", false),
        }
        None
    }

    fn open_selected(&mut self) -> Option<Effect> {
        let nth = self.list.as_ref()?.selection()?;
        Some(self.open_entry(nth))
    }

    /// Opens the prompt `by` further on in the list than the one in the grid.
    pub(super) fn open_neighbour(&mut self, by: isize) -> Option<Effect> {
        if self.list.is_none() {
            self.say("There is one prompt; --prompts FILE lists many.", true);
            return None;
        }
        match self.neighbour(by) {
            Some(nth) => Some(self.open_entry(nth)),
            None => {
                self.say("The list ends here.", false);
                None
            }
        }
    }

    /// Opens a prompt of the list in the grid.
    fn open_entry(&mut self, nth: usize) -> Effect {
        if let Some(list) = &mut self.list {
            list.opened = Some(nth);
        }
        self.in_list = false;
        Effect::Open(nth)
    }

    /// Types a filter: what has it is seen at once; given up, it is as it was.
    pub(super) fn press_in_filter(&mut self, key: &KeyEvent, before: String, mut line: Line) {
        match key.code {
            KeyCode::Esc => return self.filter_list(&before),
            KeyCode::Enter => return,
            KeyCode::Up => self.move_in_list(-1),
            KeyCode::Down => self.move_in_list(1),
            _ if line.press(key) => self.filter_list(line.text()),
            _ => {}
        }
        self.open = Open::Input(Purpose::Filter(before), line);
    }

    /// Does what the mouse does in the list: a click selects, one more opens.
    pub(super) fn mouse_in_list(&mut self, event: &MouseEvent) -> Option<Effect> {
        match event.kind {
            MouseEventKind::ScrollUp => self.move_in_list(-1),
            MouseEventKind::ScrollDown => self.move_in_list(1),
            MouseEventKind::Down(MouseButton::Left) => {
                let line = usize::from(event.row).checked_sub(FIRST)?;
                let height = self.list_height();
                let list = self.list.as_mut()?;
                let nth = list.above + line;
                if line >= height || nth >= list.shown.len() {
                    return None;
                }
                if list.selected == nth {
                    return self.open_selected();
                }
                list.selected = nth;
            }
            _ => {}
        }
        None
    }
}
