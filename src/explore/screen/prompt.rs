//! The prompt in a line, and lines that are typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{BOLD, DIM};
use crate::explore::line::Line;
use crate::explore::state::{Open, Purpose, State};
use crate::report::text::{cut, fit, plain, width};

/// Draws the prompt, and how many tokens it has.
pub fn draw(buffer: &mut Buffer, area: Rect, state: &State) -> Option<Position> {
    if let Open::Input(Purpose::Prompt(_), line) = &state.open {
        return input(buffer, area, " prompt: ", line);
    }
    let columns = usize::from(area.width);
    let count = state
        .side
        .picture
        .as_ref()
        .map_or(0, |picture| picture.heads.len());
    let tokens = match count {
        0 => String::new(),
        1 => "  1 token ".to_string(),
        n => format!("  {n} tokens "),
    };
    let room = columns.saturating_sub(width(&tokens) + 1);
    let prompt = cut(&plain(&state.side.prompt), room);
    buffer.set_stringn(area.x, area.y, format!(" {}", fit(&prompt, room)), columns, BOLD);
    let x = columns.saturating_sub(width(&tokens));
    buffer.set_stringn(area.x + x as u16, area.y, &tokens, columns - x, DIM);
    None
}

/// Draws a line that is typed after `title`, scrolled so that the cursor is seen; where the cursor is.
pub fn input(buffer: &mut Buffer, area: Rect, title: &str, line: &Line) -> Option<Position> {
    if area.height == 0 || area.width == 0 {
        return None;
    }
    let columns = usize::from(area.width);
    let title = cut(title, columns / 2);
    let room = columns.saturating_sub(width(&title) + 1);
    let (before, after) = line.parts();
    let (before, after) = (plain(before), plain(after));
    let before = end(&before, room.saturating_sub(1));
    let text = format!("{before}{after}");
    buffer.set_stringn(area.x, area.y, &title, columns, BOLD);
    let x = area.x + width(&title) as u16;
    buffer.set_stringn(x, area.y, fit(&text, room), room, ratatui::style::Style::new());
    Some(Position::new(x + width(before) as u16, area.y))
}

/// The end of `text` that takes at most `columns` columns.
pub fn end(text: &str, columns: usize) -> &str {
    let mut start = 0;
    for (i, c) in text.char_indices() {
        if width(&text[start..]) <= columns {
            break;
        }
        start = i + c.len_utf8();
    }
    &text[start..]
}
