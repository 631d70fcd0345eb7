//! The fonts of a document: which of their glyphs it has, and what they say.

use std::collections::{BTreeMap, BTreeSet};

use pdf_writer::{Chunk, Ref};
use resvg::tiny_skia::Transform;
use resvg::usvg::FontVariation;
use resvg::usvg::fontdb::{Database, ID};
use resvg::usvg::layout::PositionedGlyph;
use subsetter::GlyphRemapper;
use ttf_parser::{Face, GlyphId, RasterImageFormat, Tag};

/// Units that a PDF measures glyphs in, of a font's size.
pub(super) const UNITS: f32 = 1000.;

/// The fonts of a document.
pub struct Fonts<'a> {
    database: &'a Database,
    outlined: &'a [ID],
    used: Vec<Font>,
}

/// A font, and the glyphs of it that a document has.
pub(super) struct Font {
    pub(super) id: ID,
    /// None where it can't be embedded.
    outlines: Option<Outlines>,
    units_per_em: f32,
    pub(super) codes: GlyphRemapper,
    /// Of each code, in units.
    pub(super) widths: Vec<f32>,
    /// What each code says.
    pub(super) texts: BTreeMap<u16, String>,
    pictures: BTreeSet<u16>,
    /// What a variable font varies in, and how it is usually.
    axes: Vec<(Tag, f32)>,
}

/// The kinds of outlines that can be embedded.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Outlines {
    TrueType,
    /// The Compact Font Format, of PostScript.
    Compact,
}

/// How a glyph comes into a document.
pub enum Glyph {
    /// As a code of an embedded font.
    Text { font: usize, code: u16, width: f32 },
    /// With colours of its own.
    Picture,
    /// Only as the shape that it is.
    Outline,
}

impl<'a> Fonts<'a> {
    /// No fonts yet; those of `outlined` are never embedded.
    pub fn new(database: &'a Database, outlined: &'a [ID]) -> Self {
        Self {
            database,
            outlined,
            used: Vec::new(),
        }
    }

    /// How a font's glyph comes into the document.
    pub fn find(&mut self, id: ID, glyph: u16) -> Glyph {
        let index = self.index(id);
        let font = &mut self.used[index];
        match font.code(self.database, glyph) {
            Some(code) => Glyph::Text {
                font: index,
                code,
                width: font.widths[usize::from(code)],
            },
            None if font.pictures.contains(&glyph) => Glyph::Picture,
            None => Glyph::Outline,
        }
    }

    /// Whether a font is drawn in another way than usual, which a PDF would not show.
    pub fn is_varied(&mut self, id: ID, variations: &[FontVariation]) -> bool {
        let index = self.index(id);
        // usvg draws a font that has optical sizes differently for each size.
        let mut axes = self.used[index].axes.iter();
        axes.any(|(tag, usual)| {
            let mut of_axis = variations.iter().filter(|of| Tag::from_bytes(&of.tag) == *tag);
            *tag == Tag::from_bytes(b"opsz") || of_axis.any(|of| of.value != *usual)
        })
    }

    fn index(&mut self, id: ID) -> usize {
        let known = self.used.iter().position(|font| font.id == id);
        known.unwrap_or_else(|| {
            let font = Font::new(self.database, id, self.outlined.contains(&id));
            self.used.push(font);
            self.used.len() - 1
        })
    }

    /// A font that can be embedded, for what is read but not seen.
    pub fn stand_in(&mut self) -> Option<usize> {
        let mut faces = self.database.faces();
        faces.find_map(|face| {
            let index = self.index(face.id);
            self.used[index].outlines.map(|_| index)
        })
    }

    /// Where a glyph of its font's size stands, y upwards.
    pub fn place(&mut self, glyph: &PositionedGlyph) -> Transform {
        let index = self.index(glyph.font);
        let scale = self.used[index].units_per_em / glyph.font_size();
        glyph.outline_transform().pre_scale(scale, scale)
    }

    /// Whether a code says `text` wherever it stands.
    pub fn says(&mut self, font: usize, code: u16, text: &str) -> bool {
        let texts = &mut self.used[font].texts;
        !text.is_empty() && texts.entry(code).or_insert_with(|| text.to_string()) == text
    }

    /// Writes all fonts that can be embedded, each with the glyphs used; says which of the fonts each is.
    ///
    /// # Errors
    /// The first font whose glyphs can't be taken out.
    pub fn embed(&self, chunk: &mut Chunk, free: &mut Ref) -> Result<Vec<(usize, Ref)>, ID> {
        let mut embedded = Vec::new();
        for (i, font) in self.used.iter().enumerate() {
            if let Some(outlines) = font.outlines {
                let written = font.embed(outlines, self.database, chunk, free);
                embedded.push((i, written.ok_or(font.id)?));
            }
        }
        Ok(embedded)
    }
}

impl Font {
    fn new(database: &Database, id: ID, outlined: bool) -> Self {
        let mut font = Self {
            id,
            outlines: None,
            units_per_em: UNITS,
            codes: GlyphRemapper::new(),
            widths: Vec::new(),
            texts: BTreeMap::new(),
            pictures: BTreeSet::new(),
            axes: Vec::new(),
        };
        database.with_face_data(id, |bytes, index| {
            let Ok(face) = Face::parse(bytes, index) else {
                return;
            };
            font.units_per_em = f32::from(face.units_per_em());
            font.widths.push(font.width(&face, 0));
            font.outlines = outlines(&face).filter(|_| !outlined);
            let axes = face.variation_axes().into_iter();
            font.axes = axes.map(|axis| (axis.tag, axis.def_value)).collect();
        });
        font
    }

    /// The code of a glyph, if it is neither a picture nor an outline.
    fn code(&mut self, database: &Database, glyph: u16) -> Option<u16> {
        if self.pictures.contains(&glyph) {
            return None;
        }
        let known = self.codes.get(glyph).filter(|_| self.outlines.is_some());
        if known.is_some() {
            return known;
        }
        database.with_face_data(self.id, |bytes, index| {
            let face = Face::parse(bytes, index).ok()?;
            if is_picture(&face, GlyphId(glyph)) {
                self.pictures.insert(glyph);
                return None;
            }
            self.outlines?;
            let code = self.codes.remap(glyph);
            if usize::from(code) == self.widths.len() {
                self.widths.push(self.width(&face, glyph));
            }
            Some(code)
        })?
    }

    fn width(&self, face: &Face, glyph: u16) -> f32 {
        let advance = face.glyph_hor_advance(GlyphId(glyph)).unwrap_or(0);
        f32::from(advance) / self.units_per_em * UNITS
    }
}

/// The kind of a font's outlines, if a PDF can have them.
fn outlines(face: &Face) -> Option<Outlines> {
    let tables = face.tables();
    match (tables.glyf, tables.cff) {
        (Some(_), _) => Some(Outlines::TrueType),
        (None, Some(_)) => Some(Outlines::Compact),
        (None, None) => None,
    }
}

/// Whether usvg draws a glyph as a picture.
fn is_picture(face: &Face, glyph: GlyphId) -> bool {
    let bitmap = face.glyph_raster_image(glyph, u16::MAX);
    face.is_color_glyph(glyph)
        || face.glyph_svg_image(glyph).is_some()
        || bitmap.is_some_and(|bitmap| bitmap.format == RasterImageFormat::PNG)
}
