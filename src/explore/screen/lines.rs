//! The probabilities of the pinned tokens across layers, at the cursor's position.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{BOLD, Colors, DIM, REVERSED, below, has_focus, heading};
use crate::explore::grid::in_block;
use crate::explore::picture::Picture;
use crate::explore::state::{Focus, State};
use crate::report::braille::Canvas;
use crate::report::plot::{AXIS, ticks};
use crate::report::text::{cut, decimal, fit, percent, width};
use crate::text::targets::Target;

/// From so many columns on the names stand beside the lines, not above.
const BESIDE: usize = 64;
/// Of the names and values beside.
const NAMES: usize = 40;

/// Draws a line for each, with a letter and a colour, and what they come to in the cursor's cell.
pub fn draw(buffer: &mut Buffer, area: Rect, state: &State, colors: Colors) {
    let Some(picture) = &state.side.picture else {
        return;
    };
    let followed = state.followed();
    let what = match state.side.pins.is_empty() {
        true => "lead here; Enter pins one",
        false => "pinned tokens",
    };
    heading(buffer, area, what, has_focus(state, Focus::Pins));
    let inside = below(area, 1);
    let lines: Vec<Line> = (followed.iter().enumerate())
        .map(|(nth, target)| Line::of(picture, target, nth, state))
        .collect();
    let columns = usize::from(inside.width);
    let (canvas, names) = match columns >= BESIDE {
        true => {
            let names = NAMES.min(columns / 2) as u16;
            let canvas = Rect {
                width: inside.width - names,
                ..inside
            };
            let names = Rect {
                x: canvas.right(),
                width: names,
                ..inside
            };
            (canvas, Some(names))
        }
        false => {
            above(buffer, inside, &lines, colors);
            (below(inside, 1), None)
        }
    };
    if let Some(area) = names {
        beside(buffer, area, &lines, state, colors);
    }
    if canvas.height >= 3 && canvas.width as usize > AXIS + 4 {
        plot(buffer, canvas, picture, &lines, state.cursor.row, colors);
    }
}

/// One line.
struct Line {
    letter: char,
    name: String,
    /// At each row of a block; `None` while it is not followed.
    probs: Vec<Option<f64>>,
    /// What it comes to in the cursor's cell: probability, rank, logit.
    here: Option<(f64, u64, Option<f64>)>,
}

impl Line {
    fn of(picture: &Picture, target: &Target, nth: usize, state: &State) -> Self {
        let rows = (0..picture.rows()).filter(|&row| in_block(picture, row));
        let at = state.cursor.at;
        let here = picture.value(target, state.cursor.row, at);
        Self {
            letter: (b'a' + nth as u8) as char,
            name: target.name.clone(),
            probs: rows
                .map(|row| picture.value(target, row, at).map(|value| value.prob))
                .collect(),
            here: here.map(|value| (value.prob, value.rank, value.logit)),
        }
    }
}

/// The names in a line, as many as there is room for.
fn above(buffer: &mut Buffer, area: Rect, lines: &[Line], colors: Colors) {
    let mut x = 1;
    for (nth, line) in lines.iter().enumerate() {
        let prob = line.here.map_or("…".to_string(), |(prob, _, _)| percent(prob));
        let text = format!("{} {} {prob}  ", line.letter, cut(&line.name, 12));
        let room = usize::from(area.width).saturating_sub(x);
        if width(text.trim_end()) > room || area.height == 0 {
            break;
        }
        buffer.set_stringn(area.x + x as u16, area.y, &text, room, colors.line(nth));
        x += width(&text);
    }
}

/// The names with their values below each other.
fn beside(buffer: &mut Buffer, area: Rect, lines: &[Line], state: &State, colors: Colors) {
    let columns = usize::from(area.width);
    if lines.is_empty() || area.height == 0 {
        return;
    }
    let name = columns.saturating_sub(2 + 2 + 8 + 8 + 9).clamp(6, 20);
    let head = format!("    {:<name$}{:>8}{:>8}{:>9}", "here", "prob", "rank", "logit");
    buffer.set_stringn(area.x, area.y, head, columns, DIM);
    for (nth, line) in lines.iter().enumerate() {
        if nth + 1 >= usize::from(area.height) {
            break;
        }
        let is_colored = !state.side.pins.is_empty() && nth == state.side.pin;
        let values = match line.here {
            Some((prob, rank, logit)) => {
                let logit = logit.map_or("–".to_string(), |logit| decimal(logit, 2));
                format!("{:>8}{rank:>8}{logit:>9}", percent(prob))
            }
            None => format!("{:>8}", "…"),
        };
        let mark = if is_colored { "▸" } else { " " };
        let text = format!("{mark} {} {}{values}", line.letter, fit(&line.name, name));
        let style = match is_colored && has_focus(state, Focus::Pins) {
            true => colors.line(nth).patch(REVERSED),
            false if is_colored => colors.line(nth).patch(BOLD),
            false => colors.line(nth),
        };
        let y = area.y + 1 + nth as u16;
        buffer.set_stringn(area.x, y, text, columns, style);
    }
}

/// The lines over their axis, with the cursor's layer marked.
fn plot(buffer: &mut Buffer, area: Rect, picture: &Picture, lines: &[Line], row: usize, colors: Colors) {
    let rows: Vec<usize> = (0..picture.rows())
        .filter(|&row| in_block(picture, row))
        .collect();
    let (columns, height) = (usize::from(area.width) - AXIS - 2, usize::from(area.height) - 1);
    let mut canvas = Canvas::new(columns, height);
    let x = |i: usize| match rows.len() {
        0 | 1 => 0.,
        n => i as f64 / (n - 1) as f64,
    };
    // The first is drawn last, above the others.
    for (nth, line) in lines.iter().enumerate().rev() {
        let points: Vec<(f64, f64)> = (line.probs.iter().enumerate())
            .filter_map(|(i, prob)| Some((x(i), (*prob)?)))
            .collect();
        for pair in points.windows(2) {
            canvas.segment(pair[0], pair[1], (nth, 1));
        }
        if points.len() < 2 {
            continue;
        }
        // A letter now and then: at the ends, and where the line is highest.
        let highest = (points.iter().copied()).fold(points[0], |high, p| if p.1 > high.1 { p } else { high });
        for point in [points[0], highest, points[points.len() - 1]] {
            canvas.letter(point, line.letter, nth);
        }
    }
    let here = rows.iter().position(|&own| own == row);
    let marked = here.map(|i| (x(i) * (columns - 1) as f64).round() as usize);
    for line in 0..height {
        let axis = match line {
            0 => "100% ┤",
            n if n == height - 1 => "  0% ┤",
            n if height % 2 == 1 && n == height / 2 => " 50% ┤",
            _ => "     │",
        };
        let y = area.y + line as u16;
        buffer.set_stringn(area.x, y, axis, AXIS, DIM);
        for column in 0..columns {
            let x = area.x + (AXIS + column) as u16;
            let (c, nth) = canvas.at(column, line);
            let (text, style) = match nth {
                Some(nth) => (c.to_string(), colors.line(nth)),
                None if marked == Some(column) => ("┊".to_string(), DIM),
                None => continue,
            };
            buffer.set_stringn(x, y, text, 1, style);
        }
    }
    let labels: Vec<String> = rows
        .iter()
        .map(|&row| {
            picture
                .site(row)
                .map_or(String::new(), |site| site.layer.to_string())
        })
        .collect();
    let room = usize::from(area.width);
    let y = area.y + height as u16;
    buffer.set_stringn(area.x, y, ticks(&labels, columns, room), room, DIM);
}
