//! Certain tokens at every row: logit, probability and exact rank.

use candle_core::{Device, Tensor};

use super::Reading;
use super::tiles::{self, Tiled};
use crate::decoder::Unembed;
use crate::error::Result;
use crate::kernels::math;
use crate::machine::progress::Progress;

/// What a row makes of a token that is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tracked {
    pub id: u32,
    pub logit: f32,
    /// log p, in nats.
    pub logprob: f64,
    pub prob: f64,
    /// 1 + the number of tokens with a strictly larger logit.
    pub rank: u64,
}

/// A token's logit is known beforehand (from the reading, or one dot product); its rank is then a
/// count in one more pass through the vocabulary.
pub fn track(
    unembed: &Unembed,
    rows: &Tensor,
    sites: usize,
    readings: &[Reading],
    wanted: &[Vec<u32>],
    progress: &dyn Progress,
) -> Result<Vec<Vec<Tracked>>> {
    let x = rows.to_device(&Device::Cpu)?.to_vec2::<f32>()?;
    let logits: Vec<Vec<(u32, f32)>> = (x.iter().zip(readings).enumerate())
        .map(|(row, (x, reading))| {
            wanted[row / sites]
                .iter()
                .map(|&id| (id, known_logit(unembed, x, reading, id)))
                .collect()
        })
        .collect();
    let new = |row: usize| Above {
        tokens: logits[row].clone(),
        larger: vec![0; logits[row].len()],
    };
    let counts = tiles::fold(unembed, rows, sites, new, progress)?;
    let tracked = |above: Above, reading: &Reading| {
        let both = above.tokens.into_iter().zip(above.larger);
        both.map(|((id, logit), larger)| {
            let logprob = reading.logprob(logit);
            Tracked {
                id,
                logit,
                logprob,
                prob: logprob.exp(),
                rank: 1 + larger,
            }
        })
        .collect()
    };
    Ok(counts
        .into_iter()
        .zip(readings)
        .map(|(above, reading)| tracked(above, reading))
        .collect())
}

/// The logit as the reading has it, so that one row never shows two for a token; for a token
/// outside the top k, a dot product in float64.
fn known_logit(unembed: &Unembed, x: &[f32], reading: &Reading, id: u32) -> f32 {
    match reading.top.iter().find(|c| c.id == id) {
        Some(candidate) => candidate.logit,
        None => unembed.logit(id, x),
    }
}

/// Counts the logits above each of some tokens' logits.
struct Above {
    tokens: Vec<(u32, f32)>,
    larger: Vec<u64>,
}

impl Tiled for Above {
    #[inline(always)]
    fn tile(&mut self, first: u32, logits: &[f32], _output: &[f32]) {
        for (&(id, logit), larger) in self.tokens.iter().zip(&mut self.larger) {
            let mut count = math::count_above(logits, logit);
            // The token's own logit in the tile was summed in another order: it may come out a
            // bit larger, and must not count against itself.
            let own = id.wrapping_sub(first) as usize;
            if logits.get(own).is_some_and(|&l| l > logit) {
                count -= 1;
            }
            *larger += count;
        }
    }

    fn merge(&mut self, later: Self) {
        for (larger, more) in self.larger.iter_mut().zip(later.larger) {
            *larger += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_share_a_rank() {
        let logits = [1., 3., 3., 2.];
        let mut above = Above {
            tokens: (0..).zip(logits).collect(),
            larger: vec![0; 4],
        };
        above.tile(0, &logits[..2], &[0.; 2]);
        above.tile(2, &logits[2..], &[0.; 2]);
        assert_eq!(above.larger, [3, 0, 0, 2]);
    }
}
