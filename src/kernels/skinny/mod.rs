//! Products of a few rows with a panel whose outputs lie one after another, as dot products.
//!
//! With few rows a product is a matter of reading the weights once, in the order in which they
//! lie; a general product first copies such a panel into an order of its own. What is not float32 is
//! widened on its way into the sums: 16 bits by the load itself, blocks and 8 bits a stretch at a time.

#![expect(
    unsafe_code,
    reason = "weights are loaded as they lie, and several threads write the columns of one row"
)]

mod halves;
mod load;

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::panel::{FEW, Panel, Weights};
use load::{Load, Source, Stretches};

/// Inputs that are taken at a time, so that those of the rows stay in the first-level cache while
/// every output has its turn. Whole blocks of every type.
const STRETCH: usize = 512;

/// Inputs that are taken at once: sums of so few are not worth to be kept from one stretch to the next.
const ONCE: usize = 2048;

/// Rows whose sums are made at a time: with [`outputs_at_a_time`], as many as fit the registers.
const ROWS: usize = 6;

/// Outputs whose sums are made at a time.
const fn outputs_at_a_time<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 4 } else { 2 }
}

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
    let job = Job {
        panel,
        x,
        rows,
        y,
        stride,
    };
    if let Some(job) = halves::run(job) {
        pulp::Arch::new().dispatch(job);
    }
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
        match self.panel.weights {
            Weights::F32(weights) => self.run(simd, weights),
            Weights::Stored(stored) => self.run(simd, Stretches::new(stored, self.panel.inputs)),
        }
    }
}

impl Job<'_> {
    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, mut weights: impl Source<S>) {
        let inputs = self.panel.inputs;
        if inputs <= ONCE && inputs.is_multiple_of(S::F32_LANES) {
            return self.stretch(simd, &mut weights, 0..inputs, None);
        }
        let whole = inputs / S::F32_LANES * S::F32_LANES;
        let mut sums = vec![simd.splat_f32s(0.); self.panel.width * self.rows];
        for start in (0..whole).step_by(STRETCH) {
            let stretch = start..(start + STRETCH).min(whole);
            self.stretch(simd, &mut weights, stretch, Some(&mut sums));
        }
        for (output, sums) in sums.chunks_exact(self.rows).enumerate() {
            let rest = weights.rest(output * inputs + whole, inputs - whole);
            for (row, &sum) in sums.iter().enumerate() {
                let x = &self.x[row * inputs + whole..(row + 1) * inputs];
                let rest: f32 = rest.iter().zip(x).map(|(w, x)| w * x).sum();
                self.add(row, output, simd.reduce_sum_f32s(sum) + rest);
            }
        }
    }

    /// What a stretch of the inputs adds to all sums: to those kept from one to the next, `[width, rows]`, or
    /// else to `y`.
    #[inline(always)]
    fn stretch<S: Simd>(
        &self,
        simd: S,
        weights: &mut impl Source<S>,
        stretch: Range<usize>,
        mut kept: Option<&mut [S::f32s]>,
    ) {
        let mut output = 0;
        while output < self.panel.width {
            let left = self.panel.width - output;
            let kept = kept.as_deref_mut();
            output += match (outputs_at_a_time::<S>(), left) {
                (4, 4..) => self.outputs::<S, 4>(simd, weights, output, &stretch, kept),
                (_, 2..) => self.outputs::<S, 2>(simd, weights, output, &stretch, kept),
                _ => self.outputs::<S, 1>(simd, weights, output, &stretch, kept),
            };
        }
    }

    /// The same of `O` outputs from this one on, `O`.
    #[inline(always)]
    fn outputs<S: Simd, const O: usize>(
        &self,
        simd: S,
        weights: &mut impl Source<S>,
        output: usize,
        stretch: &Range<usize>,
        mut kept: Option<&mut [S::f32s]>,
    ) -> usize {
        let mut starts = [output * self.panel.inputs + stretch.start; O];
        for (o, start) in starts.iter_mut().enumerate() {
            *start += o * self.panel.inputs;
        }
        let weights = weights.stretches(starts, stretch.len());
        let at = (output, stretch);
        // Groups of nearly the same size keep the registers busy.
        let size = self.rows.div_ceil(self.rows.div_ceil(ROWS));
        let mut row = 0;
        while row < self.rows {
            let kept = kept.as_deref_mut();
            row += match size.min(self.rows - row) {
                6 => self.dots::<S, _, O, 6>(simd, weights, at, row, kept),
                5 => self.dots::<S, _, O, 5>(simd, weights, at, row, kept),
                4 => self.dots::<S, _, O, 4>(simd, weights, at, row, kept),
                3 => self.dots::<S, _, O, 3>(simd, weights, at, row, kept),
                2 => self.dots::<S, _, O, 2>(simd, weights, at, row, kept),
                _ => self.dots::<S, _, O, 1>(simd, weights, at, row, kept),
            };
        }
        O
    }

    /// The same of `R` rows from this one on, `R`.
    ///
    /// Compiled over a hundred times, and so in loops: each closure would be as many functions more.
    #[expect(
        clippy::needless_range_loop,
        reason = "iterators are functions to compile, and several things have the same index"
    )]
    #[inline(always)]
    fn dots<S: Simd, L: Load<S>, const O: usize, const R: usize>(
        &self,
        simd: S,
        weights: [L; O],
        (output, stretch): (usize, &Range<usize>),
        row: usize,
        mut kept: Option<&mut [S::f32s]>,
    ) -> usize {
        let inputs = self.panel.inputs;
        let vectors = stretch.len() / S::F32_LANES;
        let mut x: [&[S::f32s]; R] = [&[]; R];
        for r in 0..R {
            let row = &self.x[(row + r) * inputs..][stretch.start..stretch.end];
            x[r] = &S::as_simd_f32s(row).0[..vectors];
        }
        let place = |o: usize| (output + o) * self.rows + row;
        let mut sums = [[simd.splat_f32s(0.); R]; O];
        if let Some(kept) = &kept {
            for o in 0..O {
                for r in 0..R {
                    sums[o][r] = kept[place(o) + r];
                }
            }
        }
        for i in 0..vectors {
            let mut at = [simd.splat_f32s(0.); R];
            for r in 0..R {
                at[r] = x[r][i];
            }
            for o in 0..O {
                // SAFETY: the source made a stretch of this many vectors ready for each output.
                let w = unsafe { weights[o].load(simd, i * S::F32_LANES) };
                for r in 0..R {
                    sums[o][r] = simd.mul_add_e_f32s(w, at[r], sums[o][r]);
                }
            }
        }
        for o in 0..O {
            match &mut kept {
                Some(kept) => {
                    for r in 0..R {
                        kept[place(o) + r] = sums[o][r];
                    }
                }
                None => {
                    for r in 0..R {
                        self.add(row + r, output + o, simd.reduce_sum_f32s(sums[o][r]));
                    }
                }
            }
        }
        R
    }

    #[inline(always)]
    fn add(&self, row: usize, output: usize, sum: f32) {
        debug_assert!(row < self.rows && output < self.panel.width);
        // SAFETY: both are within the panel and the rows; who made the job vouches for y.
        unsafe { *self.y.add(row * self.stride + output) += sum };
    }
}

#[cfg(test)]
mod tests;
