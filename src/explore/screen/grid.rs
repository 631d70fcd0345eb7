//! The heatmap with its cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::{BOLD, Colors, DIM, REVERSED, below, has_focus, heading};
use crate::decoder::Site;
use crate::explore::grid::{GridLine, Seen};
use crate::explore::picture::{Picture, label};
use crate::explore::state::{Focus, Side, State};
use crate::report::heatmap::title_of;
use crate::report::text::{fit, plain, width};
use crate::report::title::short_name;
use crate::report::{Order, Scale};

/// In place of a token that is hidden, or not read yet.
const HIDDEN: &str = "·";
/// The most columns of the legend's colours.
const LEGEND: usize = 32;

/// Draws the cells, the prompt's tokens beside the first layer, and what colours say; of two prompts side by side.
pub fn draw(buffer: &mut Buffer, state: &State, colors: Colors) {
    let seen = state.seen();
    let scale = state.scale();
    let lines = state.grid_lines();
    let shown: Vec<&GridLine> = lines.iter().skip(state.above).take(state.grid_height()).collect();
    let (first, second) = state.sides();
    let screen = buffer.area;
    for (which, area) in state.grids() {
        let Some(side) = std::iter::once(first)
            .chain(second)
            .find(|side| side.which == which)
        else {
            continue;
        };
        let area = area.intersection(screen);
        let mut inside = area;
        if state.grid_heading() > 0 {
            let title = title_of_side(side, first, second);
            heading(
                buffer,
                area,
                &title,
                which == state.side.which && has_focus(state, Focus::Grid),
            );
            inside = below(area, 1);
        }
        let Some(picture) = &side.picture else {
            if inside.height > 0 {
                buffer.set_stringn(inside.x + 1, inside.y, "reading …", inside.width.into(), DIM);
            }
            continue;
        };
        let drawer = Drawer {
            side,
            picture,
            state,
            colors,
            scale,
            seen: &seen,
            area: inside,
            label: state.label_width(),
        };
        drawer.all(buffer, &shown);
    }
    // Colours are the same in both: one legend under the first.
    let pane = state.layout().grid.intersection(screen);
    if pane.height > 1 {
        // Right below what it is of, where that leaves room.
        let above = usize::from(state.grid_heading()) + shown.len() + 1;
        let y = pane.y + (above as u16 + 1).min(pane.height - 1);
        let line = Rect { y, height: 1, ..pane };
        legend(buffer, line, state, &scale, colors);
    }
}

/// What a side is called in a heading: where both have one prompt, its model.
fn title_of_side(side: &Side, first: &Side, second: Option<&Side>) -> String {
    let is_same = second.is_some_and(|second| second.prompt == first.prompt && second.model != first.model);
    match is_same {
        true => format!("{} {}", side.which + 1, short_name(&side.model)),
        false => format!("{} {}", side.which + 1, plain(&side.prompt)),
    }
}

struct Drawer<'a> {
    side: &'a Side,
    picture: &'a Picture,
    state: &'a State,
    colors: Colors,
    scale: Scale,
    seen: &'a [Seen],
    area: Rect,
    /// The columns of the rows' names.
    label: usize,
}

impl Drawer<'_> {
    fn all(&self, buffer: &mut Buffer, lines: &[&GridLine]) {
        let mut y = self.area.y;
        if self.state.view.order == Order::Down {
            self.heads(buffer, y);
            y += 1;
        }
        for line in lines {
            self.line(buffer, y, line);
            y += 1;
        }
        if self.state.view.order == Order::Up {
            self.heads(buffer, y);
        }
    }

    /// Whether the cursor is in this grid.
    fn has_cursor(&self) -> bool {
        self.side.which == self.state.side.which
    }

    /// Text at a column of the grid, in so many columns.
    fn text(&self, buffer: &mut Buffer, x: usize, y: u16, text: &str, columns: usize, style: Style) {
        let room = usize::from(self.area.width).saturating_sub(x).min(columns);
        // The last line is the legend's.
        if y + 1 < self.area.bottom() && room > 0 {
            buffer.set_stringn(self.area.x + x as u16, y, fit(text, room), room, style);
        }
    }

    fn heads(&self, buffer: &mut Buffer, y: u16) {
        for seen in self.seen {
            let is_here = seen.at == self.state.cursor.at;
            let style = if is_here { BOLD.patch(REVERSED) } else { BOLD };
            let head = fit(self.picture.head(seen.at), seen.width.saturating_sub(2));
            self.text(buffer, seen.x, y, &format!(" {head} "), seen.width, style);
        }
        // More is to the left, or to the right.
        let (first, last) = (self.seen.first(), self.seen.last());
        if first.is_some_and(|seen| seen.at > 0) {
            self.text(buffer, self.label.saturating_sub(2), y, "◂", 1, DIM);
        }
        if let Some(last) = last.filter(|seen| seen.at + 1 < self.picture.positions()) {
            self.text(buffer, last.x + last.width, y, "▸", 1, DIM);
        }
    }

    fn line(&self, buffer: &mut Buffer, y: u16, line: &GridLine) {
        match line {
            GridLine::Row(row) => {
                let is_here = *row == self.state.cursor.row;
                let style = if is_here { BOLD.patch(REVERSED) } else { DIM };
                let columns = self.label - 1;
                let name = self.name(*row);
                let name = format!("{name:>columns$}");
                self.text(buffer, 0, y, &name, columns, style);
                for seen in self.seen {
                    self.cell(buffer, y, *row, seen);
                }
            }
            GridLine::Folded(rows) => {
                let names = [rows.start, rows.end - 1].map(|row| self.name(row));
                let text = format!("⋮ {}–{}: no words (z unfolds)", names[0], names[1]);
                let columns = usize::from(self.area.width);
                self.text(buffer, self.label.saturating_sub(2), y, &text, columns, DIM);
            }
        }
    }

    fn name(&self, row: usize) -> String {
        self.picture
            .site(row)
            .map_or(String::new(), |site| site.to_string())
    }

    fn cell(&self, buffer: &mut Buffer, y: u16, row: usize, seen: &Seen) {
        if seen.at < self.picture.before() {
            return;
        }
        let is_here = self.state.cursor.row == row && self.state.cursor.at == seen.at;
        let value = self.state.color_value(self.side, row, seen.at);
        let place = value.map(|value| self.scale.place(value));
        let mut style = match place {
            Some(place) => self.colors.cell(place),
            None => DIM,
        };
        if self.picture.agrees(row, seen.at) {
            style = style.add_modifier(Modifier::BOLD);
        }
        let text = match self.colors {
            Colors::None => {
                let number = place.map_or("  ".to_string(), hundredths);
                let label = fit(self.label_of(row, seen.at), seen.width.saturating_sub(4));
                format!("{label} {number} ")
            }
            _ => format!(
                " {} ",
                fit(self.label_of(row, seen.at), seen.width.saturating_sub(2))
            ),
        };
        self.text(buffer, seen.x, y, &text, seen.width, style);
        if is_here {
            let style = style.patch(REVERSED).add_modifier(Modifier::BOLD);
            let columns = seen
                .width
                .min(usize::from(self.area.width).saturating_sub(seen.x));
            let cell = Rect::new(self.area.x + seen.x as u16, y, columns as u16, 1);
            buffer.set_style(cell.intersection(self.area), style);
            let ends = match self.colors {
                Colors::None => [None, None],
                // Beside the cursor, its cell of the other.
                _ if !self.has_cursor() => [None, None],
                _ => [Some((seen.x, "[")), Some((seen.x + seen.width - 1, "]"))],
            };
            for (x, end) in ends.into_iter().flatten() {
                self.text(buffer, x, y, end, 1, style);
            }
        }
    }

    /// The top token of a cell; a dot where it is hidden. The output's row is always shown.
    fn label_of(&self, row: usize, at: usize) -> &str {
        let Some(reading) = self.picture.reading(row, at) else {
            return HIDDEN;
        };
        let id = reading.top1().id;
        let names = &self.side.names;
        let is_output = |site: Site| site.is_output(self.picture.layers);
        let is_kept =
            self.picture.site(row).is_some_and(is_output) || names.get(&id).is_none_or(|name| name.is_word);
        match self.state.view.words && !is_kept {
            true => HIDDEN,
            false => label(names, id),
        }
    }
}

/// What the colours say, in a line.
fn legend(buffer: &mut Buffer, area: Rect, state: &State, scale: &Scale, colors: Colors) {
    let y = area.y;
    let columns = usize::from(area.width);
    let mut put = |x: usize, text: &str, style: Style| {
        let room = columns.saturating_sub(x);
        if room > 0 {
            buffer.set_stringn(
                area.x + x as u16,
                y,
                fit(text, width(text).min(room)),
                room,
                style,
            );
        }
    };
    let [low, high] = scale.ends();
    let title = match state.view.difference {
        Some(difference) => difference.title(),
        None => title_of(state.view.color_by, state.color_target()),
    };
    if colors == Colors::None {
        return put(0, &format!("00–99 = {low} to {high}: {title}"), DIM);
    }
    let ends = width(&low) + width(&high) + 2;
    let room = columns.saturating_sub(ends + 2 + width(&title) + 1);
    let steps = LEGEND.min(room).max(6);
    put(0, &low, DIM);
    let first = width(&low) + 1;
    for i in 0..steps {
        let style = colors.cell(i as f64 / (steps - 1) as f64);
        put(first + i, " ", style);
    }
    let bold = "; bold = same token as the output";
    let title = match first + steps + 1 + width(&high) + 2 + width(&title) + width(bold) <= columns {
        true => format!("{high}  {title}{bold}"),
        false => format!("{high}  {title}"),
    };
    put(first + steps + 1, &title, DIM);
}

/// A place on the scale in two digits.
fn hundredths(place: f64) -> String {
    format!("{:02}", (100. * place).round().min(99.) as u8)
}
