//! What a tile has, by tensors: on any device, and what kernels of our own are held to.

use candle_core::{D, DType, Device, Tensor};

use super::{DeviceTile, TileReading};
use crate::error::Result;
use crate::kernels::math::Softmax;

/// [`DeviceTile::readings`].
pub fn readings(tile: &DeviceTile, next: &[Option<u32>], k: usize) -> Result<Vec<TileReading>> {
    let (l, f) = (&tile.logits, last_of_group(&tile.logits)?);
    let max = l.max_keepdim(D::Minus1)?;
    let relative = l.broadcast_sub(&max)?;
    let exp = relative.exp()?;
    let difference = l.broadcast_sub(&f)?;
    let sum = total(&exp)?;
    let weighted = total(&(&exp * &relative)?)?;
    let away = total(&(&exp * &difference)?)?;
    let toward = total(&last_of_group(&exp)?.broadcast_mul(&difference)?)?.neg()?;
    let next_logit = logits_of(tile, next.iter().copied())?;
    let output = |of_rows: &Tensor| -> Result<Tensor> {
        let last = last_of_group(of_rows)?;
        Ok(last.broadcast_as(of_rows.shape())?.contiguous()?)
    };
    let (output_max, output_sum) = (output(&max)?, output(&sum)?);
    let found = [
        sum, weighted, away, toward, max, output_max, output_sum, next_logit,
    ];
    let found = numbers(&found, tile.rows()?)?;
    let top = top(tile, k)?;
    let of_row = |(row, top): (usize, Vec<(f32, u32)>)| TileReading {
        sum: found[0][row],
        weighted: found[1][row],
        away: found[2][row],
        toward: found[3][row],
        max: found[4][row] as f32,
        output_max: found[5][row] as f32,
        output_sum: found[6][row],
        next: match next[row].and_then(|next| tile.place(next)) {
            Some(_) => found[7][row] as f32,
            None => f32::NEG_INFINITY,
        },
        top,
    };
    Ok(top.into_iter().enumerate().map(of_row).collect())
}

/// The `k` largest logits of each row with their ids, largest first; of equal ones the lower id first.
///
/// Each takes one look at the tile: a sort of all of it, for the few that are wanted, takes more.
fn top(tile: &DeviceTile, k: usize) -> Result<Vec<Vec<(f32, u32)>>> {
    let (width, logits) = (tile.width()?, &tile.logits);
    // Ids as float32, which has every whole number up to 2²⁴; a tile is far smaller.
    let places = Tensor::arange(0., width as f32, logits.device())?.reshape((1, 1, width))?;
    let places = places.broadcast_as(logits.shape())?;
    let none = Tensor::full(width as f32, logits.shape(), logits.device())?;
    let lowest = Tensor::full(f32::NEG_INFINITY, logits.shape(), logits.device())?;
    let mut left = logits.clone();
    let mut found = Vec::with_capacity(2 * k);
    for _ in 0..k {
        let largest = left.max_keepdim(D::Minus1)?;
        let place = left
            .broadcast_eq(&largest)?
            .where_cond(&places, &none)?
            .min_keepdim(D::Minus1)?;
        left = places.broadcast_eq(&place)?.where_cond(&lowest, &left)?;
        found.push(largest);
        found.push(place);
    }
    let found = numbers(&found, tile.rows()?)?;
    let of_row = |row: usize| {
        let pairs = found.chunks_exact(2).map(|pair| (pair[0][row], pair[1][row]));
        tile.candidates(pairs.map(|(logit, place)| (logit as f32, place as u32)))
    };
    (0..tile.rows()?).map(of_row).collect()
}

/// [`DeviceTile::above`].
pub fn above(tile: &DeviceTile, tokens: &[&[(u32, f32)]]) -> Result<Vec<Vec<u64>>> {
    let most = tokens.iter().map(|tokens| tokens.len()).max().unwrap_or(0);
    let mut found = Vec::with_capacity(2 * most);
    for nth in 0..most {
        let token = |tokens: &&[(u32, f32)]| tokens.get(nth).copied();
        // Nothing is above what a row without such a token is compared with.
        let logit = |tokens| token(tokens).map_or(f32::INFINITY, |(_, logit)| logit);
        let than = column(tile, tokens.iter().map(logit).collect())?;
        found.push(total(&tile.logits.broadcast_gt(&than)?)?);
        found.push(logits_of(
            tile,
            tokens.iter().map(|tokens| token(tokens).map(|(id, _)| id)),
        )?);
    }
    let found = numbers(&found, tile.rows()?)?;
    let of_row = |(row, tokens): (usize, &&[(u32, f32)])| {
        let counted = tokens.iter().zip(found.chunks_exact(2));
        counted
            .map(|(&(id, logit), found)| {
                let own = tile.place(id).is_some() && found[1][row] as f32 > logit;
                found[0][row] as u64 - u64::from(own)
            })
            .collect()
    };
    Ok(tokens.iter().enumerate().map(of_row).collect())
}

/// [`DeviceTile::distances`].
pub fn distances(tile: &DeviceTile, softmax: &[[Softmax; 2]]) -> Result<Vec<[f64; 2]>> {
    let share = |nth: usize, logits: &Tensor| -> Result<Tensor> {
        let max = column(tile, softmax.iter().map(|both| both[nth].max).collect())?;
        let share = column(tile, softmax.iter().map(|both| both[nth].share as f32).collect())?;
        let exp = logits.broadcast_sub(&max)?.exp()?;
        Ok(exp.broadcast_mul(&share)?)
    };
    let output = last_of_group(&tile.logits)?.broadcast_as(tile.logits.shape())?;
    let (p, q) = (share(0, &tile.logits)?, share(1, &output)?);
    let middle = ((&p + &q)? * 0.5)?;
    // What is 0 adds 0: neither it nor the middle may make a logarithm infinite.
    let middle = middle.maximum(f32::MIN_POSITIVE)?;
    let term = |x: &Tensor| -> Result<Tensor> {
        let ratio = (x / &middle)?.maximum(f32::MIN_POSITIVE)?;
        Ok((x * ratio.log()?)?)
    };
    let sums = [total(&(term(&p)? + term(&q)?)?)?, total(&(&p - &q)?.abs()?)?];
    let found = numbers(&sums, tile.rows()?)?;
    Ok((0..tile.rows()?)
        .map(|row| [found[0][row], found[1][row]])
        .collect())
}

/// The model's output in `tensor` `[positions, sites, _]`.
fn last_of_group(tensor: &Tensor) -> Result<Tensor> {
    Ok(tensor.narrow(1, tensor.dim(1)? - 1, 1)?)
}

/// Sums over the tile, `[positions, sites]`: in float64 where the device has it.
fn total(terms: &Tensor) -> Result<Tensor> {
    let wide = match terms.device() {
        Device::Metal(_) => DType::F32,
        _ => DType::F64,
    };
    Ok(terms.to_dtype(wide)?.sum(D::Minus1)?)
}

/// A number a row on the device, `[positions, sites, 1]`.
fn column(tile: &DeviceTile, values: Vec<f32>) -> Result<Tensor> {
    let (positions, sites, _) = tile.logits.dims3()?;
    Ok(Tensor::from_vec(
        values,
        (positions, sites, 1),
        tile.logits.device(),
    )?)
}

/// The logits of one id a row, `[positions, sites]`; for a row without one, or with one of another tile,
/// that of the tile's first.
fn logits_of(tile: &DeviceTile, ids: impl Iterator<Item = Option<u32>>) -> Result<Tensor> {
    let (positions, sites, _) = tile.logits.dims3()?;
    let places: Vec<u32> = ids
        .map(|id| id.and_then(|id| tile.place(id)).unwrap_or(0))
        .collect();
    let places = Tensor::from_vec(places, (positions, sites, 1), tile.logits.device())?;
    Ok(tile.logits.gather(&places, D::Minus1)?.squeeze(D::Minus1)?)
}

/// The numbers of tensors with an element a row, for each of these its `rows` numbers, all at once.
fn numbers(tensors: &[Tensor], rows: usize) -> Result<Vec<Vec<f64>>> {
    let Some(first) = tensors.first() else {
        return Ok(Vec::new());
    };
    let dtype = first.dtype();
    let flat = tensors
        .iter()
        .map(|tensor| tensor.to_dtype(dtype)?.reshape(rows))
        .collect::<candle_core::Result<Vec<Tensor>>>()?;
    let all = Tensor::stack(&flat, 0)?.to_device(&Device::Cpu)?;
    Ok(all.to_dtype(DType::F64)?.to_vec2()?)
}
