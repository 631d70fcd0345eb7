//! The heatmap in a terminal.

use std::io::{self, Write};

use anstyle::{Ansi256Color, Color, RgbColor, Style};

use super::{ColorBy, Order, Rgb, Row, Scale, rows, title};
use crate::report::text::{fit, width};
use crate::report::words::story;
use crate::report::{Document, Report};

const DIM: Style = Style::new().effects(anstyle::Effects::DIMMED);
const BOLD: Style = Style::new().effects(anstyle::Effects::BOLD);
/// A token longer than this is cut.
const WIDEST: usize = 10;
const NARROWEST: usize = 4;
/// Shades without colour, from low to high.
const SHADES: &[u8] = b" .:-=+*#%@";
const LEGEND: usize = 32;

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 24 bits.
    True,
    /// The 256 of xterm.
    Indexed,
    /// None: a shade beside each token.
    Shades,
}

/// The heatmap format, as wide as the terminal.
pub struct Heatmap {
    pub width: usize,
    pub depth: Depth,
    pub by: ColorBy,
    pub order: Order,
    begun: bool,
}

impl Heatmap {
    /// A heatmap for a terminal of `width` columns.
    pub fn new(width: usize, depth: Depth, by: ColorBy, order: Order) -> Self {
        Self {
            width,
            depth,
            by,
            order,
            begun: false,
        }
    }

    /// The style of a cell.
    fn style(&self, color: Rgb) -> Style {
        let code = |Rgb(r, g, b): Rgb| match self.depth {
            Depth::True => Color::Rgb(RgbColor(r, g, b)),
            _ => Color::Ansi256(anstyle_lossy::rgb_to_xterm(RgbColor(r, g, b))),
        };
        match self.depth {
            Depth::Shades => Style::new(),
            _ => Style::new()
                .bg_color(Some(code(color)))
                .fg_color(Some(match color.ink() {
                    // The palette's own black and white may be any colour.
                    Rgb::BLACK if self.depth == Depth::Indexed => Color::Ansi256(Ansi256Color(16)),
                    _ if self.depth == Depth::Indexed => Color::Ansi256(Ansi256Color(231)),
                    ink => code(ink),
                })),
        }
    }

    fn cell(&self, label: &str, value: Option<f64>, scale: &Scale, columns: usize) -> (String, Style) {
        let place = value.map(|value| scale.place(value));
        if self.depth == Depth::Shades {
            let shade = place.map_or(' ', |p| {
                SHADES[(p * (SHADES.len() - 1) as f64).round() as usize] as char
            });
            return (format!("{}{shade} ", fit(label, columns - 2)), Style::new());
        }
        let style = place.map_or(DIM, |place| self.style(Scale::color_at(place)));
        (format!(" {} ", fit(label, columns - 2)), style)
    }

    fn legend(&self, document: &Document, scale: &Scale, out: &mut dyn Write) -> io::Result<()> {
        let [low, high] = scale.ends();
        write!(out, "\n{low} ")?;
        for i in 0..LEGEND {
            let place = i as f64 / (LEGEND - 1) as f64;
            match self.depth {
                Depth::Shades => {
                    let shade = SHADES[(place * (SHADES.len() - 1) as f64).round() as usize] as char;
                    write!(out, "{shade}")?;
                }
                _ => {
                    let style = self.style(Scale::color_at(place));
                    write!(out, "{style} {style:#}")?;
                }
            }
        }
        writeln!(out, " {high}  {}", title(document, self.by))
    }
}

impl Report for Heatmap {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        if self.begun {
            writeln!(out)?;
        }
        self.begun = true;
        let trajectory = document.trajectory;
        let rows = rows(document, self.by, self.order);
        let values = rows
            .iter()
            .flat_map(|row| &row.cells)
            .filter_map(|cell| cell.value);
        let scale = Scale::fit(self.by, values);
        let label = rows
            .iter()
            .map(|row| row.site.to_string().len())
            .max()
            .unwrap_or(0);
        let heads: Vec<String> = (trajectory.positions.iter())
            .map(|&position| document.tokens.label(trajectory.prompt.ids[position]))
            .collect();
        let natural = |at: usize| {
            let cells = rows.iter().map(|row| width(&row.cells[at].label));
            let widest = cells.chain([width(&heads[at])]).max().unwrap_or(0);
            widest.clamp(NARROWEST, WIDEST) + 2
        };
        let widths: Vec<usize> = (0..heads.len()).map(natural).collect();
        let name = crate::tokens::visible(document.card.name.as_bytes()).replace('␣', " ");
        writeln!(out, "{BOLD}{name}{BOLD:#}")?;
        let mut start = 0;
        while start < heads.len() {
            let (mut used, mut end) = (label + 1, start);
            while end < heads.len() && (end == start || used + widths[end] <= self.width) {
                used += widths[end];
                end += 1;
            }
            writeln!(out)?;
            self.band(&rows, &heads, &widths, &scale, label, start..end, out)?;
            start = end;
        }
        self.legend(document, &scale, out)?;
        let last = trajectory.positions.len() - 1;
        for line in crate::report::text::wrap(&story(document, last), self.width) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

impl Heatmap {
    #[expect(
        clippy::too_many_arguments,
        reason = "a band is drawn from all that was measured"
    )]
    fn band(
        &self,
        rows: &[Row],
        heads: &[String],
        widths: &[usize],
        scale: &Scale,
        label: usize,
        columns: std::ops::Range<usize>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let drawn = |row: &Row, out: &mut dyn Write| -> io::Result<()> {
            write!(out, "{DIM}{:>label$}{DIM:#} ", row.site)?;
            for at in columns.clone() {
                let cell = &row.cells[at];
                let (text, style) = self.cell(&cell.label, cell.value, scale, widths[at]);
                let style = if cell.agrees { style.bold() } else { style };
                write!(out, "{style}{text}{style:#}")?;
            }
            writeln!(out)
        };
        for row in rows {
            drawn(row, out)?;
        }
        // The prompt's tokens stand below, where the first layer is; the output is above them.
        write!(out, "{:label$} ", "")?;
        for at in columns.clone() {
            write!(out, " {BOLD}{}{BOLD:#} ", fit(&heads[at], widths[at] - 2))?;
        }
        writeln!(out)
    }
}
