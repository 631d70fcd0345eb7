//! The heatmap with its cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::{BOLD, Colors, DIM, REVERSED};
use crate::explore::grid::{GridLine, Seen, label_width};
use crate::explore::picture::{Picture, label};
use crate::explore::state::State;
use crate::report::heatmap::title_of;
use crate::report::text::{fit, width};
use crate::report::{Order, Scale};

/// In place of a token that is hidden, or not read yet.
const HIDDEN: &str = "·";
/// The most columns of the legend's colours.
const LEGEND: usize = 32;

/// Draws the cells, the prompt's tokens beside the first layer, and what colours say.
pub fn draw(buffer: &mut Buffer, area: Rect, state: &State, colors: Colors) {
    let Some(picture) = &state.picture else {
        return;
    };
    let seen = state.seen();
    let scale = state.scale();
    let lines = state.grid_lines();
    let shown: Vec<&GridLine> = lines.iter().skip(state.above).take(state.grid_height()).collect();
    let drawer = Drawer {
        picture,
        state,
        colors,
        scale,
        seen: &seen,
        area,
        label: label_width(picture),
    };
    let mut y = area.y;
    if state.view.order == Order::Down {
        drawer.heads(buffer, y);
        y += 1;
    }
    for line in shown {
        drawer.line(buffer, y, line);
        y += 1;
    }
    if state.view.order == Order::Up {
        drawer.heads(buffer, y);
    }
    if area.height > 1 {
        drawer.legend(buffer, area.bottom() - 1);
    }
}

struct Drawer<'a> {
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
    /// Text at a column of the grid, in so many columns.
    fn text(&self, buffer: &mut Buffer, x: usize, y: u16, text: &str, columns: usize, style: Style) {
        let room = usize::from(self.area.width).saturating_sub(x).min(columns);
        if y < self.area.bottom() && room > 0 {
            buffer.set_stringn(self.area.x + x as u16, y, fit(text, room), room, style);
        }
    }

    fn heads(&self, buffer: &mut Buffer, y: u16) {
        for seen in self.seen {
            let is_here = seen.at == self.state.cursor.at;
            let style = if is_here { BOLD.patch(REVERSED) } else { BOLD };
            let head = fit(&self.picture.heads[seen.at], seen.width.saturating_sub(2));
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
                let name = format!("{:>columns$}", self.picture.sites[*row]);
                self.text(buffer, 0, y, &name, columns, style);
                for seen in self.seen {
                    self.cell(buffer, y, *row, seen);
                }
            }
            GridLine::Folded(rows) => {
                let names = [rows.start, rows.end - 1].map(|row| self.picture.sites[row]);
                let text = format!("⋮ {}–{}: no words (z unfolds)", names[0], names[1]);
                let columns = usize::from(self.area.width);
                self.text(buffer, self.label.saturating_sub(2), y, &text, columns, DIM);
            }
        }
    }

    fn cell(&self, buffer: &mut Buffer, y: u16, row: usize, seen: &Seen) {
        let is_here = self.state.cursor.row == row && self.state.cursor.at == seen.at;
        let target = self.state.color_target();
        let by = self.state.view.color_by;
        let value = self.picture.color_value(by, target, row, seen.at);
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
        let names = &self.state.names;
        let is_kept = self.picture.sites[row].is_output(self.picture.layers)
            || names.get(&id).is_none_or(|name| name.is_word);
        match self.state.view.words && !is_kept {
            true => HIDDEN,
            false => label(names, id),
        }
    }

    fn legend(&self, buffer: &mut Buffer, y: u16) {
        let [low, high] = self.scale.ends();
        let title = title_of(self.state.view.color_by, self.state.color_target());
        let columns = usize::from(self.area.width);
        if self.colors == Colors::None {
            let legend = format!("00–99 = {low} to {high}: {title}");
            return self.text(buffer, 0, y, &legend, columns, DIM);
        }
        let ends = width(&low) + width(&high) + 2;
        let room = columns.saturating_sub(ends + 2 + width(&title) + 1);
        let steps = LEGEND.min(room).max(6);
        self.text(buffer, 0, y, &low, width(&low), DIM);
        let first = width(&low) + 1;
        for i in 0..steps {
            let style = self.colors.cell(i as f64 / (steps - 1) as f64);
            self.text(buffer, first + i, y, " ", 1, style);
        }
        let bold = "; bold = same token as the output";
        let title = match first + steps + 1 + width(&high) + 2 + width(&title) + width(bold) <= columns {
            true => format!("{high}  {title}{bold}"),
            false => format!("{high}  {title}"),
        };
        self.text(buffer, first + steps + 1, y, &title, columns, DIM);
    }
}

/// A place on the scale in two digits.
fn hundredths(place: f64) -> String {
    format!("{:02}", (100. * place).round().min(99.) as u8)
}
