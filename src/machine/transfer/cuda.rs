//! To a CUDA device, through memory that the system keeps in its place.
//!
//! A copy from any other memory is one core's work, and waits for what the device was told to do before. From this
//! memory it is the device's own, on a stream of its own, while cores fill the next buffer and the device computes.
#![expect(unsafe_code, reason = "the driver's memory")]

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::driver::{
    CudaEvent, CudaStream, CudaViewMut, DriverError, PinnedHostSlice,
};
use candle_core::cuda_backend::{CudaDevice, CudaStorage, CudaStorageSlice, DeviceId, WrapErr};
use candle_core::{CpuStorage, DType, Device, InplaceOp1, Layout, Result, Tensor, bail};

use super::{Fill, PIECE, fill_pieces};

/// What is on its way at a time.
const BUFFER: usize = 32 * PIECE;
const BUFFERS: usize = 3;

/// The way to each device that something was uploaded to. Its buffers are dear to make, and made once.
static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());

/// A tensor on a CUDA device whose bytes `fill` writes.
pub fn upload(dtype: DType, shape: &[usize], device: &Device, fill: &Fill) -> Result<Tensor> {
    let tensor = Tensor::zeros(shape, dtype, device)?;
    tensor.inplace_op1(&Filled(fill))?;
    Ok(tensor)
}

/// A tensor's bytes, written from this machine.
struct Filled<'a>(&'a Fill<'a>);

impl InplaceOp1 for Filled<'_> {
    fn name(&self) -> &'static str {
        "upload"
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> Result<()> {
        bail!("an upload to a CUDA device was given a tensor of the CPU")
    }

    fn cuda_fwd(&self, storage: &mut CudaStorage, _: &Layout) -> Result<()> {
        let device = storage.device().clone();
        let bytes = bytes_of(storage)?;
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        let line = match lines.iter().position(|line| line.device == device.id()) {
            Some(nth) => &mut lines[nth],
            None => {
                lines.push(Line::new(&device).w()?);
                lines.last_mut().expect("one was pushed")
            }
        };
        line.send(bytes, self.0).w()
    }
}

/// The memory of a tensor as bytes.
fn bytes_of(storage: &mut CudaStorage) -> Result<CudaViewMut<'_, u8>> {
    macro_rules! bytes {
        ($slice:expr) => {{
            let size = $slice.num_bytes();
            // SAFETY: any bytes are numbers of the types below, and so many bytes are the whole slice.
            unsafe { $slice.transmute_mut::<u8>(size) }
        }};
    }
    let bytes = match &mut storage.slice {
        CudaStorageSlice::F32(slice) => bytes!(slice),
        CudaStorageSlice::BF16(slice) => bytes!(slice),
        CudaStorageSlice::F16(slice) => bytes!(slice),
        _ => None,
    };
    match bytes {
        Some(bytes) => Ok(bytes),
        None => bail!("an upload to a CUDA device was given a tensor of another type"),
    }
}

/// The way to one device.
struct Line {
    device: DeviceId,
    stream: Arc<CudaStream>,
    buffers: Vec<Buffer>,
    next: usize,
}

/// Memory that is filled here and emptied by the device.
struct Buffer {
    memory: PinnedHostSlice<u8>,
    /// When the device will have taken what was written last.
    taken: Option<CudaEvent>,
}

impl Line {
    fn new(device: &CudaDevice) -> std::result::Result<Self, DriverError> {
        let context = device.cuda_stream().context().clone();
        let buffer = |_| {
            // SAFETY: what is sent of it was written before. Without the flag for combined writes, which makes
            // reading it slow, as the decoding of blocks may do.
            let memory = unsafe { context.alloc_pinned_with_flags(BUFFER, 0)? };
            Ok(Buffer { memory, taken: None })
        };
        Ok(Self {
            device: device.id(),
            stream: context.new_stream()?,
            buffers: (0..BUFFERS)
                .map(buffer)
                .collect::<std::result::Result<_, DriverError>>()?,
            next: 0,
        })
    }

    /// Writes what `fill` gives to `to`. Returns when all of it is written here; whatever uses `to` on the device
    /// waits there for the rest of the way.
    fn send(&mut self, mut to: CudaViewMut<u8>, fill: &Fill) -> std::result::Result<(), DriverError> {
        let size = to.len();
        for start in (0..size).step_by(BUFFER) {
            let end = size.min(start + BUFFER);
            let buffer = &mut self.buffers[self.next];
            self.next = (self.next + 1) % BUFFERS;
            if let Some(taken) = buffer.taken.take() {
                taken.synchronize()?;
            }
            let bytes = &mut buffer.memory.as_mut_slice()?[..end - start];
            fill_pieces(start, bytes, fill);
            self.stream.memcpy_htod(&*bytes, &mut to.slice_mut(start..end))?;
            buffer.taken = Some(self.stream.record_event(None)?);
        }
        Ok(())
    }
}
