//! LayerNorm and RMSNorm.

use candle_core::{D, Tensor};
use rayon::prelude::*;

use super::linear::{map_rows, on_slices};
use crate::error::Result;
use crate::machine::simd::vectorised;
use crate::weights::Vector;

/// A norm over each row, with its own parameters.
#[derive(Debug, Clone)]
pub struct Norm {
    pub kind: NormKind,
    pub weight: Vector,
    pub bias: Option<Vector>,
    pub eps: f64,
}

/// Which statistics a norm divides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// `(x - mean) / sqrt(variance + eps)` (Ba et al. 2016).
    Layer,
    /// `x / sqrt(mean of squares + eps)` (Zhang and Sennrich 2019).
    Rms,
}

impl Norm {
    /// `x` `[rows, hidden]`, each row normed, scaled and shifted.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        if on_slices(x) {
            map_rows(x, |x| self.rows(x))
        } else {
            self.tensor(x)
        }
    }

    /// The same on slices. The sums are in float64.
    fn rows(&self, x: &[f32]) -> Vec<f32> {
        let weight = self.weight.values();
        let bias = self.bias.as_ref().map(Vector::values);
        let mut y = x.to_vec();
        y.par_chunks_mut(weight.len()).for_each(|row| {
            vectorised(
                #[inline(always)]
                || self.standardise(row),
            );
            row.iter_mut().zip(&*weight).for_each(|(y, w)| *y *= w);
            if let Some(bias) = &bias {
                row.iter_mut().zip(&**bias).for_each(|(y, b)| *y += b);
            }
        });
        y
    }

    #[inline(always)]
    fn standardise(&self, row: &mut [f32]) {
        let n = row.len() as f64;
        let mean = match self.kind {
            NormKind::Layer => sum(row, |x| x) / n,
            NormKind::Rms => 0.,
        };
        let variance = sum(row, |x| (x - mean) * (x - mean)) / n;
        let scale = 1. / (variance + self.eps).sqrt();
        row.iter_mut()
            .for_each(|x| *x = ((*x as f64 - mean) * scale) as f32);
    }

    /// The same by tensors.
    fn tensor(&self, x: &Tensor) -> Result<Tensor> {
        let centred = match self.kind {
            NormKind::Layer => x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?,
            NormKind::Rms => x.clone(),
        };
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let standard = centred.broadcast_div(&(variance + self.eps)?.sqrt()?)?;
        let scaled = standard.broadcast_mul(&self.weight.like(x)?)?;
        match &self.bias {
            Some(bias) => Ok(scaled.broadcast_add(&bias.like(x)?)?),
            None => Ok(scaled),
        }
    }
}

/// Σ f(x) in float64, several sums side by side.
#[inline(always)]
fn sum(row: &[f32], f: impl Fn(f64) -> f64) -> f64 {
    let (chunks, rest) = row.as_chunks::<8>();
    let mut lanes = [0.; 8];
    for chunk in chunks {
        for i in 0..8 {
            lanes[i] += f(chunk[i] as f64);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|&x| f(x as f64)).sum::<f64>()
}
