//! Pictures for a page: SVG whose text stays text, and PNG and PDF made of it.

mod bitmap;
mod canvas;
mod chart;
mod heatmap;
mod lines;
mod memory;
mod pdf;
mod picture;
mod render;

use std::collections::BTreeSet;
use std::io::Write;

use super::heatmap::{ColorBy, Order};
use super::text::plain;
use super::title::headline;
use super::{Content, Document, Format, Presentation, Report, Result, Setting, Sheet, no_picture};
use crate::analysis::statistics::Statistics;
use crate::lens::Follow;
use picture::Picture;
use render::Renderer;

/// Its text is text, which its viewer finds fonts for.
pub const SVG: Format = Format {
    name: "svg",
    aliases: &[],
    help: "Layers × positions in colours, for a page",
    endings: &["svg"],
    content: Content::Text,
    single: true,
    reads: true,
    reads_all_positions: |presentation| !presentation.lines,
    follow: |_| Follow::Top1,
    statistics: |_| Statistics::none(),
    settings: |presentation| match (presentation.lines, presentation.color_by) {
        (true, _) => &[Setting::Track, Setting::Picture, Setting::Title],
        (false, ColorBy::Target | ColorBy::Rank) => Setting::DRAWING_OF_TARGET,
        (false, ColorBy::Prob | ColorBy::Statistic(_)) => Setting::DRAWING,
    },
    sheets: false,
    report: |presentation| Box::new(Drawing::new(&SVG, presentation)),
};

/// 300 dots an inch.
pub const PNG: Format = Format {
    name: "png",
    help: "The same as pixels",
    endings: &["png"],
    content: Content::Binary,
    report: |presentation| Box::new(Drawing::new(&PNG, presentation)),
    ..SVG
};

/// Pages as wide as the picture, and no higher than paper.
pub const PDF: Format = Format {
    name: "pdf",
    help: "The same as a PDF, its text as text",
    endings: &["pdf"],
    content: Content::Binary,
    report: |presentation| Box::new(Drawing::new(&PDF, presentation)),
    ..SVG
};

/// A picture of the heatmap, or of the lines across layers.
struct Drawing {
    format: &'static Format,
    by: ColorBy,
    order: Order,
    lines: bool,
    /// Whether tokens that are no words are hidden, but for the output's row.
    words: bool,
    title: Option<String>,
    /// Characters that no font was found for.
    boxes: BTreeSet<char>,
}

impl Drawing {
    fn new(format: &'static Format, presentation: &Presentation) -> Self {
        Self {
            format,
            by: presentation.color_by,
            order: presentation.order,
            lines: presentation.lines,
            words: presentation.words,
            title: presentation.title.clone(),
            boxes: BTreeSet::new(),
        }
    }

    fn picture(&self, document: &Document) -> Picture {
        let title = headline(document, self.title.as_deref());
        if self.lines {
            return Picture::new(title, lines::draw(document), None);
        }
        let (bands, legend) = heatmap::draw(document, self.by, self.order, self.words);
        Picture::new(title, bands, Some(legend))
    }
}

impl Report for Drawing {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()> {
        self.write(&self.picture(document), out)
    }

    fn sheet(&mut self, sheet: &Sheet, out: &mut dyn Write) -> Result<()> {
        let Some(chart) = &sheet.chart else {
            return Err(no_picture(self.format));
        };
        let title = [chart.measure.clone(), plain(&chart.source)];
        self.write(&Picture::new(title, vec![chart::draw(chart)], None), out)
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

impl Drawing {
    fn write(&mut self, picture: &Picture, out: &mut dyn Write) -> Result<()> {
        if self.format.is(&SVG) {
            return Ok(out.write_all(picture.image().svg(&picture.title).as_bytes())?);
        }
        let renderer = Renderer::new(picture);
        match self.format.is(&PNG) {
            true => renderer.png(picture, out)?,
            false => out.write_all(&renderer.pdf(picture)?)?,
        }
        self.boxes.extend(renderer.boxes());
        Ok(())
    }
}
