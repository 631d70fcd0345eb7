//! A few outputs of a weight matrix, ready to be multiplied.

use std::ops::Range;

use crate::weights::{DType, Layout, Matrix, View};

/// Up to this many rows are few: from here on a general product is as fast as one made for them.
pub const FEW: usize = 48;

/// Some outputs of a matrix.
pub struct Panel<'a> {
    pub weights: Weights<'a>,
    pub inputs: usize,
    /// The number of outputs.
    pub width: usize,
    /// Elements from one output to the next, and from one input to the next.
    pub out_stride: usize,
    pub in_stride: usize,
}

/// A panel's numbers.
#[derive(Clone, Copy)]
pub enum Weights<'a> {
    /// As float32: where they lie, or widened.
    F32(&'a [f32]),
    /// As the file has them, output after output, in whatever type.
    Stored(Stored<'a>),
}

/// A tensor from one of its elements on, as the file has it.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    view: &'a View,
    first: usize,
}

impl<'a> Stored<'a> {
    /// The type and the bytes, where every number is exactly what they say.
    pub fn exact(&self) -> Option<(DType, &'a [u8])> {
        let (dtype, bytes) = self.view.exact()?;
        Some((dtype, &bytes[dtype.bytes_of(self.first)?..]))
    }

    /// Writes the elements from `start` on as float32. Of blocks whole ones.
    pub fn widen(&self, start: usize, out: &mut [f32]) {
        self.view.widen(self.first + start, out);
    }

    /// The `len` elements from `start` on as float32. Of blocks whole ones.
    pub fn values(&self, start: usize, len: usize) -> Vec<f32> {
        let mut values = vec![0.; len];
        self.widen(start, &mut values);
        values
    }
}

impl<'a> Panel<'a> {
    /// The outputs `range` of the matrix for products of up to `rows` rows: where they lie, or widened into
    /// `buffer`.
    pub fn new(matrix: &'a Matrix, range: Range<usize>, rows: usize, buffer: &'a mut Vec<f32>) -> Self {
        let (inputs, outputs, width) = (matrix.inputs(), matrix.outputs(), range.len());
        let view = matrix.view();
        let first = range.start * inputs;
        let (weights, out_stride, in_stride) = match (matrix.layout(), view.as_f32()) {
            (Layout::OutIn, Some(all)) => (Weights::F32(&all[first..range.end * inputs]), inputs, 1),
            (Layout::InOut, Some(all)) => (Weights::F32(&all[range.start..]), 1, outputs),
            (Layout::OutIn, None) if rows <= FEW => (Weights::Stored(Stored { view, first }), inputs, 1),
            (Layout::OutIn, None) => {
                buffer.resize(width * inputs, 0.);
                view.widen(first, buffer);
                (Weights::F32(buffer), inputs, 1)
            }
            (Layout::InOut, None) => {
                buffer.resize(width * inputs, 0.);
                for (i, row) in buffer.chunks_exact_mut(width).enumerate() {
                    view.widen(i * outputs + range.start, row);
                }
                (Weights::F32(buffer), 1, width)
            }
        };
        Self {
            weights,
            inputs,
            width,
            out_stride,
            in_stride,
        }
    }
}
