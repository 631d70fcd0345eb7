//! 8-bit floats of which a tile shares a scale, as `quant_method: fp8` stores them (DeepSeek, Qwen3-FP8).

use std::ops::Range;
use std::sync::Arc;

use crate::machine::simd::vectorised;

/// The rows and columns of a matrix that share a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    pub rows: usize,
    pub columns: usize,
}

impl Tile {
    /// The shape of the scales of a matrix `shape`.
    pub fn scales(self, shape: [usize; 2]) -> [usize; 2] {
        [shape[0].div_ceil(self.rows), shape[1].div_ceil(self.columns)]
    }
}

/// The scales of a matrix's tiles, or of some of its rows.
#[derive(Debug, Clone)]
pub struct Scales {
    tile: Tile,
    /// The columns of the matrix.
    columns: usize,
    /// The first of its rows that the bytes are of.
    first: usize,
    values: Arc<[f32]>,
}

impl Scales {
    /// The `values`, row-major, of a matrix of so many columns.
    pub fn new(tile: Tile, columns: usize, values: Arc<[f32]>) -> Self {
        Self {
            tile,
            columns,
            first: 0,
            values,
        }
    }

    /// Those of the rows from `first` on.
    pub fn starting_at(self, first: usize) -> Self {
        Self {
            first: self.first + first,
            ..self
        }
    }

    /// Writes the numbers from the one number `start` on: each byte's, times its tile's scale, rounded once.
    pub fn widen(&self, start: usize, bytes: &[u8], out: &mut [f32]) {
        let mut done = 0;
        while done < out.len() {
            let (row, column) = ((start + done) / self.columns, (start + done) % self.columns);
            let of_a_row = self.columns.div_ceil(self.tile.columns);
            let tile = column / self.tile.columns;
            let scale = self.values[(self.first + row) / self.tile.rows * of_a_row + tile];
            let end = ((tile + 1) * self.tile.columns).min(self.columns);
            let stretch: Range<usize> = done..(done + end - column).min(out.len());
            let (out, bytes) = (&mut out[stretch.clone()], &bytes[stretch.clone()]);
            vectorised(
                #[inline(always)]
                || {
                    let bytes = &bytes[..out.len()];
                    for i in 0..out.len() {
                        out[i] = e4m3(bytes[i]) * scale;
                    }
                },
            );
            done = stretch.end;
        }
    }
}

/// The number that a byte of E4M3 stands for (OCP 8-bit floating point 1.0: exponents from −6, no infinities).
#[inline(always)]
fn e4m3(byte: u8) -> f32 {
    let magnitude = u32::from(byte & 0x7f);
    let sign = u32::from(byte & 0x80) << 24;
    // As a float32's leading bits, its exponent is 120 too low: also of what is below the normal ones.
    let number = f32::from_bits(magnitude << 20) * f32::from_bits((127 + 120) << 23);
    match magnitude {
        0x7f => f32::NAN,
        _ => f32::from_bits(number.to_bits() | sign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_the_number_of_the_standard() {
        for byte in 0..=u8::MAX {
            let (exponent, mantissa) = (i32::from(byte >> 3 & 0xf), f64::from(byte & 7));
            let number = match (exponent, mantissa) {
                (15, 7.) => f64::NAN,
                (0, mantissa) => mantissa / 8. * 2f64.powi(-6),
                (exponent, mantissa) => (1. + mantissa / 8.) * 2f64.powi(exponent - 7),
            };
            let number = if byte & 0x80 == 0 { number } else { -number } as f32;
            let same = e4m3(byte) == number || (e4m3(byte).is_nan() && number.is_nan());
            assert!(same, "{byte:#x}: {} {number}", e4m3(byte));
        }
        assert_eq!(e4m3(0x7e), 448.);
    }

    #[test]
    fn each_tile_has_its_scale_wherever_a_stretch_begins() {
        let tile = Tile { rows: 2, columns: 3 };
        let (rows, columns) = (5, 7);
        let [down, across] = tile.scales([rows, columns]);
        assert_eq!([down, across], [3, 3]);
        let values: Vec<f32> = (1..=9).map(|i| i as f32).collect();
        let scales = Scales::new(tile, columns, values.into());
        // 0x38 is one.
        let bytes = vec![0x38; rows * columns];
        let expected = |i: usize| (1 + i / columns / 2 * across + i % columns / 3) as f32;
        for start in 0..rows * columns {
            let mut out = vec![0.; rows * columns - start];
            scales.widen(start, &bytes[start..], &mut out);
            for (i, &x) in out.iter().enumerate() {
                assert_eq!(x, expected(start + i), "{start} {i}");
            }
        }
        let mut out = vec![0.; columns];
        scales.starting_at(3).widen(columns, &bytes[..columns], &mut out);
        assert_eq!(out, (4 * columns..5 * columns).map(expected).collect::<Vec<_>>());
    }
}
