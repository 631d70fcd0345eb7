//! What the mouse does.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::explore::grid::{GridLine, Seen};
use crate::explore::state::{Effect, Focus, Open, State};
use crate::report::Order;

/// Lines that one notch of the wheel moves.
const NOTCH: isize = 1;

impl State {
    /// Does what the mouse does.
    pub fn mouse(&mut self, event: &MouseEvent) -> Option<Effect> {
        if self.open != Open::Nothing {
            return None;
        }
        if self.is_in_list() {
            self.message = None;
            return self.mouse_in_list(event);
        }
        let before = self.cursor;
        let place = Position::new(event.column, event.row);
        match event.kind {
            MouseEventKind::ScrollUp => self.move_lines(-NOTCH),
            MouseEventKind::ScrollDown => self.move_lines(NOTCH),
            MouseEventKind::Down(MouseButton::Left) => self.click(place),
            _ => return None,
        }
        self.message = None;
        self.settle();
        self.look(before)
    }

    fn click(&mut self, place: Position) {
        let line_in = |pane: Rect| usize::from(place.y - pane.y);
        if let Some(&(which, pane)) = self.grids().iter().find(|(_, pane)| pane.contains(place)) {
            self.focus = Focus::Grid;
            if which != self.side.which {
                self.swap_sides();
            }
            let line = line_in(pane).checked_sub(self.grid_heading().into());
            if let Some(line) = line {
                self.click_in_grid(line, usize::from(place.x - pane.x));
            }
        } else if let Some(pane) = self.tops().0.filter(|pane| pane.contains(place)) {
            self.focus = Focus::Top;
            let nth = self.first_candidate() + line_in(pane).saturating_sub(1);
            if nth < self.top().len() {
                self.candidate = nth;
            }
        }
    }

    fn click_in_grid(&mut self, line: usize, column: usize) {
        let line = match self.view.order {
            Order::Up => Some(line),
            // The prompt's tokens stand above.
            Order::Down => line.checked_sub(1),
        };
        let is_there = |line: &usize| *line < self.grid_height();
        let lines = self.grid_lines();
        let hit = line
            .filter(is_there)
            .and_then(|line| lines.get(self.above + line));
        if let Some(GridLine::Row(row)) = hit {
            self.cursor.row = *row;
        }
        let under = |seen: &&Seen| (seen.x..seen.x + seen.width).contains(&column);
        if let Some(seen) = self.seen().iter().find(under) {
            self.cursor.at = seen.at;
        }
    }
}
