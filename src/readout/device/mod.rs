//! The pass through the vocabulary on a device: what a GPU runs. A tile's logits are made there and folded there;
//! a few numbers of each row come back.

#[cfg(feature = "cuda")]
mod cuda;
mod tensors;

use candle_core::{DType, Tensor};

use super::tiles::{PARTS, Tiled};
use crate::decoder::Unembed;
use crate::error::Result;
use crate::kernels::math::Softmax;
use crate::kernels::product::ranges;
use crate::kernels::tensors::{product, weight};
use crate::machine::progress::{Progress, Stage};

/// Logits of a tile that are held at a time: beside them a fold may hold a few tensors of the same size.
const ELEMENTS: usize = 1 << 24;
/// The widest tile of a vocabulary that is larger than that: a smaller one is cut into as many as on the CPU.
const WIDEST: usize = 8 << 10;

/// The logits of some positions' rows for a tile of the vocabulary, where they were computed.
pub struct DeviceTile {
    /// The first id of the tile.
    pub first: u32,
    /// `[positions, sites, width]` in float32, of each position the model's output last.
    logits: Tensor,
}

/// What a tile has of a row: of l its logits and f those of the model's output at its position.
pub struct TileReading {
    pub max: f32,
    /// max f.
    pub output_max: f32,
    /// The logit of the token that was asked for; -∞ where that is in another tile.
    pub next: f32,
    /// Σ e^(l − max).
    pub sum: f64,
    /// Σ e^(l − max) (l − max).
    pub weighted: f64,
    /// Σ e^(l − max) (l − f).
    pub away: f64,
    /// Σ e^(f − max f) (f − l).
    pub toward: f64,
    /// Σ e^(f − max f).
    pub output_sum: f64,
    /// The largest logits with their ids, largest first; of equal ones the lower id first.
    pub top: Vec<(f32, u32)>,
}

/// As [`tiles::fold`](super::tiles::fold), for rows that are not slices of this machine's memory.
pub fn fold<T: Tiled>(
    unembed: &Unembed,
    x: &Tensor,
    group: usize,
    new: impl Fn(usize) -> T,
    progress: &dyn Progress,
) -> Result<Vec<T>> {
    let vocabulary = unembed.head.outputs();
    let rows = x.dim(0)?;
    let mut tiled: Vec<T> = (0..rows).map(new).collect();
    let tiles = match vocabulary {
        0..=WIDEST => PARTS,
        _ => vocabulary.div_ceil(WIDEST),
    };
    for tile in ranges(vocabulary, vocabulary.div_ceil(tiles)) {
        if progress.is_cancelled() {
            break;
        }
        let weight = weight(&unembed.head, tile.clone(), x)?;
        let groups_held = (ELEMENTS / (tile.len() * group)).max(1);
        for block in ranges(rows, groups_held * group) {
            let x = x.narrow(0, block.start, block.len())?;
            let products = product(&x, &weight)?.to_dtype(DType::F32)?;
            let logits = unembed.finish_tensor(tile.clone(), products)?;
            let tile = DeviceTile {
                first: tile.start as u32,
                logits: logits.reshape((block.len() / group, group, tile.len()))?,
            };
            T::tile_on_device(&mut tiled[block], &tile)?;
        }
        progress.report(Stage::Rows, rows * tile.end / vocabulary, rows);
    }
    Ok(tiled)
}

impl DeviceTile {
    /// What each row's reading takes, with its `k` largest logits and that of the token `next`.
    pub fn readings(&self, next: &[Option<u32>], k: usize) -> Result<Vec<TileReading>> {
        let k = k.min(self.width()?);
        #[cfg(feature = "cuda")]
        if let Some(found) = cuda::readings(self, next, k)? {
            return Ok(found);
        }
        tensors::readings(self, next, k)
    }

    /// For each row and each of its `tokens`, ids with their logits, how many logits are larger; the token's own,
    /// which may have been summed in another order, is not counted.
    pub fn above(&self, tokens: &[&[(u32, f32)]]) -> Result<Vec<Vec<u64>>> {
        #[cfg(feature = "cuda")]
        if let Some(found) = cuda::above(self, tokens)? {
            return Ok(found);
        }
        tensors::above(self, tokens)
    }

    /// For each row, whose softmax p is given and q, the output's: Σ p log(p/m) + q log(q/m) with m = (p+q)/2, and
    /// Σ |p − q|.
    pub fn distances(&self, softmax: &[[Softmax; 2]]) -> Result<Vec<[f64; 2]>> {
        #[cfg(feature = "cuda")]
        if let Some(found) = cuda::distances(self, softmax)? {
            return Ok(found);
        }
        tensors::distances(self, softmax)
    }

    /// The number of rows.
    fn rows(&self) -> Result<usize> {
        let (positions, sites, _) = self.logits.dims3()?;
        Ok(positions * sites)
    }

    /// The tile's number of ids.
    fn width(&self) -> Result<usize> {
        Ok(self.logits.dim(2)?)
    }

    /// Where an id is in the tile, if it is.
    fn place(&self, id: u32) -> Option<u32> {
        let place = id.checked_sub(self.first)?;
        ((place as usize) < self.width().ok()?).then_some(place)
    }

    /// The candidates of a row: its logits with their places in the tile. Where no logit equalled the largest, a
    /// row is not of numbers, and is reported as such: a place is past the tile then.
    fn candidates(&self, found: impl Iterator<Item = (f32, u32)>) -> Result<Vec<(f32, u32)>> {
        let width = self.width()? as u32;
        let found = found.filter(|&(_, place)| place < width);
        Ok(found.map(|(logit, place)| (logit, self.first + place)).collect())
    }
}
