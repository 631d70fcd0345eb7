//! Products of a few rows with a panel whose inputs lie one after another: each input of a row is multiplied with
//! as many outputs as fill the registers.

#![expect(
    unsafe_code,
    reason = "the columns of one row are written through a pointer that several threads have"
)]

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::panel::{FEW, Panel, Weights};

/// Inputs that are taken at a time, so that the panel is read nearly in the order in which it lies.
const STRETCH: usize = 64;

/// Rows whose sums are made at a time: with [`registers`], as many as fit.
const ROWS: usize = 6;

/// Registers of outputs whose sums are made at a time.
const fn registers<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 4 } else { 2 }
}

/// Whether a product of `rows` rows with such a panel is best made here.
pub fn suits(panel: &Panel, rows: usize) -> bool {
    rows <= FEW && panel.out_stride == 1
}

/// Adds `x` `[rows, inputs]` times the panel to the rows of `y`, `stride` elements apart.
///
/// # Safety
/// `y` must be valid at every row and output of the panel, with no other reference to them.
pub unsafe fn add_product(panel: &Panel, x: &[f32], rows: usize, y: *mut f32, stride: usize) {
    assert_eq!(x.len(), rows * panel.inputs);
    let Weights::F32(weights) = panel.weights else {
        unreachable!("a panel whose inputs lie one after another is float32")
    };
    let mut sums = vec![0.; rows * panel.width];
    pulp::Arch::new().dispatch(Job {
        panel,
        weights,
        x,
        rows,
        sums: &mut sums,
    });
    for (row, sums) in sums.chunks_exact(panel.width).enumerate() {
        for (output, sum) in sums.iter().enumerate() {
            // SAFETY: output and row are within the panel and the rows; the caller vouches for y.
            unsafe { *y.add(row * stride + output) += sum };
        }
    }
}

struct Job<'a> {
    panel: &'a Panel<'a>,
    weights: &'a [f32],
    x: &'a [f32],
    rows: usize,
    /// `[rows, width]`.
    sums: &'a mut [f32],
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (inputs, width) = (self.panel.inputs, self.panel.width);
        let group = self.rows.div_ceil(self.rows.div_ceil(ROWS));
        for start in (0..inputs).step_by(STRETCH) {
            let stretch = start..(start + STRETCH).min(inputs);
            let mut output = 0;
            while output < width {
                let vectors = (width - output) / S::F32_LANES;
                output += match (registers::<S>(), vectors) {
                    (4, 4..) => self.outputs::<S, 4>(simd, group, output, &stretch),
                    (_, 2..) => self.outputs::<S, 2>(simd, group, output, &stretch),
                    (_, 1) => self.outputs::<S, 1>(simd, group, output, &stretch),
                    _ => self.rest(output, &stretch),
                };
            }
        }
    }
}

impl Job<'_> {
    /// What a stretch of the inputs adds to `V` registers of outputs from this one on: how many outputs they are.
    #[inline(always)]
    fn outputs<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        group: usize,
        output: usize,
        stretch: &Range<usize>,
    ) -> usize {
        let mut row = 0;
        while row < self.rows {
            row += match group.min(self.rows - row) {
                6 => self.add::<S, V, 6>(simd, row, output, stretch),
                5 => self.add::<S, V, 5>(simd, row, output, stretch),
                4 => self.add::<S, V, 4>(simd, row, output, stretch),
                3 => self.add::<S, V, 3>(simd, row, output, stretch),
                2 => self.add::<S, V, 2>(simd, row, output, stretch),
                _ => self.add::<S, V, 1>(simd, row, output, stretch),
            };
        }
        V * S::F32_LANES
    }

    /// The same for `R` rows from this one on, `R`.
    #[expect(
        clippy::needless_range_loop,
        clippy::manual_memcpy,
        reason = "loops are compiled in place, with the instruction set that is meant; what iterators and copies call may not be"
    )]
    #[inline(always)]
    fn add<S: Simd, const V: usize, const R: usize>(
        &mut self,
        simd: S,
        row: usize,
        output: usize,
        stretch: &Range<usize>,
    ) -> usize {
        let (inputs, width) = (self.panel.inputs, self.panel.width);
        let outputs = |at: usize| at..at + V * S::F32_LANES;
        let mut x: [&[f32]; R] = [&[]; R];
        let mut sums = [[simd.splat_f32s(0.); V]; R];
        for r in 0..R {
            x[r] = &self.x[(row + r) * inputs..][stretch.start..stretch.end];
            let (so_far, _) = S::as_simd_f32s(&self.sums[outputs((row + r) * width + output)]);
            for v in 0..V {
                sums[r][v] = so_far[v];
            }
        }
        for i in 0..stretch.len() {
            let place = (stretch.start + i) * self.panel.in_stride + output;
            let (lying, _) = S::as_simd_f32s(&self.weights[outputs(place)]);
            let mut weights = [simd.splat_f32s(0.); V];
            for v in 0..V {
                weights[v] = lying[v];
            }
            for r in 0..R {
                let x = simd.splat_f32s(x[r][i]);
                for v in 0..V {
                    sums[r][v] = simd.mul_add_e_f32s(weights[v], x, sums[r][v]);
                }
            }
        }
        for r in 0..R {
            let (to, _) = S::as_mut_simd_f32s(&mut self.sums[outputs((row + r) * width + output)]);
            for v in 0..V {
                to[v] = sums[r][v];
            }
        }
        R
    }

    /// The same for the outputs from this one on, fewer than fill a register: how many they are.
    #[inline(always)]
    fn rest(&mut self, output: usize, stretch: &Range<usize>) -> usize {
        let (inputs, width) = (self.panel.inputs, self.panel.width);
        for i in stretch.clone() {
            let weights = &self.weights[i * self.panel.in_stride + output..][..width - output];
            for row in 0..self.rows {
                let x = self.x[row * inputs + i];
                let sums = &mut self.sums[row * width + output..(row + 1) * width];
                for (o, sum) in sums.iter_mut().enumerate() {
                    *sum += weights[o] * x;
                }
            }
        }
        width - output
    }
}

#[cfg(test)]
mod tests {
    use super::super::product::apply;
    use super::*;
    use crate::weights::{DType, Layout, Matrix, View};

    /// Sizes about those of a register, of a group of them and of a stretch, against sums in float64.
    #[test]
    fn every_product_is_that_of_float64() {
        let number = |i: usize| ((i * 7919 + 13) % 257) as f32 / 64. - 2.;
        for (rows, inputs, outputs) in [
            (1, 1, 1),
            (2, 63, 15),
            (6, 64, 16),
            (7, 65, 33),
            (10, 130, 300),
            (FEW, 70, 531),
        ] {
            let bytes = (0..inputs * outputs).flat_map(|i| number(i).to_le_bytes());
            let view = View::in_memory(bytes.collect(), DType::F32, vec![inputs, outputs]);
            let matrix = Matrix::new(view, [inputs, outputs], Layout::InOut);
            let x: Vec<f32> = (0..rows * inputs).map(|i| number(3 * i + 1)).collect();
            let y = apply(&matrix, None, &x, rows);
            for (row, y) in y.chunks_exact(outputs).enumerate() {
                for (output, &y) in y.iter().enumerate() {
                    let x = &x[row * inputs..][..inputs];
                    let terms =
                        (x.iter().enumerate()).map(|(i, &x)| number(i * outputs + output) as f64 * x as f64);
                    let (sum, size) =
                        terms.fold((0., 0.), |(sum, size), term| (sum + term, size + term.abs()));
                    // One rounding a term, to half a unit in the last place of the sum so far.
                    let bound = size * f32::EPSILON as f64 * inputs as f64 / 2.;
                    assert!((y as f64 - sum).abs() <= bound, "{row} {output}: {y} {sum}");
                }
            }
        }
    }
}
