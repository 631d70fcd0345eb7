//! The state as a screen.

mod colors;
mod grid;
mod help;
mod lines;
mod list;
mod prompt;
mod status;
mod top;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::state::{Focus, Open, State};

pub use colors::Colors;

const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws all of it.
pub fn draw(frame: &mut Frame, state: &State, colors: Colors) {
    let layout = state.layout();
    let area = frame.area();
    let inside = |pane: Rect| pane.intersection(area);
    let buffer = frame.buffer_mut();
    let mut cursor = None;
    if state.is_in_list() {
        list::draw(buffer, list_area(area), state, colors);
    } else {
        if let Some(pane) = layout.prompt {
            cursor = prompt::draw(buffer, inside(pane), state).or(cursor);
        }
        grid::draw(buffer, state, colors);
        top::draw(buffer, state, colors);
        if let Some(pane) = state.lines_pane() {
            lines::draw(buffer, inside(pane), state, colors);
        }
    }
    cursor = status::draw(buffer, inside(layout.status), state, colors).or(cursor);
    match &state.open {
        Open::Help(line, scroll) => cursor = help::draw(buffer, area, line, *scroll, state.is_in_list()),
        Open::Command(command) => help::command(buffer, area, command),
        Open::Nothing | Open::Input(..) => {}
    }
    if let Some(place) = cursor {
        frame.set_cursor_position(place);
    }
}

/// All but the status line.
fn list_area(area: Rect) -> Rect {
    Rect {
        height: area.height.saturating_sub(1),
        ..area
    }
}

/// A pane's heading: a rule with a title in it, which is bold where keys go to the pane.
fn heading(buffer: &mut Buffer, area: Rect, title: &str, has_focus: bool) {
    if area.height == 0 {
        return;
    }
    let width = usize::from(area.width);
    buffer.set_stringn(area.x, area.y, "─".repeat(width), width, DIM);
    let style = if has_focus { BOLD.patch(REVERSED) } else { BOLD };
    let room = width.saturating_sub(3);
    if room > 0 {
        let title = crate::report::text::cut(title, room.saturating_sub(2));
        buffer.set_stringn(area.x + 1, area.y, format!(" {title} "), room, style);
    }
}

/// Whether keys go to a pane.
fn has_focus(state: &State, focus: Focus) -> bool {
    state.focus == focus && state.open == Open::Nothing
}

/// What is left of an area below its first `lines`.
fn below(area: Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    Rect {
        y: area.y + lines,
        height: area.height - lines,
        ..area
    }
}
