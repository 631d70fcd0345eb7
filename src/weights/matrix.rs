//! Weight matrices and vectors: a view of the file and what it means.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType as CandleDType, Device, Tensor};

use super::view::View;
use crate::error::Result;

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

    /// A copy of the outputs `range` on `device` as `[inputs, range]`, in the type that products
    /// with `x` are made in: float64 if that is what `x` is, else float32 or the type that
    /// `--dtype` names.
    pub fn upload(&self, range: Range<usize>, x: &Tensor) -> Result<Tensor> {
        let device = x.device();
        let tensor = match (self.layout, self.view.dtype().candle()) {
            (Layout::OutIn, None) => {
                let part = self.view.f32s(range.start * self.inputs..range.end * self.inputs);
                Tensor::from_vec(part.into_owned(), (range.len(), self.inputs), device)?.t()?
            }
            (Layout::InOut, None) => {
                let all = self.view.f32s(0..self.view.len());
                Tensor::from_vec(all.into_owned(), self.view.shape(), device)?.narrow(
                    1,
                    range.start,
                    range.len(),
                )?
            }
            (Layout::OutIn, Some(stored)) => {
                let bytes = self.view.bytes();
                let row = bytes.len() / self.outputs;
                let part = &bytes[range.start * row..range.end * row];
                Tensor::from_raw_buffer(part, stored, &[range.len(), self.inputs], device)?.t()?
            }
            (Layout::InOut, Some(stored)) => {
                Tensor::from_raw_buffer(self.view.bytes(), stored, self.view.shape(), device)?.narrow(
                    1,
                    range.start,
                    range.len(),
                )?
            }
        };
        let rounded = match self.view.rounding().and_then(|dtype| dtype.candle()) {
            Some(rounded) => tensor.to_dtype(rounded)?,
            None => tensor,
        };
        let wanted = match x.dtype() {
            CandleDType::F64 => CandleDType::F64,
            _ => self.view.multiplied_in().candle().unwrap_or(CandleDType::F32),
        };
        Ok(rounded.to_dtype(wanted)?)
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
