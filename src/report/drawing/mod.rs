//! Pictures for a page: SVG whose text stays text, and PNG and PDF made of it.

mod canvas;
mod heatmap;
mod lines;
mod render;

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
}

impl Drawing {
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
        match self.medium {
            Medium::Svg => out.write_all(svg.as_bytes()),
            Medium::Png => out.write_all(&render::png(&svg)?),
            Medium::Pdf => out.write_all(&render::pdf(&svg)?),
        }
    }
}
