//! Distances between a row's distribution and the output's that need both normalised first, and
//! so a pass through the vocabulary of their own.

use candle_core::Tensor;

use super::device::DeviceTile;
use super::tiles::{self, Tiled};
use super::{Distances, Reading};
use crate::decoder::Unembed;
use crate::error::Result;
use crate::kernels::math::{self, Softmax};
use crate::machine::progress::Progress;

/// One for each row; `readings` give the normalisers. Rows come in groups of `sites`, the output
/// last.
pub fn distances(
    unembed: &Unembed,
    rows: &Tensor,
    sites: usize,
    readings: &[Reading],
    progress: &dyn Progress,
) -> Result<Vec<Distances>> {
    let new = |row: usize| Sums {
        row: Softmax::of(&readings[row]),
        output: Softmax::of(&readings[row / sites * sites + sites - 1]),
        js: 0.,
        tv: 0.,
    };
    let sums = tiles::fold(unembed, rows, sites, new, progress)?;
    // Rounding may leave a distance of nearly equal rows a hair below zero.
    Ok(sums
        .into_iter()
        .map(|sums| Distances {
            js: (0.5 * sums.js).max(0.),
            tv: 0.5 * sums.tv,
        })
        .collect())
}

impl Softmax {
    fn of(reading: &Reading) -> Self {
        let max = reading.top1().logit;
        Self {
            max,
            share: (max as f64 - reading.log_sum_exp).exp(),
        }
    }
}

struct Sums {
    row: Softmax,
    output: Softmax,
    /// Σ p log(p/m) + q log(q/m), m = (p+q)/2.
    js: f64,
    /// Σ |p − q|.
    tv: f64,
}

impl Tiled for Sums {
    #[inline(always)]
    fn tile(&mut self, _first: u32, logits: &[f32], output: &[f32]) {
        let (js, tv) = math::distance_sums(logits, self.row, output, self.output);
        self.js += js;
        self.tv += tv;
    }

    fn tile_on_device(rows: &mut [Self], tile: &DeviceTile) -> Result<()> {
        let softmax: Vec<[Softmax; 2]> = rows.iter().map(|row| [row.row, row.output]).collect();
        for (row, [js, tv]) in rows.iter_mut().zip(tile.distances(&softmax)?) {
            row.js += js;
            row.tv += tv;
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) {
        self.js += later.js;
        self.tv += later.tv;
    }
}
