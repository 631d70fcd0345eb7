//! The memory that a picture takes on its way to pixels or to a PDF.
//!
//! The constants cover the peaks (VmHWM less VmRSS before, x86-64 Linux) of grids of 3 × 2000 to 80 × 1000
//! layers × positions, which the tests below list.

use super::picture::{Layout, Picture, Strip};

/// A dot with its transparency, and without it as it is written.
const DOT: u64 = 4 + 3;
/// What drawing takes beside the dots, and for each byte of the SVG of the block drawn: its tree and the
/// outlines of its text.
const PNG: u64 = 6 << 20;
const PNG_PER_BYTE: u64 = 40;
/// What a PDF takes beside its pages: above all, fonts. For each byte of the SVG of a page its tree and its
/// content, and for each byte of all pages what is kept of those that are done.
const PDF: u64 = 10 << 20;
const PDF_PER_BYTE_OF_PAGE: u64 = 30;
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

    /// A grid that was drawn, what is known of it before, and what it took at the peak.
    struct Measured {
        grid: &'static str,
        dots: u64,
        block: usize,
        page: usize,
        all: usize,
        png: u64,
        pdf: u64,
    }

    #[rustfmt::skip]
    const MEASURED: [Measured; 8] = [
        Measured { grid: "12 × 5", dots: 1_636_592, block: 13_234, page: 17_038, all: 17_038, png: 13_709_312, pdf: 4_272_128 },
        Measured { grid: "12 × 50", dots: 3_164_189, block: 41_344, page: 119_733, all: 134_298, png: 25_927_680, pdf: 8_695_808 },
        Measured { grid: "30 × 50", dots: 7_111_594, block: 99_910, page: 100_117, all: 319_347, png: 56_156_160, pdf: 7_954_432 },
        Measured { grid: "30 × 200", dots: 14_483_293, block: 100_716, page: 100_716, all: 1_266_873, png: 108_290_048, pdf: 8_216_576 },
        Measured { grid: "30 × 1000", dots: 25_856_119, block: 100_716, page: 100_716, all: 6_330_594, png: 186_429_440, pdf: 9_596_928 },
        Measured { grid: "80 × 50", dots: 31_344_883, block: 263_659, page: 263_866, all: 836_460, png: 233_222_144, pdf: 14_409_728 },
        Measured { grid: "80 × 1000", dots: 111_925_658, block: 265_765, page: 265_765, all: 16_695_913, png: 793_481_216, pdf: 18_300_928 },
        Measured { grid: "3 × 2000", dots: 2_458_473, block: 14_445, page: 113_230, all: 1_520_157, png: 22_233_088, pdf: 9_474_048 },
    ];

    #[test]
    fn what_was_measured_is_allowed_for_and_not_much_more() {
        for of in MEASURED {
            let estimates = [
                (png_of(of.dots, of.block), of.png),
                (pdf_of(of.all, of.page), of.pdf),
            ];
            for (estimate, peak) in estimates {
                assert!(
                    (peak..peak + (20 << 20)).contains(&estimate),
                    "{}: {estimate}, {peak}",
                    of.grid
                );
            }
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
