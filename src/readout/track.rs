//! Certain tokens at every row: logit, probability and exact rank.

use candle_core::{DType, Device, Tensor};

use super::Reading;
use super::tensors::{DeviceTile, numbers};
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
    let x = rows
        .to_device(&Device::Cpu)?
        .to_dtype(DType::F32)?
        .to_vec2::<f32>()?;
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

    fn tile_on_device(rows: &mut [Self], tile: &DeviceTile) -> Result<()> {
        let tokens = rows.iter().map(|row| row.tokens.len()).max().unwrap_or(0);
        let mut found = Vec::with_capacity(2 * tokens);
        for nth in 0..tokens {
            let token = |row: &Self| row.tokens.get(nth).copied();
            // Nothing is above what a row without such a token is compared with.
            let logit = |row: &Self| token(row).map_or(f32::INFINITY, |(_, logit)| logit);
            let above = tile
                .logits
                .broadcast_gt(&tile.column(rows.iter().map(logit).collect())?)?;
            found.push(tile.sum(&above)?);
            found.push(tile.logits_of(rows.iter().map(|row| token(row).map(|(id, _)| id)))?);
        }
        let found = numbers(&found, rows.len())?;
        for (at, row) in rows.iter_mut().enumerate() {
            for ((&(id, logit), larger), found) in (row.tokens.iter())
                .zip(&mut row.larger)
                .zip(found.chunks_exact(2))
            {
                let own = tile.place(id).is_some() && found[1][at] as f32 > logit;
                *larger += found[0][at] as u64 - u64::from(own);
            }
        }
        Ok(())
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
