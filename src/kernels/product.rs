//! Products of rows with a weight matrix that lies in a mapped file.
//!
//! The matrix is taken a panel of outputs at a time, panels in parallel. A float32 panel is multiplied where
//! it lies; any other type is widened, for many rows into a buffer of the panel's size, for a few on its way
//! into the sums.

#![expect(unsafe_code, reason = "threads write the columns of one buffer, each its own")]

use std::ops::Range;

use gemm::Parallelism;
use rayon::prelude::*;

use super::panel::{FEW, Panel, Weights};
use super::{Target, columns, skinny};
use crate::weights::{Layout, Matrix};

/// Rows that are multiplied with a panel at a time, when there are many.
const ROWS: usize = 384;

/// `x` `[rows, inputs]` times the matrix, plus the bias: `[rows, outputs]`.
pub fn apply(matrix: &Matrix, bias: Option<&[f32]>, x: &[f32], rows: usize) -> Vec<f32> {
    let outputs = matrix.outputs();
    let mut y = match bias {
        Some(bias) => bias.repeat(rows),
        None => vec![0.; rows * outputs],
    };
    let target = Target::new(&mut y);
    let width = panel_width(matrix, rows);
    let blocks: Vec<Range<usize>> = ranges(rows, ROWS).collect();
    ranges(outputs, width)
        .collect::<Vec<_>>()
        .into_par_iter()
        .for_each_init(Vec::new, |buffer, outputs_of| {
            let panel = Panel::new(matrix, outputs_of.clone(), rows, buffer);
            for block in &blocks {
                let x = &x[block.start * panel.inputs..block.end * panel.inputs];
                let y = target.at(block.start * outputs + outputs_of.start);
                // SAFETY: panels are disjoint ranges of outputs, so no two threads write one element.
                unsafe { add_product(&panel, x, block.len(), y, outputs) };
            }
        });
    y
}

/// How many outputs a panel should have for a product with `rows` rows: enough to be read in
/// long stretches, few enough to stay in a core's second-level cache.
pub fn panel_width(matrix: &Matrix, rows: usize) -> usize {
    let bytes = if rows <= FEW { 128 << 10 } else { 512 << 10 };
    let narrowest = match matrix.layout() {
        Layout::OutIn => 16,
        Layout::InOut => 256,
    };
    (bytes / (4 * matrix.inputs()))
        .next_multiple_of(16)
        .max(narrowest)
}

/// 0..`len` in pieces of `step`, the last one shorter.
pub fn ranges(len: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len)
        .step_by(step)
        .map(move |start| start..(start + step).min(len))
}

/// `x` `[rows, inputs]` times the panel, into `y` `[rows, width]`.
pub fn product(panel: &Panel, x: &[f32], rows: usize, y: &mut [f32]) {
    assert_eq!(y.len(), rows * panel.width);
    y.fill(0.);
    // SAFETY: y is [rows, width] and ours.
    unsafe { add_product(panel, x, rows, y.as_mut_ptr(), panel.width) }
}

/// Adds `x` `[rows, inputs]` times the panel to the rows of `y`, `stride` elements apart.
///
/// # Safety
/// `y` must be valid at every row and output of the panel, with no other reference to them.
unsafe fn add_product(panel: &Panel, x: &[f32], rows: usize, y: *mut f32, stride: usize) {
    if skinny::suits(panel, rows) {
        // SAFETY: passed on.
        return unsafe { skinny::add_product(panel, x, rows, y, stride) };
    }
    if columns::suits(panel, rows) {
        // SAFETY: passed on.
        return unsafe { columns::add_product(panel, x, rows, y, stride) };
    }
    assert_eq!(x.len(), rows * panel.inputs);
    let Weights::F32(weights) = panel.weights else {
        unreachable!("a panel for more than a few rows is float32")
    };
    // SAFETY: the panel's strides reach no further than its weights (see `new`), x is
    // [rows, inputs], and the caller vouches for y.
    unsafe {
        gemm::gemm(
            rows,
            panel.width,
            panel.inputs,
            y,
            1,
            stride as isize,
            true,
            x.as_ptr(),
            1,
            panel.inputs as isize,
            weights.as_ptr(),
            panel.out_stride as isize,
            panel.in_stride as isize,
            1.,
            1.,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
