//! LayerNorm and RMSNorm, over whole rows and over heads.

use candle_core::{D, Tensor};
use rayon::prelude::*;

use super::linear::{map_rows, on_slices};
use super::projections::Columns;
use crate::error::Result;
use crate::machine::simd::vectorised;
use crate::weights::Vector;

/// A norm over each row, with its own parameters.
#[derive(Debug, Clone)]
pub struct Norm {
    pub kind: NormKind,
    /// What the normed row is multiplied by; `None` where the family has no such parameters.
    pub weight: Option<Vector>,
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
        let hidden = x.dim(1)?;
        if on_slices(x) {
            map_rows(x, |x| self.rows(x, hidden))
        } else {
            let weight = self.weight.as_ref().map(|w| w.like(x)).transpose()?;
            let bias = self.bias.as_ref().map(|b| b.like(x)).transpose()?;
            self.tensor(x, weight, bias)
        }
    }

    /// The same on slices. The sums are in float64.
    fn rows(&self, x: &[f32], hidden: usize) -> Vec<f32> {
        let weight = self.weight.as_ref().map(Vector::values);
        let bias = self.bias.as_ref().map(Vector::values);
        let mut y = x.to_vec();
        y.par_chunks_mut(hidden).for_each(|row| {
            vectorised(
                #[inline(always)]
                || self.statistics(&[&*row]).standardise(row),
            );
            scale_and_shift(row, weight.as_deref(), bias.as_deref());
        });
        y
    }

    /// Of the numbers in `parts` together. The sums are in float64.
    #[inline(always)]
    fn statistics(&self, parts: &[&[f32]]) -> Statistics {
        let n = parts.iter().map(|part| part.len()).sum::<usize>() as f64;
        let mean = match self.kind {
            NormKind::Layer => parts.iter().map(|part| sum(part, |x| x)).sum::<f64>() / n,
            NormKind::Rms => 0.,
        };
        let squares = parts.iter().map(|part| sum(part, |x| (x - mean) * (x - mean)));
        Statistics {
            mean,
            scale: 1. / (squares.sum::<f64>() / n + self.eps).sqrt(),
        }
    }

    /// The same by tensors: `x` normed over its last axis, by parameters that fit it.
    fn tensor(&self, x: &Tensor, weight: Option<Tensor>, bias: Option<Tensor>) -> Result<Tensor> {
        let centred = match self.kind {
            NormKind::Layer => x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?,
            NormKind::Rms => x.clone(),
        };
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let mut y = centred.broadcast_div(&(variance + self.eps)?.sqrt()?)?;
        if let Some(weight) = weight {
            y = y.broadcast_mul(&weight)?;
        }
        if let Some(bias) = bias {
            y = y.broadcast_add(&bias)?;
        }
        Ok(y)
    }
}

/// A norm of a token's queries or keys, made before they are turned.
#[derive(Debug, Clone)]
pub struct HeadNorm {
    /// Its parameters are those of one head, shared by all, or those of each head one after another.
    pub norm: Norm,
    pub over: Over,
}

/// Which numbers share a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Those of one head (Qwen 3, Gemma 3).
    Head,
    /// Those of all heads of a token (OLMo 2).
    Token,
}

impl HeadNorm {
    /// Norms the heads at `columns` of each row, in place.
    pub fn rows(&self, x: &mut [f32], columns: &Columns) {
        let weight = self.norm.weight.as_ref().map(Vector::values);
        let bias = self.norm.bias.as_ref().map(Vector::values);
        let dim = columns.head_dim;
        let together = match self.over {
            Over::Head => 1,
            Over::Token => columns.starts.len(),
        };
        x.par_chunks_mut(columns.width).for_each(|row| {
            for (g, group) in columns.starts.chunks(together).enumerate() {
                let statistics = match group {
                    [at] => self.norm.statistics(&[&row[*at..at + dim]]),
                    _ => {
                        let heads: Vec<&[f32]> = group.iter().map(|&at| &row[at..at + dim]).collect();
                        self.norm.statistics(&heads)
                    }
                };
                for (i, &at) in group.iter().enumerate() {
                    let first = (g * together + i) * dim;
                    let of_head = |values: &'_ [f32]| first % values.len();
                    let head = &mut row[at..at + dim];
                    statistics.standardise(head);
                    scale_and_shift(
                        head,
                        weight.as_deref().map(|w| &w[of_head(w)..]),
                        bias.as_deref().map(|b| &b[of_head(b)..]),
                    );
                }
            }
        });
    }

    /// `x` `[tokens, heads, head_dim]`.
    pub fn tensor(&self, x: &Tensor) -> Result<Tensor> {
        let (tokens, heads, head_dim) = x.dims3()?;
        let parameters = |vector: &Option<Vector>, rows| {
            let like = |v: &Vector| -> Result<Tensor> {
                let v = v.like(x)?;
                let width = v.elem_count() / rows;
                Ok(v.reshape((rows, width))?)
            };
            vector.as_ref().map(like).transpose()
        };
        let Norm { weight, bias, .. } = &self.norm;
        match self.over {
            Over::Head => {
                let rows = |v: &Option<Vector>| {
                    v.as_ref()
                        .map_or(1, |v| (v.values().len() / head_dim).clamp(1, heads))
                };
                let (weight, bias) = (parameters(weight, rows(weight))?, parameters(bias, rows(bias))?);
                self.norm.tensor(x, weight, bias)
            }
            Over::Token => {
                let all = x.reshape((tokens, heads * head_dim))?;
                let (weight, bias) = (parameters(weight, 1)?, parameters(bias, 1)?);
                Ok(self.norm.tensor(&all, weight, bias)?.reshape(x.shape())?)
            }
        }
    }
}

/// What numbers are standardised by.
struct Statistics {
    mean: f64,
    scale: f64,
}

impl Statistics {
    #[inline(always)]
    fn standardise(&self, row: &mut [f32]) {
        row.iter_mut()
            .for_each(|x| *x = ((*x as f64 - self.mean) * self.scale) as f32);
    }
}

fn scale_and_shift(row: &mut [f32], weight: Option<&[f32]>, bias: Option<&[f32]>) {
    if let Some(weight) = weight {
        row.iter_mut().zip(weight).for_each(|(y, w)| *y *= w);
    }
    if let Some(bias) = bias {
        row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
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
