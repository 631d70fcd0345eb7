//! Pictures for a page: SVG whose text stays text, and PNG and PDF made of it.

mod canvas;
mod heatmap;
mod lines;
mod render;

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::heatmap::{ColorBy, Order};
use super::{Document, Report};
use canvas::Canvas;

/// What a picture is stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    Svg,
    /// 300 dots an inch.
    Png,
    Pdf,
}

/// A picture of the heatmap or, with `plot`, of the lines across layers.
pub struct Drawing {
    pub medium: Medium,
    pub by: ColorBy,
    pub order: Order,
    pub plot: bool,
    /// Characters that no font was found for.
    boxes: BTreeSet<char>,
}

impl Drawing {
    /// A picture that nothing is drawn in yet.
    pub fn new(medium: Medium, by: ColorBy, order: Order, plot: bool) -> Self {
        Self {
            medium,
            by,
            order,
            plot,
            boxes: BTreeSet::new(),
        }
    }

    fn svg(&self, document: &Document) -> String {
        let mut canvas = Canvas::new();
        canvas.title(document);
        match self.plot {
            true => lines::draw(document, &mut canvas),
            false => heatmap::draw(document, self.by, self.order, &mut canvas),
        }
        canvas.finish(document)
    }
}

impl Report for Drawing {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let svg = self.svg(document);
        let rendered = match self.medium {
            Medium::Svg => return out.write_all(svg.as_bytes()),
            Medium::Png => render::png(&svg)?,
            Medium::Pdf => render::pdf(&svg)?,
        };
        self.boxes.extend(rendered.boxes);
        out.write_all(&rendered.bytes)
    }

    fn remark(&self) -> Option<String> {
        let (first, others) = (self.boxes.first()?, self.boxes.len() - 1);
        let others = match others {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        Some(format!(
            "no font on this machine has {first} (U+{:04X}){others}, so the picture shows boxes; an .svg leaves fonts to its viewer.",
            u32::from(*first)
        ))
    }
}
