//! Products by tensors: what a GPU runs, and float64.

#[cfg(feature = "cuda")]
mod cuda;

/// Rows from which bfloat16 weights are worth splitting the rows for: fewer are multiplied in float32 while the next
/// weights are on their way.
const MANY: usize = 1024;

use std::ops::Range;

use candle_core::{DType, Tensor, WithDType};
use half::{bf16, f16};
use rayon::prelude::*;

use crate::error::Result;
use crate::weights::{Layout, Matrix};

/// Numbers that a thread widens at a time.
const STRETCH: usize = 1 << 14;

/// The outputs `range` of a matrix where `x` is, for products with it: `[inputs, range]`, in the type of `x` or in
/// one that products are as exact in.
pub fn weight(matrix: &Matrix, range: Range<usize>, x: &Tensor) -> Result<Tensor> {
    let part = matrix.upload(range, x.device())?;
    let part = held(&part, held_as(x, part.dtype()))?;
    match matrix.layout() {
        Layout::OutIn => Ok(part.t()?),
        Layout::InOut => Ok(part),
    }
}

/// The type that a weight of the type `stored` is held in, for products with `x`.
fn held_as(x: &Tensor, stored: DType) -> DType {
    let splits = cfg!(feature = "cuda") && x.device().is_cuda() && x.dims()[0] >= MANY;
    match (stored, x.dtype()) {
        (DType::BF16, DType::F32) if splits => stored,
        (_, dtype) => dtype,
    }
}

/// The weight in the type `dtype`. The step to float64 of what is on the CPU is made here: of all that candle does
/// for a run without a GPU it alone is long.
fn held(part: &Tensor, dtype: DType) -> Result<Tensor> {
    if !part.device().is_cpu() || dtype != DType::F64 {
        return Ok(part.to_dtype(dtype)?);
    }
    match part.dtype() {
        DType::F32 => widened::<f32>(part),
        DType::BF16 => widened::<bf16>(part),
        DType::F16 => widened::<f16>(part),
        _ => Ok(part.to_dtype(dtype)?),
    }
}

/// The same numbers in float64.
fn widened<T: WithDType + Into<f64>>(part: &Tensor) -> Result<Tensor> {
    let widen = |values: &[T]| {
        let mut wide = vec![0.; values.len()];
        let stretches = wide.par_chunks_mut(STRETCH).zip(values.par_chunks(STRETCH));
        stretches.for_each(|(wide, values)| {
            for (wide, &value) in wide.iter_mut().zip(values) {
                *wide = value.into();
            }
        });
        wide
    };
    let wide: Vec<f64> = super::with_slice(part, widen)?;
    Ok(Tensor::from_vec(wide, part.shape(), part.device())?)
}

/// `x` `[rows, inputs]` times what [`weight`] gave for it, `[rows, outputs]` in the type of `x`.
pub fn product(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if weight.dtype() != x.dtype() {
        return Ok(cuda::product(x, weight)?);
    }
    Ok(x.matmul(weight)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// Beside candle's own step to float64.
    #[test]
    fn every_stretch_is_widened_where_it_lies() {
        let values: Vec<f32> = (0..2 * STRETCH + 3).map(|i| i as f32 - 0.3).collect();
        let part = Tensor::new(values, &Device::Cpu).unwrap();
        for dtype in [DType::F32, DType::BF16, DType::F16] {
            let part = part.to_dtype(dtype).unwrap();
            let wide = |part: Tensor| part.to_vec1::<f64>().unwrap();
            assert_eq!(
                wide(held(&part, DType::F64).unwrap()),
                wide(part.to_dtype(DType::F64).unwrap()),
                "{dtype:?}"
            );
        }
    }
}
