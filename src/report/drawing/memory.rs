//! The memory that a picture takes on its way to pixels or to a PDF.
//!
//! The constants cover the peaks (VmHWM less VmRSS before, x86-64 Linux) of grids of 3 × 2000 to 80 × 1000
//! layers × positions, and of PDFs to 800 × 30, which the tests below list.

use super::picture::{Layout, Picture, Strip};

/// A dot with its transparency, and without it as it is written.
const DOT: u64 = 4 + 3;
/// What drawing takes beside the dots, and for each byte of the SVG of the block drawn: its tree and the
/// outlines of its text.
const PNG: u64 = 6 << 20;
const PNG_PER_BYTE: u64 = 40;
/// What a PDF takes beside its pages: above all, fonts. For each byte of the SVG of a page its tree and its
/// content, and for each byte of all pages what is kept of those that are done.
const PDF: u64 = 8 << 20;
const PDF_PER_BYTE_OF_PAGE: u64 = 46;
const PDF_PER_BYTE: u64 = 1;

/// The bytes of memory that drawing `layout` takes, whose widest and tallest strip has so many `dots`.
pub fn png(layout: &Layout, dots: u64) -> u64 {
    let blocks = layout.strips.iter().flat_map(|strip| &strip.blocks);
    png_of(dots, blocks.map(|(_, block)| block.body.len()).max().unwrap_or(0))
}

fn png_of(dots: u64, block: usize) -> u64 {
    DOT * dots + PNG + PNG_PER_BYTE * block as u64
}

/// The bytes of memory that `picture` takes as these pages.
pub fn pdf(picture: &Picture, pages: &[Layout]) -> u64 {
    let bytes = |strip: &Strip| {
        strip
            .blocks
            .iter()
            .map(|(_, block)| block.body.len())
            .sum::<usize>()
    };
    let pages = pages.iter().map(|page| page.strips.iter().map(bytes).sum());
    pdf_of(picture.bytes(), pages.max().unwrap_or(0))
}

fn pdf_of(all: usize, page: usize) -> u64 {
    PDF + PDF_PER_BYTE_OF_PAGE * page as u64 + PDF_PER_BYTE * all as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::drawing::canvas::{Anchor, Canvas, Ink};

    /// A grid that was drawn as an image, what is known of it before, and what it took at the peak.
    struct Image {
        grid: &'static str,
        dots: u64,
        block: usize,
        peak: u64,
    }

    /// A grid that was drawn as pages.
    struct Pages {
        grid: &'static str,
        page: usize,
        all: usize,
        peak: u64,
    }

    #[rustfmt::skip]
    const IMAGES: [Image; 8] = [
        Image { grid: "12 × 5", dots: 1_636_592, block: 13_234, peak: 13_709_312 },
        Image { grid: "12 × 50", dots: 3_164_189, block: 41_344, peak: 25_927_680 },
        Image { grid: "30 × 50", dots: 7_111_594, block: 99_910, peak: 56_156_160 },
        Image { grid: "30 × 200", dots: 14_483_293, block: 100_716, peak: 108_290_048 },
        Image { grid: "30 × 1000", dots: 25_856_119, block: 100_716, peak: 186_429_440 },
        Image { grid: "80 × 50", dots: 31_344_883, block: 263_659, peak: 233_222_144 },
        Image { grid: "80 × 1000", dots: 111_925_658, block: 265_765, peak: 793_481_216 },
        Image { grid: "3 × 2000", dots: 2_458_473, block: 14_445, peak: 22_233_088 },
    ];

    #[rustfmt::skip]
    const PAGES: [Pages; 10] = [
        Pages { grid: "12 × 5", page: 12_705, all: 12_705, peak: 3_112_960 },
        Pages { grid: "12 × 50", page: 108_653, all: 121_217, peak: 6_381_568 },
        Pages { grid: "30 × 50", page: 91_049, all: 304_667, peak: 6_270_976 },
        Pages { grid: "30 × 200", page: 91_499, all: 1_218_157, peak: 6_541_312 },
        Pages { grid: "30 × 1000", page: 91_499, all: 6_097_459, peak: 7_901_184 },
        Pages { grid: "80 × 50", page: 243_703, all: 815_180, peak: 14_245_888 },
        Pages { grid: "80 × 1000", page: 244_903, all: 16_319_985, peak: 17_731_584 },
        Pages { grid: "3 × 2000", page: 127_071, all: 1_207_177, peak: 8_810_496 },
        Pages { grid: "200 × 50", page: 614_723, all: 2_056_060, peak: 30_867_456 },
        Pages { grid: "800 × 30", page: 2_474_089, all: 4_940_359, peak: 114_483_200 },
    ];

    #[test]
    fn what_was_measured_is_allowed_for_and_not_much_more() {
        let images = IMAGES
            .iter()
            .map(|of| (of.grid, png_of(of.dots, of.block), of.peak));
        let pages = PAGES.iter().map(|of| (of.grid, pdf_of(of.all, of.page), of.peak));
        for (grid, estimate, peak) in images.chain(pages) {
            assert!(
                (peak..peak + (20 << 20)).contains(&estimate),
                "{grid}: {estimate}, {peak}"
            );
        }
    }

    fn picture(bands: usize, texts: usize) -> Picture {
        let band = || {
            let mut canvas = Canvas::new();
            (0..texts).for_each(|_| canvas.text((8., 20.), Anchor::Start, Ink::PLAIN, "␣of"));
            canvas.y = 300.;
            canvas.finish()
        };
        let title = ["Logit lens".to_string(), String::new()];
        Picture::new(title, (0..bands).map(|_| band()).collect(), None)
    }

    #[test]
    fn a_png_counts_its_largest_block_and_a_pdf_its_fullest_page() {
        let [few, many] = [picture(1, 10), picture(1, 1000)];
        let more = (many.bytes() - few.bytes()) as u64;
        let of = |picture: &Picture| png(&picture.image(), 1 << 20);
        assert_eq!(of(&many) - of(&few), PNG_PER_BYTE * more);
        let of = |picture: &Picture| pdf(picture, &picture.pages());
        assert_eq!(of(&many) - of(&few), (PDF_PER_BYTE_OF_PAGE + PDF_PER_BYTE) * more);
        // More pages of the same are only kept.
        let [two, twenty] = [picture(2, 1000), picture(20, 1000)];
        assert!(twenty.pages().len() >= 10);
        assert_eq!(
            of(&twenty) - of(&two),
            PDF_PER_BYTE * (twenty.bytes() - two.bytes()) as u64
        );
    }
}
