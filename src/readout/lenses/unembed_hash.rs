//! The hash by which a tuned lens knows the unembedding that it was fitted with.
//!
//! It is the SHA-256 of how NumPy prints the matrix with one decimal. A large matrix is printed by its corners,
//! three rows and columns of each, so that these 36 numbers alone make it.

use sha2::{Digest, Sha256};

use crate::weights::{Layout, Matrix};

/// The rows and columns of a corner.
const EDGE: usize = 3;
/// A matrix of more numbers than this is printed by its corners.
const THRESHOLD: usize = 1000;

/// The hash of an unembedding `[vocabulary, hidden]`; `None` of one so small that all of it is printed, or that
/// is not finite there.
pub fn of(unembedding: &Matrix) -> Option<String> {
    let (rows, columns) = (unembedding.outputs(), unembedding.inputs());
    if rows * columns <= THRESHOLD || rows <= 2 * EDGE || columns <= 2 * EDGE {
        return None;
    }
    if unembedding.layout() != Layout::OutIn {
        return None;
    }
    let corner = |row: usize| -> Vec<f32> {
        let all = unembedding.view().f32s(row * columns..(row + 1) * columns);
        [&all[..EDGE], &all[columns - EDGE..]].concat()
    };
    let corners: Vec<Vec<f32>> = (0..EDGE).chain(rows - EDGE..rows).map(corner).collect();
    if !corners.iter().flatten().all(|x| x.is_finite()) {
        return None;
    }
    let digest = Sha256::digest(printed(&corners).as_bytes());
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The matrix as NumPy prints it: six rows of six numbers, dots for what lies between.
fn printed(corners: &[Vec<f32>]) -> String {
    let numbers = Numbers::of(&corners.concat());
    let row = |row: &Vec<f32>| {
        let texts: Vec<String> = row.iter().map(|&x| numbers.text(x)).collect();
        format!("[{} ... {}]", texts[..EDGE].join(" "), texts[EDGE..].join(" "))
    };
    let rows: Vec<String> = corners.iter().map(row).collect();
    format!(
        "[{}\n ...\n {}]",
        rows[..EDGE].join("\n "),
        rows[EDGE..].join("\n ")
    )
}

/// The one form that all numbers of a matrix are printed in.
struct Numbers {
    scientific: bool,
    /// The characters before and after the point, an exponent not counted.
    left: usize,
    right: usize,
}

impl Numbers {
    fn of(all: &[f32]) -> Self {
        let sizes = || all.iter().map(|x| x.abs()).filter(|&x| x != 0.);
        let (max, min) = (sizes().fold(0., f32::max), sizes().fold(f32::INFINITY, f32::min));
        let scientific = max > 0. && (max >= 1e8 || min < 0.0001 || max / min > 1000.);
        let parts = |&x: &f32| {
            let text = shortened(x, scientific);
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            (whole.len(), fraction.split('e').next().unwrap_or_default().len())
        };
        let widths = all.iter().map(parts);
        let (left, right) = widths.fold((0, 0), |(l, r), (left, right)| (l.max(left), r.max(right)));
        Self {
            scientific,
            left,
            right,
        }
    }

    fn text(&self, x: f32) -> String {
        let text = shortened(x, self.scientific);
        let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
        let left = self.left;
        match rest.split_once('e') {
            Some((fraction, exponent)) => format!("{whole:>left$}.{fraction:0<0$}e{exponent}", self.right),
            None => format!("{whole:>left$}.{rest:<0$}", self.right),
        }
    }
}

/// A number with at most one decimal, `0.` where that is a zero: as it is, or with an exponent of two digits.
fn shortened(x: f32, scientific: bool) -> String {
    let x = x as f64;
    if !scientific {
        return without_zero(&format!("{x:.1}"));
    }
    let text = format!("{x:.1e}");
    let (number, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zero(number), exponent.abs())
}

fn without_zero(text: &str) -> String {
    text.strip_suffix('0').unwrap_or(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Matrices of 300 by 40, and their hashes by NumPy 2.4.6: with an exponent and without, with zeros after
    /// the point and wider numbers before it.
    #[test]
    fn the_hash_is_numpys() {
        for (divisor, expected) in [
            (
                1000.,
                "966dd6000db271b2e63ed1bbf3a8e3d37165059becea9048b79bbe7c172653f6",
            ),
            (
                7.,
                "2a4c64eb06a4032b47c9d6aa06587ce9d5662a2ded6e81fdab5c4dcfaaa6cef1",
            ),
            (
                1e5,
                "5c7101cc50b6fd978f5db7d64e6b9ebfd9ea0b13533457d732192dc0bb6cda8b",
            ),
            (
                3e6,
                "2ba585e32f23f175afe307250f03fb9ad84c5026896795685d2aa7ca6446299c",
            ),
            (
                0.01,
                "a82494813548c45c35938adb2ec81a754355a367f9969de2d8451ef7bb4d309b",
            ),
            (
                40.,
                "97ee9fc8048456ee0d6263ee3a6f2b4830268e419bf0bb6ed43ca9a7f089cc9c",
            ),
        ] {
            let number = |i: usize, j: usize| ((i * 37 + j * 101) % 211) as f32 - 105.;
            let row = |i: usize| {
                let columns = (0..3).chain(37..40);
                columns.map(|j| number(i, j) / divisor).collect()
            };
            let corners: Vec<Vec<f32>> = (0..3).chain(297..300).map(row).collect();
            let digest = Sha256::digest(printed(&corners).as_bytes());
            let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hash, expected, "{divisor}\n{}", printed(&corners));
        }
    }
}
