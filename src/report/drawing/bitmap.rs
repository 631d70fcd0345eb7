//! SVG as pixels, with the bitmaps that emoji of many fonts are.
//!
//! resvg draws no bitmap without decoders of every format that SVG may hold. Those of fonts are PNG, whose decoder
//! is here anyway.

use resvg::tiny_skia::{FilterQuality, Pixmap, PixmapMut, PixmapPaint, Transform};
use resvg::usvg::{Group, Image, ImageKind, Node, Tree};

/// Draws all of `tree`.
pub fn draw(tree: &Tree, place: Transform, pixels: &mut PixmapMut) {
    resvg::render(tree, place, pixels);
    group(tree.root(), place, pixels);
}

/// Draws a part of a tree, whose own place in the tree is left out.
pub fn draw_node(node: &Node, place: Transform, pixels: &mut PixmapMut) {
    // resvg moves a node to the corner of the pixels.
    if let Some(bounds) = node.abs_layer_bounding_box() {
        let place = place.pre_translate(bounds.x(), bounds.y());
        resvg::render_node(node, place, pixels);
    }
    bitmaps(node, place, pixels);
}

fn group(of: &Group, place: Transform, pixels: &mut PixmapMut) {
    let place = place.pre_concat(of.transform());
    of.children().iter().for_each(|node| bitmaps(node, place, pixels));
}

fn bitmaps(node: &Node, place: Transform, pixels: &mut PixmapMut) {
    match node {
        Node::Group(inner) => group(inner, place, pixels),
        Node::Text(text) => group(text.flattened(), place, pixels),
        Node::Image(image) => bitmap(image, place, pixels),
        Node::Path(_) => (),
    }
}

fn bitmap(image: &Image, place: Transform, pixels: &mut PixmapMut) {
    let ImageKind::PNG(bytes) = image.kind() else {
        return;
    };
    let Ok(bitmap) = Pixmap::decode_png(bytes) else {
        return;
    };
    let smooth = PixmapPaint {
        quality: FilterQuality::Bicubic,
        ..PixmapPaint::default()
    };
    pixels.draw_pixmap(0, 0, bitmap.as_ref(), &smooth, place, None);
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use resvg::tiny_skia::Color;
    use resvg::usvg::Options;

    use super::*;

    #[test]
    fn a_bitmap_is_drawn_where_it_stands() {
        let mut bitmap = Pixmap::new(4, 4).unwrap();
        bitmap.fill(Color::from_rgba8(200, 0, 0, 255));
        let encoded = BASE64_STANDARD.encode(bitmap.encode_png().unwrap());
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"20\"><image x=\"10\" y=\"5\" \
             width=\"8\" height=\"8\" href=\"data:image/png;base64,{encoded}\"/></svg>"
        );
        let tree = Tree::from_str(&svg, &Options::default()).unwrap();
        let mut pixels = Pixmap::new(20, 20).unwrap();
        draw(&tree, Transform::identity(), &mut pixels.as_mut());
        let red = |x, y| pixels.pixel(x, y).unwrap().red();
        assert_eq!([red(14, 9), red(11, 6), red(8, 9), red(14, 15)], [200, 200, 0, 0]);
    }
}
