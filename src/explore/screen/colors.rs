//! Colours as a terminal has them.

use anstyle::{Ansi256Color, AnsiColor, RgbColor};
use ratatui::style::{Color, Modifier, Style};

use crate::report::{Rgb, Scale};

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// 24 bits.
    True,
    /// The 256 of xterm.
    Indexed,
    /// The sixteen of the terminal's own palette.
    Basic,
    /// None: cells show numbers.
    None,
}

/// The sixteen colours that stand for the scale, from dark to bright, with the ink that is read on each.
const STEPS: [(Color, Color); 5] = [
    (Color::Black, Color::Gray),
    (Color::Blue, Color::White),
    (Color::Cyan, Color::Black),
    (Color::Green, Color::Black),
    (Color::LightYellow, Color::Black),
];

impl Colors {
    /// The colours of a terminal of the kind `term`; `any` says whether colours are wanted, `all` whether the
    /// terminal has 24 bits of them.
    pub fn of(term: &str, any: bool, all: bool) -> Self {
        const FEW: [&str; 8] = [
            "linux",
            "ansi",
            "cygwin",
            "vt",
            "xterm-16",
            "screen-16",
            "sun",
            "cons",
        ];
        match any {
            false => Self::None,
            true if all => Self::True,
            true if FEW.iter().any(|few| term.starts_with(few)) => Self::Basic,
            true => Self::Indexed,
        }
    }

    /// The style of a cell at a place from 0 to 1 of the scale: its colour, and ink that is read on it.
    pub fn cell(self, place: f64) -> Style {
        let color = Scale::color_at(place);
        let Rgb(r, g, b) = color;
        match self {
            Self::None => Style::new(),
            Self::True => Style::new().bg(Color::Rgb(r, g, b)).fg(ink(color)),
            Self::Indexed => {
                let nearest = anstyle_lossy::rgb_to_xterm(RgbColor(r, g, b));
                let RgbColor(r, g, b) = anstyle_lossy::xterm_to_rgb(nearest, anstyle_lossy::palette::DEFAULT);
                let Ansi256Color(index) = nearest;
                // The palette's own black and white may be any colour.
                let ink = match Rgb(r, g, b).ink() {
                    Rgb::BLACK => Color::Indexed(16),
                    _ => Color::Indexed(231),
                };
                Style::new().bg(Color::Indexed(index)).fg(ink)
            }
            Self::Basic => {
                let step = (place * STEPS.len() as f64) as usize;
                let (back, ink) = STEPS[step.min(STEPS.len() - 1)];
                Style::new().bg(back).fg(ink)
            }
        }
    }

    /// The style of the line `nth`, as `--plot` has it.
    pub fn line(self, nth: usize) -> Style {
        let colors = crate::report::plot::COLORS;
        match self {
            Self::None => Style::new(),
            _ => Style::new().fg(basic(colors[nth % colors.len()])),
        }
    }

    /// The style of an error.
    pub fn error(self) -> Style {
        match self {
            Self::None => Style::new().add_modifier(Modifier::BOLD),
            _ => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        }
    }
}

fn ink(color: Rgb) -> Color {
    let Rgb(r, g, b) = color.ink();
    Color::Rgb(r, g, b)
}

fn basic(color: AnsiColor) -> Color {
    match color {
        AnsiColor::Green => Color::Green,
        AnsiColor::Magenta => Color::Magenta,
        AnsiColor::Cyan => Color::Cyan,
        AnsiColor::Yellow => Color::Yellow,
        AnsiColor::Blue => Color::Blue,
        AnsiColor::Red => Color::Red,
        _ => Color::Reset,
    }
}
