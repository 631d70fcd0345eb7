//! The one line that says what is shown, and which keys there are.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{BOLD, Colors, DIM, REVERSED};
use crate::explore::keys::{Action, BINDINGS, Binding, Group};
use crate::explore::screen::prompt::input;
use crate::explore::state::{List, Open, Purpose, State};
use crate::report::text::{cut, fit, plain, width};
use crate::report::title::short_name;

/// Draws what is shown, then what there is to say once, how far the reading is, or the keys; or the line that
/// is typed.
pub fn draw(buffer: &mut Buffer, area: Rect, state: &State, colors: Colors) -> Option<Position> {
    if area.height == 0 {
        return None;
    }
    let columns = usize::from(area.width);
    let has_prompt = state.layout().prompt.is_some();
    if let Open::Input(purpose, line) = &state.open
        && !(has_prompt && matches!(purpose, Purpose::Prompt(_)))
    {
        let title = match purpose {
            Purpose::Find(_) => " find: ",
            Purpose::Token => " token to pin: ",
            Purpose::Prompt(_) => " prompt: ",
            Purpose::Beside => " second prompt: ",
            Purpose::Write(_) => " write to: ",
            Purpose::Filter(_) => " filter: ",
        };
        let place = input(buffer, area, title, line);
        if let (Some(place), Some(message)) = (place, &state.message) {
            let x = place.x + width(line.parts().1) as u16 + 3;
            let room = area.right().saturating_sub(x);
            let style = if message.is_error { colors.error() } else { DIM };
            buffer.set_stringn(x.min(area.right() - 1), area.y, &message.text, room.into(), style);
        }
        return place;
    }
    buffer.set_stringn(area.x, area.y, " ".repeat(columns), columns, REVERSED);
    let what = match (&state.list, state.is_in_list()) {
        (Some(list), true) => what_list(state, list),
        _ => what_grid(state),
    };
    let what = cut(&what, columns);
    buffer.set_stringn(area.x, area.y, &what, columns, REVERSED.patch(BOLD));
    let x = width(&what) + 1;
    let room = columns.saturating_sub(x);
    if room == 0 {
        return None;
    }
    let (text, style) = match (&state.message, state.busy) {
        (Some(message), _) if message.is_error => (message.text.clone(), colors.error().patch(REVERSED)),
        (Some(message), _) => (message.text.clone(), REVERSED.patch(BOLD)),
        (None, Some(busy)) => (
            format!("reading: {} {}/{}", busy.what, busy.done, busy.total),
            REVERSED,
        ),
        (None, None) if state.open != Open::Nothing => ("Enter keeps, Esc gives up".to_string(), REVERSED),
        (None, None) => (keys(room, state.is_in_list()), REVERSED),
    };
    let text = fit(&text, room);
    buffer.set_stringn(area.x + x as u16, area.y, text, room, style);
    None
}

/// What the grid is of.
fn what_grid(state: &State) -> String {
    let color = state.view.color_by.name();
    format!(
        " {} · {} · {} lens · {} ",
        cut(short_name(&state.side.model), 24),
        state.view.point.name(),
        state.lens(),
        state
            .view
            .difference
            .map_or(color, |difference| difference.name())
    )
}

/// What the list is of.
fn what_list(state: &State, list: &List) -> String {
    let (shown, all, done) = (list.shown.len(), list.entries.len(), list.done());
    let filter = match list.filter.as_str() {
        "" => String::new(),
        filter => format!(" · {shown} with {}", plain(filter)),
    };
    let read = match done == all {
        true => String::new(),
        false => format!(" · {done} read"),
    };
    let model = cut(short_name(&state.side.model), 24).to_string();
    format!(" {model} · {all} prompts{read}{filter} · {} ", list.sort.name())
}

/// The keys that have a brief name, as many as fit: in a list its own, and how to leave.
fn keys(room: usize, in_list: bool) -> String {
    let mut text = String::new();
    let is_there = |binding: &&Binding| {
        let is_general = matches!(binding.action, Action::Help | Action::Quit);
        !binding.brief.is_empty() && (is_general || (binding.group == Group::Listing) == in_list)
    };
    for binding in BINDINGS.iter().filter(is_there) {
        let key = binding.written.split("  ").next().unwrap_or_default();
        let next = format!(
            "{}{key} {}",
            if text.is_empty() { "" } else { "  " },
            binding.brief
        );
        if width(&text) + width(&next) > room {
            break;
        }
        text.push_str(&next);
    }
    text
}
