//! What is drawn as pixels: bitmaps, gradients and masks, which colours of emoji may be.

use pdf_writer::{Filter, Finish, Name, Ref};
use resvg::tiny_skia::{Pixmap, PremultipliedColorU8, Rect, Transform};
use resvg::usvg::Node;

use super::painter::{Painter, row};
use super::{Document, compressed};
use crate::report::drawing::bitmap;
use crate::report::drawing::render::{DOTS, POINTS};

/// The most dots that an image is wide or high.
const MOST: f32 = 2048.;

impl Painter<'_, '_> {
    /// Draws a node as the dots that it is in a PNG.
    pub(super) fn pixels(&mut self, node: &Node) {
        let Some(bounds) = bounds(node) else {
            return;
        };
        let (across, down) = self.place.get_scale();
        let longest = bounds.width().max(bounds.height());
        let scale = (across.max(down) * (DOTS / POINTS) as f32).min(MOST / longest);
        let dots = |length: f32| (length * scale).ceil().max(1.) as u32;
        let Some(mut pixels) = Pixmap::new(dots(bounds.width()), dots(bounds.height())) else {
            return;
        };
        let place = Transform::from_scale(scale, scale).pre_translate(-bounds.x(), -bounds.y());
        bitmap::draw_node(node, place, &mut pixels.as_mut());
        let (wide, high) = (pixels.width() as f32 / scale, pixels.height() as f32 / scale);
        let name = self.document.image(&pixels);
        // An image is one unit wide and high, and upright where y runs upwards.
        let place = Transform::from_row(wide, 0., 0., -high, bounds.x(), bounds.y() + high);
        self.content
            .save_state()
            .transform(row(place))
            .x_object(Name(name.as_bytes()))
            .restore_state();
    }
}

/// What a node covers, where it stands.
fn bounds(node: &Node) -> Option<Rect> {
    match node {
        Node::Group(group) => group.layer_bounding_box().to_rect().transform(group.transform()),
        node => Some(node.stroke_bounding_box()),
    }
}

impl Document<'_> {
    /// Embeds an image and names it.
    fn image(&mut self, pixels: &Pixmap) -> String {
        let dots = || {
            pixels
                .pixels()
                .iter()
                .map(|dot: &PremultipliedColorU8| dot.demultiply())
        };
        let colors: Vec<u8> = dots()
            .flat_map(|dot| [dot.red(), dot.green(), dot.blue()])
            .collect();
        let opacities: Vec<u8> = dots().map(|dot| dot.alpha()).collect();
        let size = (pixels.width() as i32, pixels.height() as i32);
        let opacity = self.samples(&opacities, size, None);
        let image = self.samples(&colors, size, Some(opacity));
        self.object(image)
    }

    /// Embeds an image of colours that have opacities, or of opacities themselves.
    fn samples(&mut self, bytes: &[u8], (wide, high): (i32, i32), opacity: Option<Ref>) -> Ref {
        let id = self.free.bump();
        let bytes = compressed(bytes);
        let mut image = self.pdf.image_xobject(id, &bytes);
        image.filter(Filter::FlateDecode);
        image.width(wide).height(high).bits_per_component(8);
        match opacity {
            Some(opacity) => {
                image.color_space().device_rgb();
                image.s_mask(opacity);
            }
            None => image.color_space().device_gray(),
        }
        image.finish();
        id
    }
}
