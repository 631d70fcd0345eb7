//! Rotary position embedding (Su et al. 2021), with the ways in which it is stretched.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::Tensor;
use rayon::prelude::*;

use super::projections::Columns;
use crate::error::Result;

/// Turns pairs of a head's components by an angle that grows with the position.
#[derive(Debug, Clone)]
pub struct Rotary {
    /// How many leading components of a head are turned; even. Those past them stay.
    pub dims: usize,
    pub pairs: Pairs,
    pub frequencies: Frequencies,
    /// What cosines and sines are multiplied by (yarn, longrope).
    pub factor: f64,
    /// The tables of the last prompt, which all blocks turned alike share.
    pub shared: Shared,
}

/// Tables that clones have in common: a prompt's are made once, not once a block.
#[derive(Debug, Clone, Default)]
pub struct Shared(Arc<Mutex<Option<Arc<Tables>>>>);

/// Which components are turned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairs {
    /// (j, j + dims/2) (GPT-NeoX, Llama).
    Halves,
    /// (2j, 2j + 1) (the paper; GPT-J, Cohere, GLM).
    Neighbours,
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
    /// One list up to prompts of `original` tokens, another for longer ones (LongRoPE, Ding et al.
    /// 2024, as `transformers` computes it: by prompt, not by position).
    ByLength {
        short: Vec<f64>,
        long: Vec<f64>,
        original: usize,
    },
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

    /// YaRN's: those that turn often within `original` positions are kept, those that turn less than
    /// once divided by `factor`, and those between blended; `turns` are the numbers of turns between
    /// which (Peng et al. 2023, `_compute_yarn_parameters` in `transformers`' modeling_rope_utils.py).
    pub fn yarn(
        theta: f64,
        dims: usize,
        factor: f64,
        original: f64,
        turns: [f64; 2],
        truncate: bool,
    ) -> Vec<f64> {
        // The pair of components that turns so many times.
        let pair = |turns: f64| {
            dims as f64 * (original / (turns * 2. * std::f64::consts::PI)).ln() / (2. * theta.ln())
        };
        let (mut low, mut high) = (pair(turns[0]), pair(turns[1]));
        if truncate {
            (low, high) = (low.floor(), high.ceil());
        }
        (low, high) = (low.max(0.), high.min(dims as f64 - 1.));
        if low == high {
            high += 0.001;
        }
        let blend = |(j, frequency): (usize, f64)| {
            let ramp = ((j as f64 - low) / (high - low)).clamp(0., 1.);
            frequency / factor * ramp + frequency * (1. - ramp)
        };
        Self::plain(theta, dims)
            .into_iter()
            .enumerate()
            .map(blend)
            .collect()
    }

    /// Whether a prompt's first tokens are turned the same way when it has grown from `from` tokens to `to`.
    pub fn outlast(&self, from: usize, to: usize) -> bool {
        match *self {
            Self::Fixed(_) | Self::Linear { .. } => true,
            Self::Dynamic { context, .. } => to <= context,
            Self::ByLength { original, .. } => (from > original) == (to > original),
        }
    }

    /// The frequencies for a prompt of `tokens` tokens.
    fn for_prompt(&self, tokens: usize, dims: usize) -> Vec<f64> {
        match *self {
            Self::Fixed(ref frequencies) => frequencies.clone(),
            Self::ByLength {
                ref short,
                ref long,
                original,
            } => if tokens > original { long } else { short }.clone(),
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

/// Cosines and sines of every position's angles, each `[positions, dims/2]`.
#[derive(Debug)]
pub struct Tables {
    pairs: Pairs,
    /// What they were made of.
    frequencies: Vec<f64>,
    factor: f64,
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rotary {
    /// Halves turned by fixed frequencies.
    pub fn new(dims: usize, frequencies: Frequencies) -> Self {
        Self {
            dims,
            pairs: Pairs::Halves,
            frequencies,
            factor: 1.,
            shared: Shared::default(),
        }
    }

    /// The tables for a prompt, of as many positions or more.
    pub fn tables(&self, tokens: usize) -> Arc<Tables> {
        let frequencies = self.frequencies.for_prompt(tokens, self.dims);
        let Shared(shared) = &self.shared;
        let last = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        // A position's angles are the same in a longer prompt, unless its frequencies are others.
        let serves = |tables: &Arc<Tables>| {
            tables.frequencies == frequencies
                && (tables.pairs, tables.factor) == (self.pairs, self.factor)
                && tables.cos.len() >= tokens * tables.half
        };
        if let Some(tables) = last().clone().filter(serves) {
            return tables;
        }
        // A prompt that grows by a token each time makes few of them.
        let tables = Arc::new(self.made(tokens.next_power_of_two(), frequencies));
        *last() = Some(Arc::clone(&tables));
        tables
    }

    /// Angles are taken in float64: at position 8000 float32 would be off by 5e-4.
    fn made(&self, tokens: usize, frequencies: Vec<f64>) -> Tables {
        let angles = (0..tokens).flat_map(|position| frequencies.iter().map(move |f| position as f64 * f));
        let factor = self.factor;
        let (sin, cos) = angles
            .map(|angle| ((factor * angle.sin()) as f32, (factor * angle.cos()) as f32))
            .unzip();
        Tables {
            pairs: self.pairs,
            factor: self.factor,
            half: self.dims / 2,
            frequencies,
            cos,
            sin,
        }
    }
}

impl Tables {
    /// Turns the heads at `columns` of each row, the first of which is at position `first`.
    pub fn turn_rows(&self, x: &mut [f32], columns: &Columns, first: usize) {
        let half = self.half;
        x.par_chunks_mut(columns.width)
            .enumerate()
            .for_each(|(nth, row)| {
                let position = first + nth;
                let (cos, sin) = (
                    &self.cos[position * half..][..half],
                    &self.sin[position * half..][..half],
                );
                for &start in &columns.starts {
                    let head = &mut row[start..][..2 * half];
                    match self.pairs {
                        Pairs::Halves => {
                            let (a, b) = head.split_at_mut(half);
                            for j in 0..half {
                                (a[j], b[j]) = turn(a[j], b[j], cos[j], sin[j]);
                            }
                        }
                        Pairs::Neighbours => {
                            let (pairs, _) = head.as_chunks_mut::<2>();
                            for (j, pair) in pairs.iter_mut().enumerate() {
                                *pair = turn(pair[0], pair[1], cos[j], sin[j]).into();
                            }
                        }
                    }
                }
            });
    }

    /// Turns `x` `[heads, tokens, head_dim]`.
    pub fn turn_tensor(&self, x: &Tensor) -> Result<Tensor> {
        let (heads, tokens, head_dim) = x.dims3()?;
        let half = self.half;
        let table = |values: &[f32]| {
            let values = &values[..tokens * half];
            Tensor::from_slice(values, (tokens, half), x.device())?.to_dtype(x.dtype())
        };
        let (cos, sin) = (table(&self.cos)?, table(&self.sin)?);
        let turned = x.narrow(2, 0, 2 * half)?;
        // Both arrangements as [heads, tokens, half] of first and second components.
        let axis = match self.pairs {
            Pairs::Halves => 2,
            Pairs::Neighbours => 3,
        };
        let shape = match self.pairs {
            Pairs::Halves => (heads, tokens, 2, half),
            Pairs::Neighbours => (heads, tokens, half, 2),
        };
        let pairs = turned.contiguous()?.reshape(shape)?;
        let (a, b) = (
            pairs.narrow(axis, 0, 1)?.squeeze(axis)?,
            pairs.narrow(axis, 1, 1)?.squeeze(axis)?,
        );
        let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
        let second = (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?;
        let turned = Tensor::stack(&[first, second], axis)?.reshape((heads, tokens, 2 * half))?;
        let rest = x.narrow(2, 2 * half, head_dim - 2 * half)?;
        Ok(Tensor::cat(&[turned, rest], 2)?)
    }
}

/// The pair (x, y) turned by the angle with this cosine and sine.
#[inline(always)]
fn turn(x: f32, y: f32, cos: f32, sin: f32) -> (f32, f32) {
    (x * cos - y * sin, y * cos + x * sin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_share_the_tables_of_a_run() {
        let rotary = Rotary::new(8, Frequencies::Fixed(Frequencies::plain(1e4, 8)));
        let tables = rotary.tables(7);
        let block = rotary.clone();
        for tokens in [7, 3, 1] {
            assert!(Arc::ptr_eq(&tables, &block.tables(tokens)), "{tokens}");
        }
        // Its first positions are those of a longer prompt, to the bit.
        let longer = block.tables(9);
        assert_eq!(longer.cos[..tables.cos.len()], tables.cos);
        assert_eq!(longer.sin[..tables.sin.len()], tables.sin);
        assert!(Arc::ptr_eq(&longer, &rotary.tables(7)));
    }

    #[test]
    fn other_angles_have_tables_of_their_own() {
        let context = 4;
        let dynamic = Rotary::new(
            8,
            Frequencies::Dynamic {
                theta: 1e4,
                factor: 2.,
                context,
            },
        );
        let long = dynamic.tables(9);
        let short = dynamic.tables(3);
        assert_ne!(long.cos[4..8], short.cos[4..8]);
        assert!(Arc::ptr_eq(&short, &dynamic.tables(2)));
        assert_eq!(dynamic.tables(9).cos, long.cos);
        let scaled = Rotary {
            factor: 2.,
            ..dynamic.clone()
        };
        assert_eq!(scaled.tables(9).cos[0], 2.);
        assert_eq!(dynamic.tables(9).cos[0], 1.);
    }
}
