//! A font inside a PDF: its glyphs, how wide they are, and what they say.

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Chunk, Filter, Finish, Name, Rect, Ref, Str};
use resvg::usvg::fontdb::Database;
use sha1::{Digest, Sha1};
use subsetter::subset;
use ttf_parser::{Face, RawFace, Tag};

use super::compressed;
use super::fonts::{Font, Outlines, UNITS};

/// A code is the number of its glyph.
const IDENTITY: SystemInfo = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};
/// How thick stems are for each step of a font's weight, in units: a font doesn't say.
const STEM: f32 = 0.2;

impl Font {
    /// Writes the font with the glyphs used; none if they can't be taken out of it.
    pub(super) fn embed(
        &self,
        outlines: Outlines,
        database: &Database,
        chunk: &mut Chunk,
        free: &mut Ref,
    ) -> Option<Ref> {
        let name = &database.face(self.id)?.post_script_name;
        database.with_face_data(self.id, |bytes, index| {
            let face = Face::parse(bytes, index).ok()?;
            let part = subset(bytes, index, &self.codes).ok()?;
            let name = format!("{}+{name}", tag(&part));
            let program = free.bump();
            match outlines {
                Outlines::TrueType => {
                    let bytes = compressed(&part);
                    let mut stream = chunk.stream(program, &bytes);
                    stream.filter(Filter::FlateDecode);
                    stream.pair(Name(b"Length1"), part.len() as i32);
                }
                Outlines::Compact => {
                    let table = RawFace::parse(&part, 0).ok()?.table(Tag::from_bytes(b"CFF "))?;
                    let bytes = compressed(table);
                    let mut stream = chunk.stream(program, &bytes);
                    stream.filter(Filter::FlateDecode);
                    stream.pair(Name(b"Subtype"), Name(b"CIDFontType0C"));
                }
            }
            let descriptor = free.bump();
            describe(&face, &name, chunk, descriptor, (outlines, program));
            Some(self.write(&name, outlines, descriptor, chunk, free))
        })?
    }

    fn write(
        &self,
        name: &str,
        outlines: Outlines,
        descriptor: Ref,
        chunk: &mut Chunk,
        free: &mut Ref,
    ) -> Ref {
        let [glyphs, words, font] = [free.bump(), free.bump(), free.bump()];
        let name = Name(name.as_bytes());
        let mut inner = chunk.cid_font(glyphs);
        inner
            .base_font(name)
            .system_info(IDENTITY)
            .font_descriptor(descriptor)
            .default_width(0.);
        match outlines {
            Outlines::TrueType => {
                inner.subtype(CidFontType::Type2);
                inner.cid_to_gid_map_predefined(Name(b"Identity"));
            }
            Outlines::Compact => {
                inner.subtype(CidFontType::Type0);
            }
        }
        inner.widths().consecutive(0, self.widths.iter().copied());
        inner.finish();
        let map = compressed(&self.words());
        chunk.cmap(words, &map).filter(Filter::FlateDecode);
        chunk
            .type0_font(font)
            .base_font(name)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(glyphs)
            .to_unicode(words);
        font
    }

    /// What codes say, as a PDF has it.
    fn words(&self) -> Vec<u8> {
        let mut map = UnicodeCmap::new(Name(b"Words"), IDENTITY);
        for (code, text) in &self.texts {
            map.pair_with_multiple(*code, text.chars());
        }
        map.finish().into_vec()
    }
}

/// Writes a font's measures, and where its glyphs are.
fn describe(face: &Face, name: &str, chunk: &mut Chunk, id: Ref, (outlines, program): (Outlines, Ref)) {
    let units = |of: i16| f32::from(of) / f32::from(face.units_per_em()) * UNITS;
    let mut flags = FontFlags::SYMBOLIC;
    flags.set(FontFlags::FIXED_PITCH, face.is_monospaced());
    flags.set(FontFlags::ITALIC, face.is_italic());
    let bounds = face.global_bounding_box();
    let capital = face.capital_height().unwrap_or(face.ascender());
    let mut descriptor = chunk.font_descriptor(id);
    descriptor
        .name(Name(name.as_bytes()))
        .flags(flags)
        .bbox(Rect::new(
            units(bounds.x_min),
            units(bounds.y_min),
            units(bounds.x_max),
            units(bounds.y_max),
        ))
        .italic_angle(face.italic_angle())
        .ascent(units(face.ascender()))
        .descent(units(face.descender()))
        .cap_height(units(capital))
        .stem_v(f32::from(face.weight().to_number()) * STEM);
    match outlines {
        Outlines::TrueType => descriptor.font_file2(program),
        Outlines::Compact => descriptor.font_file3(program),
    };
}

/// Six letters that tell a part of a font from its other parts.
fn tag(part: &[u8]) -> String {
    let hash = Sha1::digest(part);
    hash.iter()
        .take(6)
        .map(|byte| char::from(b'A' + byte % 26))
        .collect()
}
