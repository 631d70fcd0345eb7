//! The top tokens of the cell under the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{BOLD, Colors, DIM, REVERSED, below, has_focus, heading};
use crate::explore::picture::{Picture, label};
use crate::explore::state::{Cursor, Difference, Focus, Side, State};
use crate::readout::{Candidate, Reading};
use crate::report::text::{decimal, fit, percent, width};

/// Columns of a rank, a probability, a logit and an id, each with the space before it.
const RANK: usize = 3;
const PROB: usize = 7;
const LOGIT: usize = 8;
const ID: usize = 8;
/// A label has at least this, and what is beyond its most goes to the bar.
const LABEL: usize = 8;
const WIDEST: usize = 18;
/// A bar shorter than this says nothing.
const BAR: usize = 4;

/// Draws the top tokens of the cursor's cell; of two prompts, where there is room, those of both.
pub fn draw(buffer: &mut Buffer, state: &State, colors: Colors) {
    let (own, other) = state.tops();
    let screen = buffer.area;
    if let Some(pane) = own {
        one(buffer, pane.intersection(screen), state, &state.side, colors);
    }
    if let (Some(pane), Some(beside)) = (other, &state.beside) {
        one(buffer, pane.intersection(screen), state, &beside.side, colors);
    }
}

/// Draws rank, token, probability, logit and id of each, and the statistics of the cell below them.
fn one(buffer: &mut Buffer, area: Rect, state: &State, side: &Side, colors: Colors) {
    let Cursor { row, at } = state.cursor;
    let Some(picture) = &side.picture else {
        return;
    };
    let is_here = side.which == state.side.which;
    let head = picture.head(at);
    let site = picture
        .site(row)
        .map_or(String::new(), |site| match site.to_string().as_str() {
            "embed" => "embed".to_string(),
            name => format!("layer {name}"),
        });
    let number = match state.beside.is_some() {
        true => format!("{} ", side.which + 1),
        false => String::new(),
    };
    let place = match at.checked_sub(picture.before()) {
        Some(own) => format!("{number}{site}, after {own} {head}"),
        None => format!("{number}before its first token"),
    };
    heading(buffer, area, &place, is_here && has_focus(state, Focus::Top));
    let inside = below(area, 1);
    let Some(reading) = picture.reading(row, at) else {
        let said = if picture.is_awaited(at) {
            "not read yet"
        } else {
            "nothing beside"
        };
        text(buffer, inside, 0, said, DIM);
        return;
    };
    let room = usize::from(inside.height).saturating_sub(1);
    let first = if is_here { state.first_candidate() } else { 0 };
    let top = state.top_of(side).iter().enumerate().skip(first).take(room);
    let columns = Columns::of(inside.width.into());
    for (line, (nth, candidate)) in top.enumerate() {
        let is_selected = is_here && nth == state.candidate && has_focus(state, Focus::Top);
        let rank = 1 + reading
            .top
            .iter()
            .filter(|other| other.logit > candidate.logit)
            .count();
        let style = if is_selected { REVERSED } else { Style::new() };
        let said = columns.line(rank, label(&side.names, candidate.id), candidate);
        text(buffer, inside, line, &said, style);
        if let Some(pin) = side.pins.iter().position(|pin| pin.ids == [candidate.id]) {
            let style = colors.line(pin).patch(BOLD).patch(style);
            let from = RANK + 1;
            let label = fit(label(&side.names, candidate.id), columns.label);
            buffer.set_stringn(
                inside.x + from as u16,
                inside.y + line as u16,
                label,
                columns.label,
                style,
            );
        }
    }
    // Below the tokens, in the last line at most.
    let count = state.top_of(side).len().saturating_sub(first) + 1;
    let last = usize::from(inside.height).saturating_sub(1).min(count);
    let columns = usize::from(inside.width);
    let apart = apart(state, row, at, columns).filter(|_| is_here);
    let said = apart.unwrap_or_else(|| statistics(picture, reading, row, at, columns));
    text(buffer, inside, last, &said, DIM);
}

/// How far the two cells are apart, as far as that is measured and there is room.
fn apart(state: &State, row: usize, at: usize, columns: usize) -> Option<String> {
    state.view.difference?;
    let gap = |difference| state.gap(difference, row, at);
    let mut said = " 1‖2:".to_string();
    if let Some((kl, tv)) = gap(Difference::Kl).zip(gap(Difference::Tv)) {
        said.push_str(&format!(" KL {}  TV {} ", distance(kl), distance(tv)));
    }
    let top = gap(Difference::Top).map(|share| format!(" top {:.0}%", 100. * share));
    if let Some(top) = top.filter(|top| width(&said) + width(top) <= columns) {
        said.push_str(&top);
    }
    Some(said)
}

/// A distance, in more digits where it is small.
fn distance(distance: f64) -> String {
    match distance < 0.01 {
        true => decimal(distance, 5),
        false => decimal(distance, 2),
    }
}

/// Which columns there is room for.
struct Columns {
    label: usize,
    bar: usize,
    logit: bool,
    id: bool,
}

impl Columns {
    fn of(width: usize) -> Self {
        let mut room = width.saturating_sub(RANK + 1 + PROB + 1);
        let mut take = |columns: usize, least: usize| {
            let fits = room >= columns + least;
            if fits {
                room -= columns;
            }
            fits
        };
        let logit = take(LOGIT, LABEL);
        let id = take(ID, LABEL);
        let label = room.clamp(1, WIDEST);
        let bar = room.saturating_sub(label + 1);
        Self {
            label,
            bar: if bar >= BAR { bar } else { 0 },
            logit,
            id,
        }
    }

    fn line(&self, rank: usize, label: &str, candidate: &Candidate) -> String {
        let prob = percent(candidate.prob);
        let mut line = format!("{rank:>RANK$} {}{prob:>PROB$}", fit(label, self.label));
        if self.bar > 0 {
            let eighths = (candidate.prob * 8. * self.bar as f64).round() as usize;
            line.push(' ');
            line.push_str(&fit(&bar(eighths), self.bar));
        }
        if self.logit {
            line.push_str(&format!("{:>LOGIT$}", decimal(f64::from(candidate.logit), 2)));
        }
        if self.id {
            line.push_str(&format!("{:>ID$}", candidate.id));
        }
        line
    }
}

/// A bar of so many eighths of a character.
fn bar(eighths: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// What there is to say of the cell as a whole, and, where there is room, of its position.
fn statistics(picture: &Picture, reading: &Reading, row: usize, at: usize, columns: usize) -> String {
    let agrees = if picture.agrees(row, at) { "=" } else { "≠" };
    let settles = match picture.settles_at(at) {
        Some(layer) => format!("  settles {layer}"),
        None => String::new(),
    };
    let cell = format!(
        " entropy {}  KL {}  {agrees} output",
        decimal(reading.entropy, 2),
        decimal(reading.forward_kl, 2),
    );
    match width(&cell) + width(&settles) <= columns {
        true => format!("{cell}{settles}"),
        false => cell,
    }
}

fn text(buffer: &mut Buffer, area: Rect, line: usize, text: &str, style: Style) {
    if line < usize::from(area.height) {
        let columns = usize::from(area.width);
        buffer.set_stringn(area.x, area.y + line as u16, fit(text, columns), columns, style);
    }
}
