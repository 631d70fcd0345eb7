//! Certain tokens at every row: logit, probability and exact rank.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::Reading;
use super::device::DeviceTile;
use super::tiles::{self, Tiled};
use crate::decoder::Unembed;
use crate::error::Result;
use crate::kernels::math;
use crate::machine::progress::Progress;

/// Names, for each of some positions, the tokens to follow there, from the readings of all their rows.
pub type Wanted<'a> = dyn FnMut(&[Reading]) -> Result<Vec<Vec<u32>>> + 'a;

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

/// Reads rows, and follows tokens through them in the same pass through the vocabulary: those that `wanted` names
/// when it is told the readings of some positions. `first` makes what reads a row, `reading` the reading of that.
pub fn read_and_track<T: Tiled>(
    unembed: &Unembed,
    rows: &Tensor,
    sites: usize,
    (first, reading): (impl Fn(usize) -> T + Sync, impl Fn(T) -> Reading),
    wanted: &mut Wanted,
    progress: &dyn Progress,
) -> Result<(Vec<Reading>, Vec<Vec<Tracked>>)> {
    let mut readings: Vec<Reading> = Vec::new();
    let second = |these: Range<usize>, seen: Vec<T>| {
        readings.extend(seen.into_iter().map(&reading));
        let readings = &readings[these.clone()];
        let rows = rows.narrow(0, these.start, these.len())?;
        above(unembed, &rows, sites, readings, &wanted(readings)?)
    };
    let counts = tiles::fold_twice(unembed, rows, sites, first, second, progress)?;
    let tracked = tracked(counts, &readings);
    Ok((readings, tracked))
}

/// Follows the tokens `wanted` at each position through rows that were read, in one more pass through the
/// vocabulary.
pub fn track(
    unembed: &Unembed,
    rows: &Tensor,
    sites: usize,
    readings: &[Reading],
    wanted: &[Vec<u32>],
    progress: &dyn Progress,
) -> Result<Vec<Vec<Tracked>>> {
    let above = above(unembed, rows, sites, readings, wanted)?;
    let counts = tiles::fold(unembed, rows, sites, |row| above[row].clone(), progress)?;
    Ok(tracked(counts, readings))
}

/// What counts the logits above those of the tokens wanted at each row's position. A token's own is known
/// beforehand: from the reading, or one dot product.
fn above(
    unembed: &Unembed,
    rows: &Tensor,
    sites: usize,
    readings: &[Reading],
    wanted: &[Vec<u32>],
) -> Result<Vec<Above>> {
    let x = rows
        .to_device(&Device::Cpu)?
        .to_dtype(DType::F32)?
        .to_vec2::<f32>()?;
    let of_position = |x: &[Vec<f32>], readings: &[Reading], ids: &[u32]| {
        let mut above = vec![Above::default(); readings.len()];
        for &id in ids {
            for (above, logit) in above.iter_mut().zip(known_logits(unembed, x, readings, id)) {
                above.tokens.push((id, logit));
                above.larger.push(0);
            }
        }
        above
    };
    let positions = x.par_chunks(sites).zip(readings.par_chunks(sites)).zip(wanted);
    let all = positions.flat_map_iter(|((x, readings), ids)| of_position(x, readings, ids));
    Ok(all.collect())
}

fn tracked(counts: Vec<Above>, readings: &[Reading]) -> Vec<Vec<Tracked>> {
    let of_row = |(above, reading): (Above, &Reading)| {
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
    counts.into_iter().zip(readings).map(of_row).collect()
}

/// The logits of a token in some rows as their readings have them, so that one row never shows two for a token; where
/// it is outside the top k, a dot product in float64.
fn known_logits(unembed: &Unembed, x: &[Vec<f32>], readings: &[Reading], id: u32) -> Vec<f32> {
    let shown = |reading: &Reading| reading.top.iter().find(|c| c.id == id).map(|c| c.logit);
    let shown: Vec<Option<f32>> = readings.iter().map(shown).collect();
    let others = x.iter().zip(&shown).filter(|(_, shown)| shown.is_none());
    let mut others = unembed
        .logits_of(id, others.map(|(x, _)| x.as_slice()))
        .into_iter();
    // One was computed for each that is not shown.
    let logit = |shown: Option<f32>| shown.or_else(|| others.next()).unwrap_or(f32::NAN);
    shown.into_iter().map(logit).collect()
}

/// Counts the logits above each of some tokens' logits.
#[derive(Clone, Default)]
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
        let tokens: Vec<&[(u32, f32)]> = rows.iter().map(|row| row.tokens.as_slice()).collect();
        let found = tile.above(&tokens)?;
        for (row, found) in rows.iter_mut().zip(found) {
            row.larger
                .iter_mut()
                .zip(found)
                .for_each(|(larger, found)| *larger += found);
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
