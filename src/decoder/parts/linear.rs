//! `x · Wᵀ + b`, the part that all others are made of.

use candle_core::{DType, Tensor};

use crate::error::Result;
use crate::kernels::{product, tensors, with_slice};
use crate::weights::{Matrix, Vector};

/// A matrix with an optional bias.
///
/// Like every part of a decoder it has two forms. On the CPU, for float32, it works on slices with
/// kernels of its own, the matrix where it lies in the file. Elsewhere, and in float64, it is a few
/// of candle's operations: what a GPU runs, and what `--verify` compares with.
#[derive(Debug)]
pub struct Linear {
    pub weight: Matrix,
    pub bias: Option<Vector>,
}

impl Linear {
    /// `x` `[rows, inputs]` to `[rows, outputs]`.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        if on_slices(x) {
            map_rows(x, |x| self.rows(x))
        } else {
            self.tensor(x)
        }
    }

    /// `x` `[rows, inputs]` to `[rows, outputs]`, on slices.
    pub fn rows(&self, x: &[f32]) -> Vec<f32> {
        let bias = self.bias.as_ref().map(Vector::values);
        product::apply(&self.weight, bias.as_deref(), x, x.len() / self.weight.inputs())
    }

    /// `x` `[rows, inputs]` to `[rows, outputs]`, by tensors.
    pub fn tensor(&self, x: &Tensor) -> Result<Tensor> {
        let y = product_by_tensors(&self.weight, x)?;
        match &self.bias {
            Some(bias) => Ok(y.broadcast_add(&bias.like(x)?)?),
            None => Ok(y),
        }
    }
}

/// `x` `[rows, inputs]` times the whole matrix, uploaded for this product and forgotten: a lens
/// needs each matrix once.
pub fn product_by_tensors(matrix: &Matrix, x: &Tensor) -> Result<Tensor> {
    tensors::product(x, &tensors::weight(matrix, 0..matrix.outputs(), x)?)
}

/// `x` `[rows, inputs]` times the whole matrix, in the form that is at home where `x` is.
pub fn product(matrix: &Matrix, x: &Tensor) -> Result<Tensor> {
    if on_slices(x) {
        map_rows(x, |x| product::apply(matrix, None, x, x.len() / matrix.inputs()))
    } else {
        product_by_tensors(matrix, x)
    }
}

/// Whether a part works on slices here, or by tensors.
pub fn on_slices(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// Makes a tensor `[rows, width]` of what `f` makes of the elements of `x` `[rows, _]`.
pub fn map_rows(x: &Tensor, f: impl FnOnce(&[f32]) -> Vec<f32>) -> Result<Tensor> {
    let rows = x.dim(0)?;
    let y = with_slice(x, f)?;
    let width = y.len() / rows;
    Ok(Tensor::from_vec(y, (rows, width), x.device())?)
}

/// `x + y`.
pub fn add(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if !on_slices(x) {
        return Ok((x + y)?);
    }
    let sum = |x: &[f32], y: &[f32]| {
        let mut sum = x.to_vec();
        crate::kernels::math::zip_in_place(&mut sum, y, |x, y| x + y);
        sum
    };
    Ok(Tensor::from_vec(
        with_slice(x, |x| with_slice(y, |y| sum(x, y)))??,
        x.shape(),
        x.device(),
    )?)
}
