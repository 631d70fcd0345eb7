//! What a tile has, by kernels of our own: each looks at a logit once, where tensors look at it once for each of their
//! operations.
#![expect(
    unsafe_code,
    reason = "a kernel is launched with arguments that nobody checks"
)]

use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaView, DeviceRepr, LaunchConfig, PushKernelArg, ValidAsZeroBits,
};
use candle_core::cuda_backend::{CudaDevice, WrapErr};
use candle_core::{Device, Storage, Tensor};

use super::{DeviceTile, TileReading};
use crate::error::Result;
use crate::kernels::math::Softmax;

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// The kernels' name among the device's modules.
const MODULE: &str = "readout";
/// Threads that share a row.
const THREADS: u32 = 256;
/// The longest row that is kept in the memory which the threads share: 48 KiB, less what they join their numbers in.
const LONGEST: usize = 11 << 10;
/// The numbers of a row's reading.
const NUMBERS: usize = 8;

/// [`DeviceTile::readings`]; `None` where the tile is not on a CUDA device, or too wide.
pub fn readings(tile: &DeviceTile, next: &[Option<u32>], k: usize) -> Result<Option<Vec<TileReading>>> {
    let Some(launch) = Launch::of(tile)? else {
        return Ok(None);
    };
    // A place past every row is that of no logit.
    let place = |next: &Option<u32>| next.and_then(|next| tile.place(next)).unwrap_or(u32::MAX);
    let next = launch.sent(next.iter().map(place).collect())?;
    let (sites, rows) = (tile.logits.dim(1)? as u32, launch.rows);
    let mut numbers = launch.room::<f64>(rows * NUMBERS)?;
    // At least one of each: there is no memory of no bytes.
    let mut logits = launch.room::<f32>((rows * k).max(1))?;
    let mut places = launch.room::<u32>((rows * k).max(1))?;
    launch.with_logits(&tile.logits, |of_tile| {
        let function = launch
            .device
            .get_or_load_custom_func("readings", MODULE, KERNELS)?;
        let mut call = function.builder();
        let (width, k) = (launch.width as u32, k as u32);
        call.arg(of_tile).arg(&next).arg(&sites).arg(&width).arg(&k);
        call.arg(&mut numbers).arg(&mut logits).arg(&mut places);
        // SAFETY: the arguments are those that the kernel has, in their order; its places are below `rows` times
        // the width, `NUMBERS` and k, and a row fits the shared memory that it is given.
        unsafe { call.launch(launch.config(launch.width)) }.w().map(drop)
    })?;
    let numbers = launch.back(&numbers)?;
    let top: Vec<(f32, u32)> = launch
        .back(&logits)?
        .into_iter()
        .zip(launch.back(&places)?)
        .collect();
    let of_row = |(row, numbers): (usize, &[f64; NUMBERS])| {
        let &[max, output_max, next, sum, weighted, away, toward, output_sum] = numbers;
        Ok(TileReading {
            max: max as f32,
            output_max: output_max as f32,
            next: next as f32,
            sum,
            weighted,
            away,
            toward,
            output_sum,
            top: tile.candidates(top[row * k..(row + 1) * k].iter().copied())?,
        })
    };
    let (numbers, _) = numbers.as_chunks::<NUMBERS>();
    numbers
        .iter()
        .enumerate()
        .map(of_row)
        .collect::<Result<_>>()
        .map(Some)
}

/// [`DeviceTile::above`]; `None` where the tile is not on a CUDA device, or too wide.
pub fn above(tile: &DeviceTile, tokens: &[&[(u32, f32)]]) -> Result<Option<Vec<Vec<u64>>>> {
    let Some(launch) = Launch::of(tile)? else {
        return Ok(None);
    };
    let most = tokens.iter().map(|tokens| tokens.len()).max().unwrap_or(0);
    if most == 0 {
        return Ok(Some(vec![Vec::new(); tokens.len()]));
    }
    // Nothing is above what a row without such a token is compared with.
    let none = (u32::MAX, f32::INFINITY);
    let of_row = |tokens: &&[(u32, f32)]| {
        let known = tokens
            .iter()
            .map(|&(id, logit)| (tile.place(id).unwrap_or(u32::MAX), logit));
        known
            .chain(std::iter::repeat(none))
            .take(most)
            .collect::<Vec<_>>()
    };
    let (own, than): (Vec<u32>, Vec<f32>) = tokens.iter().flat_map(of_row).unzip();
    let (own, than) = (launch.sent(own)?, launch.sent(than)?);
    let mut counts = launch.room::<u32>(launch.rows * most)?;
    launch.with_logits(&tile.logits, |of_tile| {
        let function = launch.device.get_or_load_custom_func("above", MODULE, KERNELS)?;
        let mut call = function.builder();
        let (width, most) = (launch.width as u32, most as u32);
        call.arg(of_tile).arg(&than).arg(&own).arg(&width).arg(&most);
        call.arg(&mut counts);
        // SAFETY: the arguments are those that the kernel has, in their order; its places are below `rows` times
        // the width and the tokens, and a row fits the shared memory that it is given.
        unsafe { call.launch(launch.config(launch.width)) }.w().map(drop)
    })?;
    let counts = launch.back(&counts)?;
    let counted = |(tokens, counts): (&&[(u32, f32)], &[u32])| {
        counts[..tokens.len()].iter().map(|&count| count.into()).collect()
    };
    Ok(Some(
        tokens
            .iter()
            .zip(counts.chunks_exact(most))
            .map(counted)
            .collect(),
    ))
}

/// [`DeviceTile::distances`]; `None` where the tile is not on a CUDA device.
pub fn distances(tile: &DeviceTile, softmax: &[[Softmax; 2]]) -> Result<Option<Vec<[f64; 2]>>> {
    let Some(launch) = Launch::of(tile)? else {
        return Ok(None);
    };
    let of_row = |both: &[Softmax; 2]| both.map(|softmax| [softmax.max, softmax.share as f32]);
    let numbers: Vec<[[f32; 2]; 2]> = softmax.iter().map(of_row).collect();
    let softmax = launch.sent(numbers.as_flattened().as_flattened().to_vec())?;
    let sites = tile.logits.dim(1)? as u32;
    let mut numbers = launch.room::<f64>(launch.rows * 2)?;
    launch.with_logits(&tile.logits, |of_tile| {
        let function = launch
            .device
            .get_or_load_custom_func("distances", MODULE, KERNELS)?;
        let mut call = function.builder();
        let width = launch.width as u32;
        call.arg(of_tile).arg(&softmax).arg(&sites).arg(&width);
        call.arg(&mut numbers);
        // SAFETY: the arguments are those that the kernel has, in their order; its places are below `rows` times
        // the width, 4 and 2.
        unsafe { call.launch(launch.config(0)) }.w().map(drop)
    })?;
    let numbers = launch.back(&numbers)?;
    Ok(Some(numbers.as_chunks::<2>().0.to_vec()))
}

/// A kernel's run over the rows of a tile.
struct Launch {
    device: CudaDevice,
    rows: usize,
    width: usize,
}

impl Launch {
    fn of(tile: &DeviceTile) -> Result<Option<Self>> {
        let Device::Cuda(device) = tile.logits.device() else {
            return Ok(None);
        };
        let (rows, width) = (tile.rows()?, tile.width()?);
        let device = device.clone();
        Ok((width <= LONGEST).then_some(Self { device, rows, width }))
    }

    /// One block of threads a row, with so many numbers that they share.
    fn config(&self, shared: usize) -> LaunchConfig {
        LaunchConfig {
            grid_dim: (self.rows as u32, 1, 1),
            block_dim: (THREADS, 1, 1),
            shared_mem_bytes: (shared * size_of::<f32>()) as u32,
        }
    }

    fn room<T: DeviceRepr + ValidAsZeroBits>(&self, len: usize) -> Result<CudaSlice<T>> {
        Ok(self.device.alloc_zeros(len)?)
    }

    fn sent<T: DeviceRepr + 'static>(&self, values: Vec<T>) -> Result<CudaSlice<T>> {
        Ok(self.device.clone_htod(&values)?)
    }

    fn back<T: DeviceRepr>(&self, values: &CudaSlice<T>) -> Result<Vec<T>> {
        Ok(self.device.clone_dtoh(values)?)
    }

    /// Hands `run` the numbers of a tensor that lies row after row.
    fn with_logits(
        &self,
        tensor: &Tensor,
        run: impl FnOnce(&CudaView<f32>) -> candle_core::Result<()>,
    ) -> Result<()> {
        let tensor = tensor.contiguous()?;
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else {
            unreachable!("the tensor's device was looked at");
        };
        let start = layout.start_offset();
        let numbers = storage.as_cuda_slice::<f32>()?;
        Ok(run(&numbers.slice(start..start + tensor.elem_count()))?)
    }
}
