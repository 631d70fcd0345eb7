//! Weight matrices and vectors: a view of the file and what it means.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType as CandleDType, Device, Tensor};

use super::view::View;
use crate::error::Result;
use crate::machine::transfer::upload;

/// How a matrix lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[out, in]`, as `torch.nn.Linear` and embeddings have it.
    OutIn,
    /// `[in, out]`, as GPT-2's `Conv1D` has it.
    InOut,
}

/// A weight matrix that maps rows of `inputs` numbers to rows of `outputs` numbers.
#[derive(Debug, Clone)]
pub struct Matrix {
    view: View,
    inputs: usize,
    outputs: usize,
    layout: Layout,
    brought: Brought,
}

impl Matrix {
    pub(crate) fn new(view: View, shape: [usize; 2], layout: Layout) -> Self {
        let [outputs, inputs] = match layout {
            Layout::OutIn => shape,
            Layout::InOut => [shape[1], shape[0]],
        };
        Self {
            view,
            inputs,
            outputs,
            layout,
            brought: Brought::default(),
        }
    }

    /// The length of a row that goes in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The length of a row that comes out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// How the matrix lies in the file.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Where the matrix lies in the file.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The rows `ids` of an `[out, in]` matrix as `[ids, inputs]`, float32: an embedding lookup.
    pub fn rows(&self, ids: &[u32], device: &Device) -> Result<Tensor> {
        let mut out = vec![0.; ids.len() * self.inputs];
        for (&id, row) in ids.iter().zip(out.chunks_exact_mut(self.inputs)) {
            self.view.widen(id as usize * self.inputs, row);
        }
        Ok(Tensor::from_vec(out, (ids.len(), self.inputs), device)?)
    }

    /// The row `id` of an `[out, in]` matrix, float32.
    pub fn row(&self, id: u32) -> Cow<'_, [f32]> {
        let start = id as usize * self.inputs;
        self.view.f32s(start..start + self.inputs)
    }

    /// Brings the whole matrix to `device`, for the next [`Matrix::upload`] to find it there: the way to another
    /// device than the CPU is long, and what was told to compute goes on meanwhile.
    ///
    /// # Errors
    /// The device's.
    pub fn bring(&self, device: &Device) -> Result<()> {
        if !device.is_cpu() {
            let brought = self.rows_on(0..self.view.shape()[0], device)?;
            *self.brought.slot() = Some(brought);
        }
        Ok(())
    }

    /// A copy of the outputs `range` on `device`, as they lie in the file: `[range, inputs]` or `[inputs, range]`. In
    /// the type that `--dtype` names, or the file's where tensors have that, or float32.
    ///
    /// # Errors
    /// The device's.
    pub fn upload(&self, range: Range<usize>, device: &Device) -> Result<Tensor> {
        let brought = self.brought.slot().take();
        let brought = brought.filter(|tensor| tensor.device().same_device(device));
        let (rows, columns) = match self.layout {
            Layout::OutIn => (range, 0..self.inputs),
            Layout::InOut => (0..self.inputs, range),
        };
        let rows = match brought {
            Some(all) => all.narrow(0, rows.start, rows.len())?,
            None => self.rows_on(rows, device)?,
        };
        let part = rows.narrow(1, columns.start, columns.len())?;
        match self.view.rounding().and_then(|dtype| dtype.candle()) {
            Some(rounded) => Ok(part.to_dtype(rounded)?),
            None => Ok(part),
        }
    }

    /// The rows `range` of the matrix as it lies in the file, in the file's type where tensors have that, else in
    /// float32.
    fn rows_on(&self, range: Range<usize>, device: &Device) -> Result<Tensor> {
        let row = self.view.shape()[1];
        let shape = [range.len(), row];
        let Some(stored) = self.view.dtype().candle() else {
            let widen = |place: usize, bytes: &mut [u8]| {
                let first = range.start * row + place / size_of::<f32>();
                self.view.widen_to(first, bytes);
            };
            return upload(CandleDType::F32, &shape, device, &widen);
        };
        let size = stored.size_in_bytes();
        let bytes = &self.view.bytes()[range.start * row * size..range.end * row * size];
        match device {
            Device::Cuda(_) => upload(stored, &shape, device, &|place, out| {
                out.copy_from_slice(&bytes[place..place + out.len()]);
            }),
            _ => Ok(Tensor::from_raw_buffer(bytes, stored, &shape, device)?),
        }
    }
}

/// A matrix on its way to a device, which clones share.
#[derive(Debug, Clone, Default)]
struct Brought(Arc<Mutex<Option<Tensor>>>);

impl Brought {
    fn slot(&self) -> MutexGuard<'_, Option<Tensor>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A vector of parameters.
#[derive(Debug, Clone)]
pub enum Vector {
    /// As the file has it.
    Stored(View),
    /// Made of what the file has.
    Made(Arc<[f32]>),
}

impl Vector {
    /// The whole vector as float32.
    pub fn values(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Stored(view) => view.f32s(0..view.len()),
            Self::Made(values) => Cow::Borrowed(values),
        }
    }

    /// 1 + the vector: what a norm multiplies by whose file holds the distance from one.
    pub fn plus_one(&self) -> Self {
        Self::Made(self.values().iter().map(|w| 1. + w).collect())
    }

    /// The vectors one after another.
    pub fn joined(vectors: &[Self]) -> Self {
        Self::Made(vectors.iter().flat_map(|v| v.values().into_owned()).collect())
    }

    /// The whole vector on the device and in the type of `x`.
    pub fn like(&self, x: &Tensor) -> Result<Tensor> {
        let values = self.values().into_owned();
        let len = values.len();
        Ok(Tensor::from_vec(values, len, x.device())?.to_dtype(x.dtype())?)
    }
}
