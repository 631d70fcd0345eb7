//! Pictures made into pixels and into PDF, with a font of our own.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

use png::{EncodingError, PixelDimensions, Unit};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::{Database, ID};
use resvg::usvg::{FontResolver, Options, Tree};

use super::bitmap;
use super::pdf::Document;
use super::picture::{Layout, Picture, Strip};
use crate::error::{Error, Result};
use crate::machine::memory;
use crate::report::Failure;

/// Points, dots and the CSS pixels that a tree is measured in, of an inch.
pub const POINTS: f64 = 72.;
pub const DOTS: f64 = 300.;
const PIXELS: f64 = 96.;
const METRES: f64 = 0.0254;

/// Makes pictures of SVG, and keeps which characters stand as boxes, since no font here has them.
pub struct Renderer {
    options: Options<'static>,
    boxes: Arc<Mutex<BTreeSet<char>>>,
}

impl Renderer {
    /// A renderer with the fonts that `picture` needs.
    pub fn new(picture: &Picture) -> Self {
        let mut fonts = Database::new();
        fonts.load_font_data(dejavu::sans_mono::regular().to_vec());
        fonts.load_font_data(dejavu::sans_mono::bold().to_vec());
        // What our own font lacks may be among the system's, which take a while to list.
        if picture.any_character(|c| c > '\u{2fff}') {
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
        Self { options, boxes }
    }

    /// The characters that boxes stood for so far.
    pub fn boxes(&self) -> BTreeSet<char> {
        self.boxes.lock().map(|boxes| boxes.clone()).unwrap_or_default()
    }

    /// Writes the picture at 300 dots an inch, strip by strip: no more than a strip's pixels and a
    /// block's outlines are in memory at once.
    ///
    /// # Errors
    /// A strip too large for memory, or an output that does not take it.
    pub fn png(&self, picture: &Picture, out: &mut dyn Write) -> std::result::Result<(), Failure> {
        let layout = picture.image();
        let dots = |points: f64| points * DOTS / POINTS;
        let (wide, high) = (
            dots(layout.width).ceil() as u32,
            dots(layout.height).ceil() as u32,
        );
        let tallest = layout.strips.iter().map(|strip| strip.height).fold(0., f64::max);
        memory::require(
            super::memory::png(&layout, u64::from(wide) * dots(tallest).ceil() as u64),
            "The picture",
            "Read fewer --positions, or write an .svg.",
        )?;
        let mut encoder = png::Encoder::new(out, wide, high);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let per_metre = (DOTS / METRES).round() as u32;
        encoder.set_pixel_dims(Some(PixelDimensions {
            xppu: per_metre,
            yppu: per_metre,
            unit: Unit::Meter,
        }));
        encoder
            .add_itxt_chunk("Title".to_string(), picture.title.clone())
            .map_err(unencoded)?;
        let mut writer = encoder.write_header().map_err(unencoded)?;
        let mut rows = writer.stream_writer().map_err(unencoded)?;
        let mut begin = 0;
        for (i, strip) in layout.strips.iter().enumerate() {
            // Each dot belongs to one strip; the last one has what is below it too.
            let end = match layout.strips.get(i + 1) {
                Some(next) => dots(next.y).round() as u32,
                None => high,
            };
            rows.write_all(&self.strip(strip, wide, begin..end)?)?;
            begin = end;
        }
        rows.finish().map_err(unencoded)?;
        writer.finish().map_err(unencoded)
    }

    /// The pixels of some of the picture's rows of dots, red, green and blue.
    fn strip(&self, strip: &Strip, wide: u32, rows: std::ops::Range<u32>) -> Result<Vec<u8>> {
        let mut pixels =
            Pixmap::new(wide, rows.len() as u32).ok_or_else(|| undrawn("it is too large for a PNG"))?;
        pixels.fill(Color::WHITE);
        let above = strip.y * DOTS / POINTS - f64::from(rows.start);
        for (x, block) in &strip.blocks {
            let tree = self.tree(&block.svg())?;
            let scale = (DOTS / PIXELS) as f32;
            let place = Transform::from_translate((x * DOTS / POINTS) as f32, above as f32);
            bitmap::draw(&tree, place.pre_scale(scale, scale), &mut pixels.as_mut());
        }
        Ok(opaque(pixels.data()))
    }

    /// The picture as pages, its text as text.
    ///
    /// # Errors
    /// More than there is memory for.
    pub fn pdf(&self, picture: &Picture) -> Result<Vec<u8>> {
        let pages = picture.pages();
        memory::require(
            super::memory::pdf(picture, &pages),
            "The PDF",
            "Read fewer --positions, or write an .svg or a .png.",
        )?;
        let mut outlined = Vec::new();
        loop {
            match self.document(picture, &pages, &outlined)? {
                Ok(bytes) => return Ok(bytes),
                // Its text is shapes then.
                Err(font) => outlined.push(font),
            }
        }
    }

    /// The pages as a PDF, or a font that can't be embedded and is none of those `outlined`.
    fn document(
        &self,
        picture: &Picture,
        pages: &[Layout],
        outlined: &[ID],
    ) -> Result<std::result::Result<Vec<u8>, ID>> {
        let mut document = Document::new(&self.options.fontdb, outlined);
        for page in pages {
            let tree = self.tree(&page.svg(&picture.title))?;
            document.page(&tree, (page.width as f32, page.height as f32));
        }
        Ok(document.finish(&picture.title))
    }

    fn tree(&self, svg: &str) -> Result<Tree> {
        Tree::from_str(svg, &self.options).map_err(|e| undrawn(&e.to_string()))
    }
}

/// Why a PNG was not written.
fn unencoded(error: EncodingError) -> Failure {
    match error {
        EncodingError::IoError(error) => error.into(),
        error => undrawn(&error.to_string()).into(),
    }
}

fn undrawn(why: &str) -> Error {
    Error::failed(
        format!("The picture cannot be drawn: {why}."),
        "Read fewer --positions, or write an .svg.",
    )
}

/// The colours of pixels that nothing shines through. Millions of them, and so in a loop that is compiled in place.
fn opaque(rgba: &[u8]) -> Vec<u8> {
    let (rgba, _) = rgba.as_chunks::<4>();
    let mut rgb = vec![[0; 3]; rgba.len()];
    for (i, &[r, g, b, _]) in rgba.iter().enumerate() {
        rgb[i] = [r, g, b];
    }
    rgb.into_flattened()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::drawing::canvas::{Anchor, Canvas, Ink};
    use crate::report::heatmap::Rgb;

    #[test]
    fn characters_without_a_font_are_told() {
        // A letter of Kirat Rai, a script of 2024 that hardly a font has yet.
        let mut canvas = Canvas::new();
        canvas.text((2., 12.), Anchor::Start, Ink::PLAIN, "aé␣\u{16d43}");
        canvas.y = 20.;
        let title = ["Letters".to_string(), String::new()];
        let picture = Picture::new(title, vec![canvas.finish()], None);
        let boxes = |render: &dyn Fn(&Renderer)| {
            let renderer = Renderer::new(&picture);
            render(&renderer);
            renderer.boxes().into_iter().collect::<String>()
        };
        assert_eq!(boxes(&|r| r.png(&picture, &mut Vec::new()).unwrap()), "\u{16d43}");
        assert_eq!(
            boxes(&|r| assert!(!r.pdf(&picture).unwrap().is_empty())),
            "\u{16d43}"
        );
    }

    #[test]
    fn a_font_that_cannot_be_embedded_is_drawn() {
        // Without most of its table of names, which nothing needs that draws.
        let mut font = dejavu::sans_mono::regular().to_vec();
        let post = font.windows(4).position(|tag| tag == b"post").unwrap();
        font[post + 12..post + 16].copy_from_slice(&8u32.to_be_bytes());
        let mut fonts = Database::new();
        fonts.load_font_data(font);
        let picture = banded(1);
        let mut renderer = Renderer::new(&picture);
        renderer.options.fontdb = Arc::new(fonts);
        let pdf = renderer.pdf(&picture).unwrap();
        let has = |text: &[u8]| pdf.windows(text.len()).any(|window| window == text);
        assert!(!has(b"/FontFile") && pdf.len() > 2000, "{}", pdf.len());
    }

    /// A picture of so many bands whose heights are no whole numbers of dots.
    fn banded(bands: usize) -> Picture {
        let band = |i: usize| {
            let mut canvas = Canvas::new();
            let shade = (40 * i % 256) as u8;
            canvas.rect((8., 2.5), (60., 31.3), Rgb(shade, 90, 200));
            canvas.text((10., 20.), Anchor::Start, Ink::BOLD, &format!("␣band {i}"));
            canvas.y = 36.7;
            canvas.finish()
        };
        let title = ["Logit lens".to_string(), "in bands".to_string()];
        Picture::new(title, (0..bands).map(band).collect(), Some(band(bands)))
    }

    #[test]
    fn strips_below_each_other_are_the_whole_picture() {
        let picture = banded(7);
        let mut bytes = Vec::new();
        Renderer::new(&picture).png(&picture, &mut bytes).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut in_strips = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut in_strips).unwrap();
        let (wide, high) = reader.info().size();

        let layout = picture.image();
        assert!(layout.strips.len() > 4, "{}", layout.strips.len());
        let tree = Renderer::new(&picture).tree(&layout.svg("")).unwrap();
        let mut whole = Pixmap::new(wide, high).unwrap();
        whole.fill(Color::WHITE);
        let scale = (DOTS / PIXELS) as f32;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut whole.as_mut());
        let whole = whole.data().chunks_exact(4).flat_map(|pixel| &pixel[..3]);

        let apart: Vec<u8> = whole.zip(&in_strips).map(|(a, b)| a.abs_diff(*b)).collect();
        // Places are written to a hundredth of a point, and a dot at an edge is covered in sixteenths: it may
        // be one more or less.
        let most = apart.iter().max().unwrap();
        assert!(*most <= 16, "{most}");
        let ink = in_strips.iter().filter(|&&value| value < 255).count();
        assert!(ink > 100_000, "there is something to compare: {ink}");
    }
}
