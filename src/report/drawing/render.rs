//! SVG made into pixels and into PDF, with a font of our own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use krilla::Document;
use krilla::geom::Size;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt, SvgSettings};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{FontResolver, Options, Tree};

use crate::error::{Error, Result};
use crate::machine::memory;

/// Points, dots and the CSS pixels that a tree is measured in, of an inch.
const POINTS: f32 = 72.;
const DOTS: f32 = 300.;
const PIXELS: f32 = 96.;

/// A picture, and the characters that a box stands for in it, since no font here has them.
pub struct Rendered {
    pub bytes: Vec<u8>,
    pub boxes: BTreeSet<char>,
}

/// The picture at 300 dots an inch.
///
/// # Errors
/// A picture too large for memory.
pub fn png(svg: &str) -> Result<Rendered> {
    let (tree, boxes) = tree(svg)?;
    let scale = DOTS / PIXELS;
    let size = tree.size();
    let dots = |length: f32| (length * scale).ceil() as u32;
    let bytes = 4. * f64::from(size.width() * scale) * f64::from(size.height() * scale);
    // The pixels, and what they are compressed from and to.
    memory::require(
        2 * bytes as u64,
        "The picture",
        "Read fewer --positions, or write an .svg.",
    )?;
    let mut pixels = Pixmap::new(dots(size.width()), dots(size.height()))
        .ok_or_else(|| undrawn("it is too large for a PNG"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    let bytes = pixels.encode_png().map_err(|e| undrawn(&e.to_string()))?;
    Ok(Rendered { bytes, boxes })
}

/// The picture as a page of its own size, its text as text.
///
/// # Errors
/// Text that no font can be embedded for.
pub fn pdf(svg: &str) -> Result<Rendered> {
    let (tree, boxes) = tree(svg)?;
    let points = |pixels: f32| pixels * POINTS / PIXELS;
    let (wide, high) = (points(tree.size().width()), points(tree.size().height()));
    let no_page = || undrawn("it has no size that a PDF can have");
    let size = Size::from_wh(wide, high).ok_or_else(no_page)?;
    let mut document = Document::new();
    let mut page = document.start_page_with(PageSettings::from_wh(wide, high).ok_or_else(no_page)?);
    let mut surface = page.surface();
    let drawn = surface.draw_svg(&tree, size, SvgSettings::default());
    surface.finish();
    page.finish();
    drawn.ok_or_else(|| undrawn("it has no form as a PDF"))?;
    let bytes = document.finish().map_err(|e| undrawn(&e.to_string()))?;
    Ok(Rendered { bytes, boxes })
}

fn undrawn(why: &str) -> Error {
    Error::failed(
        format!("The picture cannot be drawn: {why}."),
        "Read fewer --positions, or write an .svg.",
    )
}

fn tree(svg: &str) -> Result<(Tree, BTreeSet<char>)> {
    let mut fonts = Database::new();
    fonts.load_font_data(dejavu::sans_mono::regular().to_vec());
    fonts.load_font_data(dejavu::sans_mono::bold().to_vec());
    // What our own font lacks may be among the system's, which take a while to list.
    if svg.chars().any(|c| c > '\u{2fff}') {
        fonts.load_system_fonts();
    }
    let boxes = Arc::new(Mutex::new(BTreeSet::new()));
    let lacking = boxes.clone();
    let fallback = FontResolver::default_fallback_selector();
    let resolver = FontResolver {
        select_font: FontResolver::default_font_selector(),
        select_fallback: Box::new(move |c, tried, fonts| {
            let found = fallback(c, tried, fonts);
            if found.is_none()
                && let Ok(mut lacking) = lacking.lock()
            {
                lacking.insert(c);
            }
            found
        }),
    };
    let options = Options {
        font_family: "DejaVu Sans Mono".to_string(),
        fontdb: Arc::new(fonts),
        font_resolver: resolver,
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|e| undrawn(&e.to_string()))?;
    let boxes = boxes.lock().map(|boxes| boxes.clone()).unwrap_or_default();
    Ok((tree, boxes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_without_a_font_are_told() {
        // A letter of Kirat Rai, a script of 2024 that hardly a font has yet.
        let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"50\" height=\"20\">\
                   <text x=\"2\" y=\"12\" font-size=\"8\">aé␣\u{16d43}</text></svg>";
        for rendered in [png(svg).unwrap(), pdf(svg).unwrap()] {
            assert_eq!(rendered.boxes.into_iter().collect::<String>(), "\u{16d43}");
        }
    }
}
