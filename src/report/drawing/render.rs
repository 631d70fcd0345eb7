//! SVG made into pixels and into PDF, with a font of our own.

use std::io;
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

/// Points and dots of an inch.
const POINTS: f32 = 72.;
const DOTS: f32 = 300.;

/// The picture at 300 dots an inch.
///
/// # Errors
/// A picture too large for memory.
pub fn png(svg: &str) -> io::Result<Vec<u8>> {
    let tree = tree(svg)?;
    // A point of the drawing is 4/3 of the CSS pixels that a tree is measured in.
    let scale = DOTS / POINTS * (POINTS / 96.);
    let size = tree.size();
    let dots = |length: f32| (length * scale).ceil() as u32;
    let mut pixels = Pixmap::new(dots(size.width()), dots(size.height()))
        .ok_or_else(|| io::Error::other("the picture is too large for a PNG"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(io::Error::other)
}

/// The picture as a page of its own size, its text as text.
///
/// # Errors
/// Text that no font can be embedded for.
pub fn pdf(svg: &str) -> io::Result<Vec<u8>> {
    let page = svg2pdf::PageOptions { dpi: 96. };
    svg2pdf::to_pdf(&tree(svg)?, svg2pdf::ConversionOptions::default(), page)
        .map_err(|e| io::Error::other(e.to_string()))
}

fn tree(svg: &str) -> io::Result<Tree> {
    let mut fonts = Database::new();
    fonts.load_font_data(dejavu::sans_mono::regular().to_vec());
    fonts.load_font_data(dejavu::sans_mono::bold().to_vec());
    // What our own font lacks may be among the system's, which take a while to list.
    if svg.chars().any(|c| c > '\u{2fff}') {
        fonts.load_system_fonts();
    }
    let options = Options {
        font_family: "DejaVu Sans Mono".to_string(),
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    Tree::from_str(svg, &options).map_err(io::Error::other)
}
