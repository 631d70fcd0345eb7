//! The pass through the vocabulary by tensors: what a GPU runs. A tile's logits are made on the device and
//! folded on the device; a few numbers of each row come back.

use candle_core::{D, DType, Device, Tensor};

use super::tiles::{PARTS, Tiled};
use crate::decoder::Unembed;
use crate::error::Result;
use crate::kernels::product::ranges;
use crate::machine::progress::{Progress, Stage};

/// Logits of a tile that are held at a time: beside them a fold holds a few tensors of the same size.
const ELEMENTS: usize = 1 << 24;

/// The logits of some positions' rows for a tile of the vocabulary, where they were computed.
pub struct DeviceTile {
    /// The first id of the tile.
    pub first: u32,
    /// `[positions, sites, width]` in float32, of each position the model's output last.
    pub logits: Tensor,
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
    for tile in ranges(vocabulary, vocabulary.div_ceil(PARTS)) {
        if progress.is_cancelled() {
            break;
        }
        let weight = unembed.head.upload(tile.clone(), x)?;
        let groups_held = (ELEMENTS / (tile.len() * group)).max(1);
        for block in ranges(rows, groups_held * group) {
            let x = x.narrow(0, block.start, block.len())?;
            let products = x.to_dtype(weight.dtype())?.matmul(&weight)?;
            let logits = unembed.finish_tensor(tile.clone(), products.to_dtype(DType::F32)?)?;
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
    /// The model's output at each position, `[positions, 1, width]`.
    pub fn output(&self) -> Result<Tensor> {
        self.last_of_group(&self.logits)
    }

    /// The model's output in `tensor` `[positions, sites, _]`.
    pub fn last_of_group(&self, tensor: &Tensor) -> Result<Tensor> {
        Ok(tensor.narrow(1, tensor.dim(1)? - 1, 1)?)
    }

    /// The number of rows.
    pub fn rows(&self) -> Result<usize> {
        let (positions, sites, _) = self.logits.dims3()?;
        Ok(positions * sites)
    }

    /// The tile's number of ids.
    pub fn width(&self) -> Result<usize> {
        Ok(self.logits.dim(2)?)
    }

    /// Sums over the tile, `[positions, sites]`: in float64 where the device has it.
    pub fn sum(&self, terms: &Tensor) -> Result<Tensor> {
        let wide = match terms.device() {
            Device::Metal(_) => DType::F32,
            _ => DType::F64,
        };
        Ok(terms.to_dtype(wide)?.sum(D::Minus1)?)
    }

    /// A number a row on the device, `[positions, sites, 1]`.
    pub fn column(&self, values: Vec<f32>) -> Result<Tensor> {
        let (positions, sites, _) = self.logits.dims3()?;
        Ok(Tensor::from_vec(
            values,
            (positions, sites, 1),
            self.logits.device(),
        )?)
    }

    /// The logits of one id a row, `[positions, sites]`; for a row without one, or with one of another tile,
    /// that of the tile's first.
    pub fn logits_of(&self, ids: impl Iterator<Item = Option<u32>>) -> Result<Tensor> {
        let (positions, sites, _) = self.logits.dims3()?;
        let places: Vec<u32> = ids
            .map(|id| id.and_then(|id| self.place(id)).unwrap_or(0))
            .collect();
        let places = Tensor::from_vec(places, (positions, sites, 1), self.logits.device())?;
        Ok(self.logits.gather(&places, D::Minus1)?.squeeze(D::Minus1)?)
    }

    /// Where an id is in the tile, if it is.
    pub fn place(&self, id: u32) -> Option<u32> {
        let place = id.checked_sub(self.first)?;
        ((place as usize) < self.logits.dim(2).ok()?).then_some(place)
    }

    /// The `k` largest logits of each row with their ids, largest first; of equal ones the lower id first.
    ///
    /// Each takes one look at the tile: a sort of all of it, for the few that are wanted, takes more.
    pub fn top(&self, k: usize) -> Result<Vec<Vec<(f32, u32)>>> {
        let width = self.width()?;
        let device = self.logits.device();
        // Ids as float32, which has every whole number up to 2²⁴; a tile is far smaller.
        let places = Tensor::arange(0., width as f32, device)?.reshape((1, 1, width))?;
        let places = places.broadcast_as(self.logits.shape())?;
        let none = Tensor::full(width as f32, self.logits.shape(), device)?;
        let lowest = Tensor::full(f32::NEG_INFINITY, self.logits.shape(), device)?;
        let mut left = self.logits.clone();
        let mut found = Vec::with_capacity(2 * k.min(width));
        for _ in 0..k.min(width) {
            let largest = left.max_keepdim(D::Minus1)?;
            let place = left
                .broadcast_eq(&largest)?
                .where_cond(&places, &none)?
                .min_keepdim(D::Minus1)?;
            left = places.broadcast_eq(&place)?.where_cond(&lowest, &left)?;
            found.push(largest);
            found.push(place);
        }
        let found = numbers(&found, self.rows()?)?;
        let of_row = |row: usize| {
            let pairs = found.chunks_exact(2).map(|pair| (pair[0][row], pair[1][row]));
            // Where no logit equals the largest, a row is not of numbers, and is reported as such.
            pairs
                .filter(|&(_, place)| place < width as f64)
                .map(|(logit, place)| (logit as f32, self.first + place as u32))
                .collect()
        };
        Ok((0..self.rows()?).map(of_row).collect())
    }
}

/// The numbers of tensors with an element a row, for each of these its `rows` numbers, all at once.
pub fn numbers(tensors: &[Tensor], rows: usize) -> Result<Vec<Vec<f64>>> {
    let Some(first) = tensors.first() else {
        return Ok(Vec::new());
    };
    let (dtype, device) = (first.dtype(), Device::Cpu);
    let flat = tensors
        .iter()
        .map(|tensor| tensor.to_dtype(dtype)?.reshape(rows))
        .collect::<candle_core::Result<Vec<Tensor>>>()?;
    let all = Tensor::stack(&flat, 0)?.to_device(&device)?;
    Ok(all.to_dtype(DType::F64)?.to_vec2()?)
}
