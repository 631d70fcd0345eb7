//! What draws a page: groups and shapes, one after the other.

use std::mem;

use pdf_writer::types::{LineCapStyle, LineJoinStyle};
use pdf_writer::{Content, Filter, Finish, Name, Rect};
use resvg::tiny_skia::{PathSegment, Point, Transform};
use resvg::usvg::{
    BlendMode, Color, FillRule, Group, LineCap, LineJoin, Node, Paint, PaintOrder, Path, Stroke,
};

use super::{COMPACT, Document, compressed};

pub struct Painter<'d, 'a> {
    pub(super) document: &'d mut Document<'a>,
    pub(super) content: Content,
    /// From where nodes stand to points of the page.
    pub(super) place: Transform,
}

impl<'d, 'a> Painter<'d, 'a> {
    /// Draws on a page of `document`, at a `place` in points.
    pub fn new(document: &'d mut Document<'a>, place: Transform) -> Self {
        let mut content = Content::with_settings(COMPACT);
        content.transform(row(place));
        Self {
            document,
            content,
            place,
        }
    }

    /// The instructions that draw a tree.
    pub fn draw(mut self, root: &Group) -> Content {
        self.group(root);
        self.content
    }

    pub(super) fn node(&mut self, node: &Node) {
        match node {
            Node::Group(group) if is_composed(group) => self.pixels(node),
            Node::Group(group) => self.group(group),
            Node::Path(path) if is_plain(path) => self.path(path),
            Node::Path(_) | Node::Image(_) => self.pixels(node),
            Node::Text(text) => self.text(text),
        }
    }

    pub(super) fn group(&mut self, group: &Group) {
        let inner = self.place.pre_concat(group.transform());
        if !inner.is_finite() {
            return;
        }
        let outer = mem::replace(&mut self.place, inner);
        self.content.save_state();
        if !group.transform().is_identity() {
            self.content.transform(row(group.transform()));
        }
        match group.opacity().get() {
            1. => group.children().iter().for_each(|node| self.node(node)),
            opacity => self.layer(group, opacity),
        }
        self.content.restore_state();
        self.place = outer;
    }

    /// Draws a group as one, seen through.
    fn layer(&mut self, group: &Group, opacity: f32) {
        let below = mem::replace(&mut self.content, Content::with_settings(COMPACT));
        group.children().iter().for_each(|node| self.node(node));
        let content = mem::replace(&mut self.content, below);
        let bounds = group.layer_bounding_box();
        let id = self.document.free.bump();
        let content = compressed(&content.finish());
        let mut form = self.document.pdf.form_xobject(id, &content);
        form.filter(Filter::FlateDecode);
        form.bbox(Rect::new(
            bounds.left(),
            bounds.top(),
            bounds.right(),
            bounds.bottom(),
        ))
        .pair(Name(b"Resources"), self.document.resources);
        form.group().transparency();
        form.finish();
        let name = self.document.object(id);
        self.seen_through([opacity; 2], |painter| {
            painter.content.x_object(Name(name.as_bytes()));
        });
    }

    /// Draws a shape of one colour.
    pub(super) fn path(&mut self, path: &Path) {
        if !path.is_visible() {
            return;
        }
        match path.paint_order() {
            PaintOrder::FillAndStroke => {
                self.fill(path);
                self.stroke(path);
            }
            PaintOrder::StrokeAndFill => {
                self.stroke(path);
                self.fill(path);
            }
        }
    }

    fn fill(&mut self, path: &Path) {
        // What has no area would be a line as thin as a screen shows.
        let bounds = path.data().bounds();
        let Some(fill) = path
            .fill()
            .filter(|_| bounds.width() > 0. && bounds.height() > 0.)
        else {
            return;
        };
        self.seen_through([fill.opacity().get(), 1.], |painter| {
            painter.fill_color(fill.paint());
            painter.trace(path);
            match fill.rule() {
                FillRule::NonZero => painter.content.fill_nonzero(),
                FillRule::EvenOdd => painter.content.fill_even_odd(),
            };
        });
    }

    fn stroke(&mut self, path: &Path) {
        let Some(stroke) = path.stroke() else {
            return;
        };
        self.seen_through([1., stroke.opacity().get()], |painter| {
            painter.pen(stroke);
            painter.trace(path);
            painter.content.stroke();
        });
    }

    /// Draws with the opacities of what is filled and of what is stroked.
    pub(super) fn seen_through(&mut self, opacities: [f32; 2], draw: impl FnOnce(&mut Self)) {
        if opacities == [1.; 2] {
            return draw(self);
        }
        let name = self.document.opacity(opacities);
        self.content.save_state().set_parameters(Name(name.as_bytes()));
        draw(self);
        self.content.restore_state();
    }

    pub(super) fn fill_color(&mut self, paint: &Paint) {
        if let Paint::Color(color) = paint {
            let [r, g, b] = shares(*color);
            self.content.set_fill_rgb(r, g, b);
        }
    }

    /// How lines are drawn from here on.
    pub(super) fn pen(&mut self, stroke: &Stroke) {
        if let Paint::Color(color) = stroke.paint() {
            let [r, g, b] = shares(*color);
            self.content.set_stroke_rgb(r, g, b);
        }
        let cap = match stroke.linecap() {
            LineCap::Butt => LineCapStyle::ButtCap,
            LineCap::Round => LineCapStyle::RoundCap,
            LineCap::Square => LineCapStyle::ProjectingSquareCap,
        };
        let join = match stroke.linejoin() {
            LineJoin::Miter | LineJoin::MiterClip => LineJoinStyle::MiterJoin,
            LineJoin::Round => LineJoinStyle::RoundJoin,
            LineJoin::Bevel => LineJoinStyle::BevelJoin,
        };
        let dashes = stroke.dasharray().unwrap_or_default().iter().copied();
        self.content
            .set_line_width(stroke.width().get())
            .set_line_cap(cap)
            .set_line_join(join)
            .set_miter_limit(stroke.miterlimit().get())
            .set_dash_pattern(dashes, stroke.dashoffset());
    }

    /// The shape of a path, not painted yet.
    fn trace(&mut self, path: &Path) {
        let content = &mut self.content;
        let mut last = Point::zero();
        for segment in path.data().segments() {
            match segment {
                PathSegment::MoveTo(to) => {
                    content.move_to(to.x, to.y);
                    last = to;
                }
                PathSegment::LineTo(to) => {
                    content.line_to(to.x, to.y);
                    last = to;
                }
                PathSegment::QuadTo(by, to) => {
                    let [first, second] = [last, to].map(|end| towards(end, by));
                    content.cubic_to(first.x, first.y, second.x, second.y, to.x, to.y);
                    last = to;
                }
                PathSegment::CubicTo(first, second, to) => {
                    content.cubic_to(first.x, first.y, second.x, second.y, to.x, to.y);
                    last = to;
                }
                PathSegment::Close => {
                    content.close_path();
                }
            }
        }
    }
}

/// Where a quadratic curve's handle is for a cubic one: two thirds of the way to the quadratic one's.
fn towards(end: Point, handle: Point) -> Point {
    let part = |from: f32, to: f32| from + (to - from) * 2. / 3.;
    Point::from_xy(part(end.x, handle.x), part(end.y, handle.y))
}

/// Whether a group is more than its parts drawn one after the other, and seen through.
fn is_composed(group: &Group) -> bool {
    group.clip_path().is_some()
        || group.mask().is_some()
        || !group.filters().is_empty()
        || group.blend_mode() != BlendMode::Normal
}

/// Whether a path has one colour.
fn is_plain(path: &Path) -> bool {
    let paints = [
        path.fill().map(|fill| fill.paint()),
        path.stroke().map(Stroke::paint),
    ];
    paints.into_iter().flatten().all(is_color)
}

pub(super) fn is_color(paint: &Paint) -> bool {
    matches!(paint, Paint::Color(_))
}

/// Red, green and blue of 1, as precise as a screen shows.
fn shares(color: Color) -> [f32; 3] {
    [color.red, color.green, color.blue].map(|of| (f32::from(of) / 255. * 1e4).round() / 1e4)
}

/// A transform as PDF writes it, without what rounding left of zeros.
pub(super) fn row(of: Transform) -> [f32; 6] {
    let all = [of.sx, of.ky, of.kx, of.sy, of.tx, of.ty];
    all.map(|number| if number.abs() < 1e-9 { 0. } else { number })
}
