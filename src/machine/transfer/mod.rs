//! From this machine's memory to a device's.

#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use crate::error::Result;

/// A tensor is made in pieces of so many bytes, each by one core: whole numbers of any type, whole blocks of any
/// quantised one.
const PIECE: usize = 1 << 20;

/// What writes the bytes of a tensor from a place on, little-endian. Places are multiples of a large power of 2.
pub type Fill<'a> = dyn Fn(usize, &mut [u8]) + Sync + 'a;

/// A tensor on `device` whose bytes `fill` writes.
///
/// # Errors
/// The device's.
pub fn upload(dtype: DType, shape: &[usize], device: &Device, fill: &Fill) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(_) = device {
        return Ok(cuda::upload(dtype, shape, device, fill)?);
    }
    let mut bytes = vec![0; shape.iter().product::<usize>() * dtype.size_in_bytes()];
    fill_pieces(0, &mut bytes, fill);
    Ok(Tensor::from_raw_buffer(&bytes, dtype, shape, device)?)
}

/// Has the bytes from the place `start` on written by all cores.
fn fill_pieces(start: usize, bytes: &mut [u8], fill: &Fill) {
    (bytes.par_chunks_mut(PIECE).enumerate()).for_each(|(nth, piece)| fill(start + nth * PIECE, piece));
}
