//! The keys above everything else, with a search.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::{Block, Clear, Widget};

use super::prompt::input;
use super::{BOLD, DIM, below};
use crate::explore::keys::{HelpLine, help, help_in_list};
use crate::explore::line::Line;
use crate::report::text::{fit, plain, wrap};

/// The most columns of it.
const WIDEST: u16 = 84;
/// Of the keys.
const KEYS: usize = 16;

/// Draws the lines that have what is searched for.
pub fn draw(buffer: &mut Buffer, area: Rect, line: &Line, scroll: usize, in_list: bool) -> Option<Position> {
    let lines = match in_list {
        true => help_in_list(line.text()),
        false => help(line.text()),
    };
    let all = help("").len() as u16;
    let width = area.width.min(WIDEST);
    let height = area.height.min(all + 4);
    let place = Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    );
    Clear.render(place, buffer);
    let block = Block::bordered()
        .title(" Keys ")
        .title_bottom(" Esc closes, ↑ ↓ scroll ");
    let inside = block.inner(place);
    block.render(place, buffer);
    let cursor = input(buffer, inside, " search: ", line);
    let list = below(inside, 2);
    let columns = usize::from(list.width);
    if lines.is_empty() && list.height > 0 {
        buffer.set_stringn(list.x, list.y, " No key does that.", columns, DIM);
    }
    // What fits at the end is shown whole.
    let most = lines.len().saturating_sub(list.height.into());
    for (nth, line) in lines
        .iter()
        .skip(scroll.min(most))
        .take(list.height.into())
        .enumerate()
    {
        let y = list.y + nth as u16;
        match line {
            HelpLine::Heading(name) => {
                buffer.set_stringn(list.x, y, format!(" {name}"), columns, BOLD);
            }
            HelpLine::Key(keys, help) => {
                let text = format!("   {} {help}", fit(keys, KEYS));
                buffer.set_stringn(list.x, y, fit(&text, columns), columns, Style::new());
            }
        }
    }
    cursor
}

/// Draws the command that gives this view.
pub fn command(buffer: &mut Buffer, area: Rect, command: &str) {
    let width = area.width.min(WIDEST);
    let columns = usize::from(width.saturating_sub(4)).max(1);
    let lines = wrap(&plain(command), columns);
    let height = area.height.min(lines.len() as u16 + 2);
    let place = Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    );
    Clear.render(place, buffer);
    let block = Block::bordered()
        .title(" The command that gives this view ")
        .title_bottom(" copied, where the terminal allows it ");
    let inside = block.inner(place);
    block.render(place, buffer);
    for (nth, line) in lines.iter().take(inside.height.into()).enumerate() {
        let y = inside.y + nth as u16;
        let room = usize::from(inside.width).saturating_sub(1);
        buffer.set_stringn(inside.x + 1, y, line, room, Style::new());
    }
}
