//! From rows of the residual stream to readings: final norm, unembedding, softmax, statistics.
//!
//! All rows go through the vocabulary together, a tile of it at a time. A tile's logits are folded
//! into a few running numbers per row and forgotten, so that memory does not grow with
//! vocabulary × rows.

mod device;
mod distances;
mod fold;
pub mod lenses;
mod tiles;
mod track;

use candle_core::{Device, Tensor};

use crate::decoder::Unembed;
use crate::error::Result;
use crate::machine::progress::Progress;

pub use tiles::bytes_kept;
pub use track::{Tracked, Wanted};

/// What the model would say at one row.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The most likely tokens, likeliest first; of equal logits, the lower id first.
    pub top: Vec<Candidate>,
    /// log Σ e^l over the vocabulary, from which every log-probability follows.
    pub log_sum_exp: f64,
    /// −Σ p log p over the vocabulary, in nats.
    pub entropy: f64,
    /// KL(q‖p) = Σ q (log q − log p), q the model's output at the same position, in nats.
    pub forward_kl: f64,
    /// KL(p‖q), in nats.
    pub reverse_kl: f64,
    /// −log p of the token that follows in the prompt, in nats; `None` at its last position.
    pub cross_entropy: Option<f64>,
    /// What compares the normalised distributions; `None` unless asked for.
    pub distances: Option<Distances>,
    /// KL(r‖p) from what the run's first lens makes of the same row, in nats; `None` unless asked for.
    pub lens_kl: Option<f64>,
}

/// How far a row's distribution p is from the model's output q at the same position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distances {
    /// ½ KL(p‖m) + ½ KL(q‖m) with m = (p+q)/2, in nats; at most ln 2 (Lin 1991).
    pub js: f64,
    /// ½ Σ |p − q|, at most 1.
    pub tv: f64,
}

/// A token and how likely a row makes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    pub id: u32,
    pub logit: f32,
    /// log p, in nats.
    pub logprob: f64,
    pub prob: f64,
}

impl Reading {
    /// The likeliest token.
    pub fn top1(&self) -> Candidate {
        self.top[0]
    }

    /// Whether every number of the reading is one.
    pub fn is_finite(&self) -> bool {
        self.log_sum_exp.is_finite() && self.entropy.is_finite()
    }

    /// The log-probability of a token with this logit, in nats.
    pub fn logprob(&self, logit: f32) -> f64 {
        logit as f64 - self.log_sum_exp
    }
}

/// Rows of the residual stream as they are: the norm is the readout's to apply, once.
///
/// They come position after position; at each position all the rows of it, the last of them the
/// one after the last block, which the others are compared with.
pub struct Rows {
    /// `[positions * sites, hidden]`.
    pub hidden: Tensor,
    /// The number of rows of a position.
    pub sites: usize,
    /// For each position, the token that follows it in the prompt.
    pub next: Vec<Option<u32>>,
}

/// Reads rows of the residual stream through a model's own final norm and unembedding.
pub struct Readout<'a> {
    unembed: &'a Unembed,
    progress: &'a dyn Progress,
}

impl<'a> Readout<'a> {
    /// A readout through `unembed`.
    pub fn new(unembed: &'a Unembed) -> Self {
        Self {
            unembed,
            progress: &(),
        }
    }

    /// The same readout, telling `progress` how many rows are done.
    pub fn reporting(self, progress: &'a dyn Progress) -> Self {
        Self { progress, ..self }
    }

    /// A reading for each row, with its `top_k` likeliest tokens (at most the vocabulary).
    pub fn read(&self, rows: &Rows, top_k: usize) -> Result<Vec<Reading>> {
        let unembedded = self.unembed.rows(&rows.hidden)?;
        let new = self.running(rows, top_k);
        let running = tiles::fold(self.unembed, &unembedded, rows.sites, new, self.progress)?;
        Ok(running.into_iter().map(fold::Running::finish).collect())
    }

    /// What will have seen nothing yet of a row, by its number.
    fn running(&self, rows: &Rows, top_k: usize) -> impl Fn(usize) -> fold::Running + Sync {
        let top_k = top_k.min(self.unembed.head.outputs());
        let (next, sites) = (rows.next.clone(), rows.sites);
        move |row| fold::Running::new(top_k, next[row / sites])
    }

    /// All logits of the rows `hidden` `[rows, hidden]`, for the few rows whose whole distributions
    /// are wanted.
    pub fn logits(&self, hidden: &Tensor) -> Result<Vec<Vec<f32>>> {
        let logits = self.unembed.logits(&self.unembed.rows(hidden)?)?;
        Ok(logits.to_device(&Device::Cpu)?.to_vec2()?)
    }

    /// Adds to each of `readings`, which [`Readout::read`] gave for the same rows, its distances
    /// from the output, in one more pass through the vocabulary.
    pub fn measure(&self, rows: &Rows, readings: &mut [Reading]) -> Result<()> {
        let unembedded = self.unembed.rows(&rows.hidden)?;
        let found = distances::distances(self.unembed, &unembedded, rows.sites, readings, self.progress)?;
        for (reading, distances) in readings.iter_mut().zip(found) {
            reading.distances = Some(distances);
        }
        Ok(())
    }

    /// As [`Readout::read`]; and for each row logit, probability and exact rank of the tokens that `wanted` names
    /// for its position. It is told the readings of some positions at a time, in order.
    pub fn read_and_track(
        &self,
        rows: &Rows,
        top_k: usize,
        wanted: &mut Wanted,
    ) -> Result<(Vec<Reading>, Vec<Vec<Tracked>>)> {
        track::read_and_track(
            self.unembed,
            &self.unembed.rows(&rows.hidden)?,
            rows.sites,
            (self.running(rows, top_k), fold::Running::finish),
            wanted,
            self.progress,
        )
    }

    /// For each row, logit, probability and exact rank of the tokens `wanted` at its position.
    /// `readings` are what [`Readout::read`] gave for the same rows.
    pub fn track(&self, rows: &Rows, readings: &[Reading], wanted: &[Vec<u32>]) -> Result<Vec<Vec<Tracked>>> {
        let unembedded = self.unembed.rows(&rows.hidden)?;
        track::track(
            self.unembed,
            &unembedded,
            rows.sites,
            readings,
            wanted,
            self.progress,
        )
    }
}
