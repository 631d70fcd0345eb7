//! Rotary position embedding (Su et al. 2021), with the ways in which it is stretched.

use candle_core::Tensor;
use rayon::prelude::*;

use crate::error::Result;

/// Turns pairs of a head's components by an angle that grows with the position.
///
/// The pairs are (j, j + dims/2), as `transformers` has them. Components past `dims` stay.
#[derive(Debug, Clone)]
pub struct Rotary {
    /// How many leading components of a head are turned; even.
    pub dims: usize,
    pub frequencies: Frequencies,
}

/// The angle per position, one frequency for each pair of components.
#[derive(Debug, Clone)]
pub enum Frequencies {
    /// The same for every prompt.
    Fixed(Vec<f64>),
    /// Every wavelength stretched by `factor` (Chen et al. 2023).
    Linear { plain: Vec<f64>, factor: f64 },
    /// "Dynamic NTK" scaling: the base grows with the prompt once it is longer than `context`.
    Dynamic { theta: f64, factor: f64, context: usize },
}

impl Frequencies {
    /// `theta^(-2j/dims)` for j in 0..dims/2.
    pub fn plain(theta: f64, dims: usize) -> Vec<f64> {
        (0..dims / 2)
            .map(|j| theta.powf(-2. * j as f64 / dims as f64))
            .collect()
    }

    /// Llama 3.1's: long wavelengths are stretched by `factor`, short ones kept, and those in
    /// between blended (`_compute_llama3_parameters` in `transformers`' modeling_rope_utils.py).
    pub fn llama3(plain: Vec<f64>, factor: f64, low: f64, high: f64, context: f64) -> Vec<f64> {
        let stretch = |frequency: f64| {
            let turns = context * frequency / (2. * std::f64::consts::PI);
            if turns < low {
                frequency / factor
            } else if turns > high {
                frequency
            } else {
                let smooth = (turns - low) / (high - low);
                (1. - smooth) * frequency / factor + smooth * frequency
            }
        };
        plain.into_iter().map(stretch).collect()
    }

    /// The frequencies for a prompt of `tokens` tokens.
    fn for_prompt(&self, tokens: usize, dims: usize) -> Vec<f64> {
        match *self {
            Self::Fixed(ref frequencies) => frequencies.clone(),
            Self::Linear { ref plain, factor } => plain.iter().map(|f| f / factor).collect(),
            Self::Dynamic {
                theta,
                factor,
                context,
            } => {
                let stretch = factor * tokens.max(context) as f64 / context as f64 - (factor - 1.);
                let dims_f = dims as f64;
                Self::plain(theta * stretch.powf(dims_f / (dims_f - 2.)), dims)
            }
        }
    }
}

/// Cosines and sines of every position's angles, each `[tokens, dims/2]`.
pub struct Tables {
    dims: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rotary {
    /// The tables for a prompt. Angles are taken in float64: at position 8000 float32 would be
    /// off by 5e-4.
    pub fn tables(&self, tokens: usize) -> Tables {
        let frequencies = self.frequencies.for_prompt(tokens, self.dims);
        let angles = (0..tokens).flat_map(|position| frequencies.iter().map(move |f| position as f64 * f));
        let (sin, cos) = angles
            .map(|angle| (angle.sin() as f32, angle.cos() as f32))
            .unzip();
        Tables {
            dims: self.dims,
            cos,
            sin,
        }
    }
}

impl Tables {
    /// Turns the heads of each row of `x` `[tokens, width]`: `heads` of `head_dim` from `first` on.
    pub fn turn_rows(&self, x: &mut [f32], width: usize, first: usize, heads: usize, head_dim: usize) {
        let half = self.dims / 2;
        x.par_chunks_mut(width).enumerate().for_each(|(position, row)| {
            let (cos, sin) = (
                &self.cos[position * half..][..half],
                &self.sin[position * half..][..half],
            );
            for head in row[first..first + heads * head_dim].chunks_exact_mut(head_dim) {
                let (a, rest) = head.split_at_mut(half);
                for j in 0..half {
                    let (x, y) = (a[j], rest[j]);
                    a[j] = x * cos[j] - y * sin[j];
                    rest[j] = y * cos[j] + x * sin[j];
                }
            }
        });
    }

    /// Turns `x` `[heads, tokens, head_dim]`.
    pub fn turn_tensor(&self, x: &Tensor) -> Result<Tensor> {
        let (_, tokens, head_dim) = x.dims3()?;
        let half = self.dims / 2;
        let table =
            |values: &[f32]| Tensor::from_slice(values, (tokens, half), x.device())?.to_dtype(x.dtype());
        let (cos, sin) = (table(&self.cos)?, table(&self.sin)?);
        let (a, b) = (x.narrow(2, 0, half)?, x.narrow(2, half, half)?);
        let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
        let second = (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?;
        let rest = x.narrow(2, self.dims, head_dim - self.dims)?;
        Ok(Tensor::cat(&[first, second, rest], 2)?)
    }
}
