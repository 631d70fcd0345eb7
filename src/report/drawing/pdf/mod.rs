//! A PDF of pages that SVG describes: its shapes as shapes, its text as text, the same bytes each time.

mod embedding;
mod fonts;
mod image;
mod painter;
#[cfg(test)]
mod tests;
mod text;

use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Settings, TextStr};
use resvg::tiny_skia::Transform;
use resvg::usvg::Tree;
use resvg::usvg::fontdb::{Database, ID};

use fonts::Fonts;
use painter::Painter;

/// How hard streams are compressed, of 10.
const COMPRESSION: u8 = 6;
/// No spaces that only a person needs.
const COMPACT: Settings = Settings { pretty: false };

/// A document that pages are added to.
pub struct Document<'a> {
    pdf: Pdf,
    /// The next free number of an object.
    free: Ref,
    tree: Ref,
    /// Fonts, opacities and objects, the same for all pages.
    resources: Ref,
    pages: Vec<Ref>,
    fonts: Fonts<'a>,
    /// Of what is filled, and of what is stroked.
    opacities: Vec<[f32; 2]>,
    /// Images, and groups drawn as one.
    objects: Vec<Ref>,
}

impl<'a> Document<'a> {
    /// An empty document with fonts of `database`, save those whose text is to be `outlined`.
    pub fn new(database: &'a Database, outlined: &'a [ID]) -> Self {
        let mut free = Ref::new(1);
        Self {
            pdf: Pdf::with_settings(COMPACT),
            tree: free.bump(),
            resources: free.bump(),
            free,
            pages: Vec::new(),
            fonts: Fonts::new(database, outlined),
            opacities: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// Adds a page of so many points that `tree` fills.
    pub fn page(&mut self, tree: &Tree, (wide, high): (f32, f32)) {
        // Points run upwards from the lower left corner.
        let place = Transform::from_row(
            wide / tree.size().width(),
            0.,
            0.,
            -high / tree.size().height(),
            0.,
            high,
        );
        let content = Painter::new(self, place).draw(tree.root());
        let drawn = self.free.bump();
        self.stream(drawn, content);
        let id = self.free.bump();
        let mut page = self.pdf.page(id);
        page.parent(self.tree)
            .media_box(Rect::new(0., 0., wide, high))
            .contents(drawn)
            .pair(Name(b"Resources"), self.resources);
        page.finish();
        self.pages.push(id);
    }

    /// The document's bytes.
    ///
    /// # Errors
    /// A font that cannot be embedded; without it, there is a document.
    pub fn finish(mut self, title: &str) -> Result<Vec<u8>, ID> {
        let fonts = self.fonts.embed(&mut self.pdf, &mut self.free)?;
        self.write_resources(&fonts);
        self.pdf
            .pages(self.tree)
            .count(self.pages.len() as i32)
            .kids(self.pages);
        self.pdf.catalog(self.free.bump()).pages(self.tree);
        self.pdf.document_info(self.free.bump()).title(TextStr(title));
        Ok(self.pdf.finish())
    }

    fn write_resources(&mut self, fonts: &[(usize, Ref)]) {
        let mut resources = self.pdf.indirect(self.resources).dict();
        let mut named = resources.insert(Name(b"Font")).dict();
        for (i, font) in fonts {
            named.pair(Name(name('F', *i).as_bytes()), *font);
        }
        named.finish();
        let mut named = resources.insert(Name(b"XObject")).dict();
        for (i, object) in self.objects.iter().enumerate() {
            named.pair(Name(name('X', i).as_bytes()), *object);
        }
        named.finish();
        let mut named = resources.insert(Name(b"ExtGState")).dict();
        for (i, [fill, stroke]) in self.opacities.iter().enumerate() {
            named
                .insert(Name(name('O', i).as_bytes()))
                .dict()
                .pair(Name(b"ca"), *fill)
                .pair(Name(b"CA"), *stroke);
        }
    }

    /// The name of a state with these opacities.
    fn opacity(&mut self, of: [f32; 2]) -> String {
        let known = self.opacities.iter().position(|known| *known == of);
        let index = known.unwrap_or_else(|| {
            self.opacities.push(of);
            self.opacities.len() - 1
        });
        name('O', index)
    }

    /// Names an image or a group, to be drawn by that name.
    fn object(&mut self, id: Ref) -> String {
        self.objects.push(id);
        name('X', self.objects.len() - 1)
    }

    fn stream(&mut self, id: Ref, content: Content) {
        let content = compressed(&content.finish());
        self.pdf.stream(id, &content).filter(Filter::FlateDecode);
    }
}

/// The name of a resource: what it is, and its number among those.
fn name(kind: char, index: usize) -> String {
    format!("{kind}{index}")
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec_zlib(bytes, COMPRESSION)
}
