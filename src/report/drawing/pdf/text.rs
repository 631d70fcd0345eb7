//! Text that stays text: glyphs at the places that usvg gave them, and what they say.

use pdf_writer::types::TextRenderingMode;
use pdf_writer::{Name, Str, TextStr};
use resvg::tiny_skia::{Point, Transform};
use resvg::usvg::layout::{PositionedGlyph, Span};
use resvg::usvg::{Node, PaintOrder, Text};

use super::fonts::Glyph;
use super::name;
use super::painter::{Painter, is_color, row};

/// How far a glyph may be from its line, and how far beside its place, of the font's size.
const NEAR: f32 = 1e-3;
/// The unit that places on a line are corrected in, of the font's size.
const THOUSANDTHS: f32 = 1000.;
/// Corrections by more are a new beginning, in thousandths.
const FAR: f32 = 10_000.;

/// The code of what a font shows for a character that it lacks.
const NO_GLYPH: u16 = 0;

/// Glyphs on a line, one after the other.
struct Line {
    font: usize,
    size: f32,
    /// Where the line began.
    begin: Transform,
    /// How far from there the next glyph would stand.
    pen: f32,
    /// Codes that are not written yet, each run with what it is moved back by before, in thousandths.
    runs: Vec<(f32, Vec<u8>)>,
}

impl Painter<'_, '_> {
    /// Draws a text, as text where its fonts can be embedded.
    pub(super) fn text(&mut self, text: &Text) {
        let mut spans = text.layouted().iter().filter(|span| span.visible);
        if !spans.all(|span| self.can_show(span)) {
            self.group(text.flattened());
            for span in text.layouted().iter().filter(|span| span.visible) {
                self.glyphs(&span.positioned_glyphs, TextRenderingMode::Invisible);
            }
            return;
        }
        for span in text.layouted().iter().filter(|span| span.visible) {
            for line in [&span.overline, &span.underline].into_iter().flatten() {
                self.path(line);
            }
            self.span(span);
            if let Some(line) = &span.line_through {
                self.path(line);
            }
        }
        // Of what usvg drew, glyphs that are pictures are groups, and the others paths.
        let pictures = text.flattened().children().iter();
        for picture in pictures.filter(|node| matches!(node, Node::Group(_))) {
            self.node(picture);
        }
    }

    /// Whether all of a span's glyphs are text or pictures.
    fn can_show(&mut self, span: &Span) -> bool {
        let (fill, stroke) = (span.fill.as_ref(), span.stroke.as_ref());
        let mut paints =
            (fill.map(|fill| fill.paint()).into_iter()).chain(stroke.map(|stroke| stroke.paint()));
        let is_stroked_first = stroke.is_some() && span.paint_order == PaintOrder::StrokeAndFill;
        paints.all(is_color)
            && !is_stroked_first
            && span.positioned_glyphs.iter().all(|glyph| {
                let fonts = &mut self.document.fonts;
                !fonts.is_varied(glyph.font, &span.variations)
                    && !matches!(fonts.find(glyph.font, glyph.id.0), Glyph::Outline)
            })
    }

    fn span(&mut self, span: &Span) {
        let opacities = [
            span.fill.as_ref().map_or(1., |fill| fill.opacity().get()),
            span.stroke.as_ref().map_or(1., |stroke| stroke.opacity().get()),
        ];
        self.seen_through(opacities, |painter| {
            if let Some(fill) = &span.fill {
                painter.fill_color(fill.paint());
            }
            if let Some(stroke) = &span.stroke {
                painter.pen(stroke);
            }
            let mode = match (&span.fill, &span.stroke) {
                (Some(_), None) => TextRenderingMode::Fill,
                (None, Some(_)) => TextRenderingMode::Stroke,
                (Some(_), Some(_)) => TextRenderingMode::FillStroke,
                (None, None) => TextRenderingMode::Invisible,
            };
            painter.glyphs(&span.positioned_glyphs, mode);
        });
    }

    /// Shows glyphs so that what they say is read in their order.
    fn glyphs(&mut self, glyphs: &[PositionedGlyph], mode: TextRenderingMode) {
        self.content.begin_text().set_text_rendering_mode(mode);
        let mut line = None;
        for together in clusters(glyphs) {
            let text: String = together.iter().map(|glyph| glyph.text.as_str()).collect();
            if self.says(together, &text) {
                self.put(&together[0], mode, &mut line);
                continue;
            }
            self.show(&mut line);
            let mut marked = self.content.begin_marked_content_with_properties(Name(b"Span"));
            marked.properties().actual_text(TextStr(&text));
            drop(marked);
            for glyph in together {
                self.put(glyph, mode, &mut line);
            }
            self.show(&mut line);
            self.content.end_marked_content();
        }
        self.show(&mut line);
        self.content.end_text();
    }

    /// Whether this is one glyph whose code says `text` wherever it stands.
    fn says(&mut self, together: &[PositionedGlyph], text: &str) -> bool {
        let fonts = &mut self.document.fonts;
        match together {
            [glyph] => match fonts.find(glyph.font, glyph.id.0) {
                Glyph::Text { font, code, .. } => fonts.says(font, code, text),
                Glyph::Picture | Glyph::Outline => false,
            },
            _ => false,
        }
    }

    /// Puts a glyph on the line, or on a new one; something unseen where it is drawn otherwise.
    fn put(&mut self, glyph: &PositionedGlyph, mode: TextRenderingMode, line: &mut Option<Line>) {
        let fonts = &mut self.document.fonts;
        let (found, begin) = (fonts.find(glyph.font, glyph.id.0), fonts.place(glyph));
        if !begin.is_finite() {
            return;
        }
        let size = glyph.font_size();
        if let Glyph::Text { font, code, width } = found {
            match line {
                Some(line) if line.takes(font, size, begin) => line.push(begin, code, width),
                _ => {
                    self.show(line);
                    line.insert(self.begin(font, size, begin))
                        .push(begin, code, width);
                }
            }
        } else if let Some(font) = self.document.fonts.stand_in() {
            self.show(line);
            self.content.set_text_rendering_mode(TextRenderingMode::Invisible);
            let unseen = line.insert(self.begin(font, size, begin));
            unseen.push(begin, NO_GLYPH, 0.);
            self.show(line);
            self.content.set_text_rendering_mode(mode);
            *line = None;
        }
    }

    fn begin(&mut self, font: usize, size: f32, begin: Transform) -> Line {
        self.content
            .set_font(Name(name('F', font).as_bytes()), size)
            .set_text_matrix(row(begin));
        Line {
            font,
            size,
            begin,
            pen: 0.,
            runs: Vec::new(),
        }
    }

    /// Writes what of a line is not written yet.
    fn show(&mut self, line: &mut Option<Line>) {
        let Some(line) = line.as_mut().filter(|line| !line.runs.is_empty()) else {
            return;
        };
        let mut shown = self.content.show_positioned();
        let mut items = shown.items();
        for (correction, codes) in line.runs.drain(..) {
            if correction != 0. {
                items.adjust(correction);
            }
            items.show(Str(&codes));
        }
    }
}

impl Line {
    /// Whether a glyph at `place` stands on this line.
    fn takes(&self, font: usize, size: f32, place: Transform) -> bool {
        let turn = |of: Transform| [of.sx, of.kx, of.ky, of.sy];
        let at = self.at(place);
        (font, size) == (self.font, self.size)
            && turn(place) == turn(self.begin)
            && at.is_some_and(|at| at.y.abs() <= NEAR * size && self.correction(at).abs() < FAR)
    }

    /// A glyph at `place`, of a `width` in thousandths.
    fn push(&mut self, place: Transform, code: u16, width: f32) {
        let correction = self.at(place).map_or(0., |at| self.correction(at));
        self.pen += (width - correction) / THOUSANDTHS * self.size;
        match self.runs.last_mut() {
            Some((_, codes)) if correction == 0. => codes.extend(code.to_be_bytes()),
            _ => self.runs.push((correction, code.to_be_bytes().to_vec())),
        }
    }

    /// Where `place` is, seen along the line.
    fn at(&self, place: Transform) -> Option<Point> {
        let mut at = Point::from_xy(place.tx, place.ty);
        self.begin.invert()?.map_point(&mut at);
        Some(at)
    }

    /// By how many thousandths a point is before the pen.
    fn correction(&self, at: Point) -> f32 {
        ((self.pen - at.x) / self.size * THOUSANDTHS).round()
    }
}

/// Glyphs that say something together: usvg gives the text to the last of them.
fn clusters(glyphs: &[PositionedGlyph]) -> impl Iterator<Item = &[PositionedGlyph]> {
    glyphs.split_inclusive(|glyph| !glyph.text.is_empty())
}
