//! Products of a few rows with a panel whose outputs lie one after another, as dot products.
//!
//! With few rows a product is a matter of reading the weights once, in the order in which they
//! lie; a general product first copies such a panel into an order of its own.

#![expect(
    unsafe_code,
    reason = "the columns of one row are written through a pointer that several threads have"
)]

use pulp::{Simd, WithSimd};

use super::panel::Panel;

/// Up to this many rows are few: from here on a general product is as fast.
pub const FEW: usize = 48;

/// Whether a product of `rows` rows with such a panel is best made here.
pub fn suits(panel: &Panel, rows: usize) -> bool {
    rows <= FEW && panel.in_stride == 1
}

/// Adds `x` `[rows, inputs]` times the panel to the rows of `y`, `stride` elements apart.
///
/// # Safety
/// `y` must be valid at every row and output of the panel, with no other reference to them.
pub unsafe fn add_product(panel: &Panel, x: &[f32], rows: usize, y: *mut f32, stride: usize) {
    assert_eq!(x.len(), rows * panel.inputs);
    let arch = pulp::Arch::new();
    let job = Job {
        panel,
        x,
        rows,
        y,
        stride,
    };
    arch.dispatch(job);
}

struct Job<'a> {
    panel: &'a Panel<'a>,
    x: &'a [f32],
    rows: usize,
    y: *mut f32,
    stride: usize,
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Four outputs by four rows at a time: as many sums as fit the registers.
        let width = self.panel.width;
        for output in (0..width).step_by(4) {
            for row in (0..self.rows).step_by(4) {
                match (width - output >= 4, self.rows - row) {
                    (true, 4..) => self.dots::<S, 4, 4>(simd, output, row),
                    (true, 3) => self.dots::<S, 4, 3>(simd, output, row),
                    (true, 2) => self.dots::<S, 4, 2>(simd, output, row),
                    (true, _) => self.dots::<S, 4, 1>(simd, output, row),
                    (false, left) => {
                        for output in output..width {
                            for row in row..row + left.min(4) {
                                self.dots::<S, 1, 1>(simd, output, row);
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Job<'_> {
    /// `O` outputs of `R` rows from these on.
    #[inline(always)]
    fn dots<S: Simd, const O: usize, const R: usize>(&self, simd: S, output: usize, row: usize) {
        let inputs = self.panel.inputs;
        let weights: [&[f32]; O] = std::array::from_fn(|o| {
            let start = (output + o) * self.panel.out_stride;
            &self.panel.weights[start..start + inputs]
        });
        let x: [&[f32]; R] = std::array::from_fn(|r| &self.x[(row + r) * inputs..(row + r + 1) * inputs]);
        let weights = weights.map(|w| S::as_simd_f32s(w));
        let x = x.map(|x| S::as_simd_f32s(x));
        let mut sums = [[simd.splat_f32s(0.); R]; O];
        for i in 0..x[0].0.len() {
            let x: [S::f32s; R] = std::array::from_fn(|r| x[r].0[i]);
            for o in 0..O {
                let w = weights[o].0[i];
                for r in 0..R {
                    sums[o][r] = simd.mul_add_e_f32s(w, x[r], sums[o][r]);
                }
            }
        }
        for o in 0..O {
            for r in 0..R {
                let rest: f32 = weights[o].1.iter().zip(x[r].1).map(|(w, x)| w * x).sum();
                // SAFETY: output and row are within the panel and the rows; the caller vouches for y.
                unsafe {
                    *self.y.add((row + r) * self.stride + output + o) +=
                        simd.reduce_sum_f32s(sums[o][r]) + rest
                };
            }
        }
    }
}
