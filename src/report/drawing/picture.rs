//! A picture as blocks, and how they are laid out: as one image of a sane shape, or as pages.

use super::canvas::{Anchor, Block, CHARACTER, Canvas, FONT, Ink, LINE, MARGIN, PAGE, escape};
use crate::report::text::{fit, width};

/// An image is at most so many times as high as it is wide; its bands then stand in several columns.
const TALLEST: f64 = 1.5;
/// The height of a PDF's page: what A4 has between margins of an inch.
const PAGE_HEIGHT: f64 = 698.;
/// Characters of a prompt in a file's title.
const TITLE: usize = 100;

/// A picture before it is laid out.
pub struct Picture {
    pub title: String,
    /// The title, as it stands above the rest.
    head: Block,
    bands: Vec<Block>,
    /// The legend.
    foot: Option<Block>,
}

/// Blocks at their places.
pub struct Layout<'a> {
    pub width: f64,
    pub height: f64,
    pub strips: Vec<Strip<'a>>,
}

/// Blocks side by side.
pub struct Strip<'a> {
    pub y: f64,
    pub height: f64,
    /// Each block and where it begins.
    pub blocks: Vec<(f64, &'a Block)>,
}

impl Picture {
    /// The picture with a title of two lines, the first of them bold.
    pub fn new([first, second]: [String; 2], bands: Vec<Block>, foot: Option<Block>) -> Self {
        let mut canvas = Canvas::new();
        let room = ((PAGE - 2. * MARGIN) / CHARACTER) as usize;
        for (line, ink) in [(&first, Ink::BOLD), (&second, Ink::DIM)] {
            let line = fit(line, width(line).min(room));
            if !line.is_empty() {
                canvas.text((MARGIN, canvas.y + LINE - 4.), Anchor::Start, ink, &line);
                canvas.y += LINE;
            }
        }
        let title = match second.is_empty() {
            true => first,
            false => format!("{first}: {}", fit(&second, width(&second).min(TITLE))),
        };
        Self {
            title,
            head: canvas.finish(),
            bands,
            foot,
        }
    }

    /// All of it as one image, its bands in as few columns as keep it from being a long strip.
    pub fn image(&self) -> Layout<'_> {
        let lay_out = |columns| self.lay_out(&self.bands, columns, true, true);
        let is_sane = |layout: &Layout| layout.height <= TALLEST * layout.width;
        let sane = (1..=self.bands.len()).map(lay_out).find(is_sane);
        sane.unwrap_or_else(|| lay_out(1))
    }

    /// Its bands on as many pages as they need, none of them cut.
    pub fn pages(&self) -> Vec<Layout<'_>> {
        let foot = self.foot.as_ref().map_or(0., |foot| foot.height);
        let mut pages = Vec::new();
        let mut first = 0;
        let mut free = PAGE_HEIGHT - 2. * MARGIN - self.head.height;
        for (i, band) in self.bands.iter().enumerate() {
            // The legend stands below the last band.
            let last = i + 1 == self.bands.len();
            let needed = band.height + if last { foot } else { 0. };
            if needed > free && i > first {
                pages.push(first..i);
                first = i;
                free = PAGE_HEIGHT - 2. * MARGIN;
            }
            free -= band.height;
        }
        pages.push(first..self.bands.len());
        let count = pages.len();
        let page = |(i, bands): (usize, std::ops::Range<usize>)| {
            self.lay_out(&self.bands[bands], 1, i == 0, i + 1 == count)
        };
        pages.into_iter().enumerate().map(page).collect()
    }

    /// Whether some character of it `is` so.
    pub fn any_character(&self, is: impl Fn(char) -> bool) -> bool {
        self.blocks().any(|block| block.body.chars().any(&is))
    }

    /// The bytes of its SVG.
    pub fn bytes(&self) -> usize {
        self.blocks().map(|block| block.body.len()).sum()
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        let head = std::iter::once(&self.head);
        head.chain(&self.bands).chain(&self.foot)
    }

    fn lay_out<'a>(&'a self, bands: &'a [Block], columns: usize, head: bool, foot: bool) -> Layout<'a> {
        let column = bands.iter().map(|band| band.width).fold(0., f64::max);
        let head = head.then_some(std::slice::from_ref(&self.head));
        let foot = self.foot.as_ref().filter(|_| foot).map(std::slice::from_ref);
        let rows = head.into_iter().chain(bands.chunks(columns)).chain(foot);
        let mut layout = Layout {
            width: 0.,
            height: MARGIN,
            strips: Vec::new(),
        };
        for row in rows {
            let height = row.iter().map(|block| block.height).fold(0., f64::max);
            let place = |(i, block): (usize, &'a Block)| (i as f64 * column, block);
            let blocks: Vec<(f64, &Block)> = row.iter().enumerate().map(place).collect();
            let ends = blocks.iter().map(|(x, block)| x + block.width);
            layout.width = ends.fold(layout.width, f64::max);
            layout.strips.push(Strip {
                y: layout.height,
                height,
                blocks,
            });
            layout.height += height;
        }
        layout.height += MARGIN;
        layout
    }
}

impl Layout<'_> {
    /// The whole as an SVG file.
    pub fn svg(&self, title: &str) -> String {
        let mut body = format!(
            "<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            escape(title)
        );
        for strip in &self.strips {
            for (x, block) in &strip.blocks {
                let y = strip.y;
                body += &format!("<g transform=\"translate({x:.2} {y:.2})\">\n{}</g>\n", block.body);
            }
        }
        svg(self.width, self.height, &body)
    }
}

impl Block {
    /// The block alone, as an SVG file without a background.
    pub fn svg(&self) -> String {
        svg(self.width, self.height, &self.body)
    }
}

fn svg(width: f64, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.2}pt\" height=\"{height:.2}pt\" \
         viewBox=\"0 0 {width:.2} {height:.2}\" role=\"img\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, \
         monospace\" font-size=\"{FONT}\" xml:space=\"preserve\">\n{body}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(bands: usize) -> Picture {
        let band = || Block {
            body: String::new(),
            width: 468.,
            height: 200.,
        };
        let title = ["Logit lens".to_string(), "a prompt".to_string()];
        Picture::new(title, (0..bands).map(|_| band()).collect(), Some(band()))
    }

    #[test]
    fn a_long_prompt_is_no_strip() {
        assert_eq!(picture(1).image().strips.len(), 3);
        let picture = picture(100);
        let image = picture.image();
        let shape = image.height / image.width;
        assert!((0.8..=TALLEST).contains(&shape), "{shape}");
        let blocks: usize = image.strips.iter().map(|strip| strip.blocks.len()).sum();
        assert_eq!(blocks, 102);
    }

    #[test]
    fn pages_hold_every_band_once() {
        assert_eq!(picture(1).pages().len(), 1);
        let picture = picture(100);
        let pages = picture.pages();
        assert!(pages.iter().all(|page| page.height <= PAGE_HEIGHT));
        let strips: usize = pages.iter().map(|page| page.strips.len()).sum();
        assert_eq!((pages.len(), strips), (34, 102));
    }
}
