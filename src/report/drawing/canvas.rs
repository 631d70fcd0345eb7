//! A block of SVG that grows downwards.

use std::fmt::Write as _;

use crate::report::heatmap::Rgb;
use crate::report::text::width;

/// Points (1/72 inch) throughout.
pub const FONT: f64 = 8.;
/// A character of a monospaced font, of DejaVu Sans Mono and most others.
pub const CHARACTER: f64 = 0.602 * FONT;
pub const LINE: f64 = 14.;
pub const MARGIN: f64 = 8.;
/// The text block of a page.
pub const PAGE: f64 = 468.;

/// What is drawn so far of a block.
pub struct Canvas {
    body: String,
    /// Where the next thing goes.
    pub y: f64,
    /// How far to the right something is.
    wide: f64,
}

/// A part of a picture that is never cut, with a margin on its left and right.
pub struct Block {
    /// SVG elements, measured from the block's upper left corner.
    pub body: String,
    pub width: f64,
    pub height: f64,
}

/// How a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub struct Ink {
    pub color: Rgb,
    pub bold: bool,
}

impl Ink {
    pub const PLAIN: Self = Self {
        color: Rgb::BLACK,
        bold: false,
    };
    pub const BOLD: Self = Self {
        color: Rgb::BLACK,
        bold: true,
    };
    pub const DIM: Self = Self {
        color: Rgb(0x55, 0x55, 0x55),
        bold: false,
    };
}

impl Canvas {
    /// An empty block.
    pub fn new() -> Self {
        Self {
            body: String::new(),
            y: 0.,
            wide: 2. * MARGIN,
        }
    }

    /// A text with the foot of its line at `(x, y)`.
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, ink: Ink, text: &str) {
        let length = width(text) as f64 * CHARACTER;
        let (anchor, right) = match anchor {
            Anchor::Start => ("start", x + length),
            Anchor::Middle => ("middle", x + length / 2.),
            Anchor::End => ("end", x),
        };
        self.wide = self.wide.max(right + MARGIN);
        let weight = if ink.bold { " font-weight=\"bold\"" } else { "" };
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{anchor}\" fill=\"{}\"{weight}>{}</text>",
            hex(ink.color),
            escape(text)
        );
    }

    /// A filled rectangle.
    pub fn rect(&mut self, (x, y): (f64, f64), (w, h): (f64, f64), fill: Rgb) {
        self.wide = self.wide.max(x + w + MARGIN);
        let fill = hex(fill);
        let _ = writeln!(
            self.body,
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{w:.2}\" height=\"{h:.2}\" fill=\"{fill}\"/>"
        );
    }

    /// A line through points; `dash` as SVG has it, empty for none.
    pub fn path(&mut self, points: &[(f64, f64)], color: Rgb, thick: f64, dash: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.2},{y:.2}")).collect();
        let dash = match dash {
            "" => String::new(),
            dash => format!(" stroke-dasharray=\"{dash}\""),
        };
        let _ = writeln!(
            self.body,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{thick}\"{dash}/>",
            points.join(" "),
            hex(color)
        );
    }

    /// What points enclose, filled so that what lies below is seen.
    pub fn area(&mut self, points: &[(f64, f64)], fill: Rgb, opacity: f64) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.2},{y:.2}")).collect();
        let _ = writeln!(
            self.body,
            "<polygon points=\"{}\" fill=\"{}\" fill-opacity=\"{opacity}\"/>",
            points.join(" "),
            hex(fill)
        );
    }

    /// A text turned to read upwards, its middle at `(x, y)`.
    pub fn upwards(&mut self, (x, y): (f64, f64), ink: Ink, text: &str) {
        let _ = writeln!(
            self.body,
            "<text transform=\"translate({x:.2} {y:.2}) rotate(-90)\" text-anchor=\"middle\" fill=\"{}\">{}</text>",
            hex(ink.color),
            escape(text)
        );
    }

    /// Opens a group that says which cell it is; [`Canvas::close`] ends it.
    pub fn open(&mut self, row: &str, position: usize) {
        let _ = writeln!(self.body, "<g data-row=\"{row}\" data-position=\"{position}\">");
    }

    /// Ends a group.
    pub fn close(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// The block, whole.
    pub fn finish(self) -> Block {
        Block {
            body: self.body,
            width: self.wide,
            height: self.y,
        }
    }
}

fn hex(Rgb(r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// A text inside an element or an attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}
