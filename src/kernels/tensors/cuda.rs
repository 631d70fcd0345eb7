//! bfloat16 weights times float32 rows on a CUDA device, at the speed of its matrix units and as exact as in float32.
//!
//! A float32 has 24 significant bits: it is the sum of three bfloat16s of 8 bits each. Their products with a weight
//! are exact and summed in float32, so that three products on the units for 16 bits, which are many times as fast as
//! those for 32, take the place of one in float32 (the split of Henry, Tang and Heinecke 2019, whose weights are
//! split too). Weights stay as they are stored: half the memory.
#![expect(unsafe_code, reason = "cuBLAS takes pointers")]

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::cublas::{result, sys};
use candle_core::cuda_backend::cudarc::driver::{DevicePtr, DevicePtrMut};
use candle_core::cuda_backend::{CudaStorage, CudaStorageSlice, WrapErr};
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};
use half::bf16;

use crate::kernels::product::ranges;

/// The parts of a float32.
const PARTS: usize = 3;
/// So many terms of the largest part's sums are added by the matrix units, which cut off what does not fit where
/// float32 rounds: of thousands of terms the last digits would be too small.
const TERMS: usize = 512;

/// `x` `[rows, inputs]` times `weight` `[inputs, outputs]`, `[rows, outputs]` in float32.
pub fn product(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let parts = split(x)?;
    match weight.is_contiguous() {
        true => parts.apply_op2_no_bwd(weight, &Product { turned: false }),
        false => parts.apply_op2_no_bwd(&weight.t()?.contiguous()?, &Product { turned: true }),
    }
}

/// `[parts, rows, inputs]` in bfloat16, whose sum over the parts is `x`; the smallest part first.
fn split(x: &Tensor) -> Result<Tensor> {
    let mut rest = x.clone();
    let mut parts = Vec::with_capacity(PARTS);
    for nth in 0..PARTS {
        let part = rest.to_dtype(DType::BF16)?;
        if nth + 1 < PARTS {
            rest = (rest - part.to_dtype(DType::F32)?)?;
        }
        parts.push(part);
    }
    parts.reverse();
    Tensor::stack(&parts, 0)
}

/// Parts `[parts, rows, inputs]` times a weight.
struct Product {
    /// Whether the weight is `[outputs, inputs]`, not `[inputs, outputs]`.
    turned: bool,
}

impl CustomOp2 for Product {
    fn name(&self) -> &'static str {
        "product of parts"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        bail!("a product on a CUDA device was given tensors of the CPU")
    }

    fn cuda_fwd(
        &self,
        parts: &CudaStorage,
        of_parts: &Layout,
        weight: &CudaStorage,
        of_weight: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = parts.device().clone();
        let (_, rows, inputs) = of_parts.shape().dims3()?;
        let (first, second) = of_weight.shape().dims2()?;
        let outputs = if self.turned { first } else { second };
        let parts = parts.as_cuda_slice::<bf16>()?.slice(of_parts.start_offset()..);
        let weight = weight.as_cuda_slice::<bf16>()?.slice(of_weight.start_offset()..);
        let mut sums = device.alloc_zeros::<f32>(rows * outputs)?;
        {
            let stream = device.cuda_stream();
            let (parts, _parts) = parts.device_ptr(&stream);
            let (weight, _weight) = weight.device_ptr(&stream);
            let (sums, _sums) = sums.device_ptr_mut(&stream);
            let (turn, lead) = match self.turned {
                true => (sys::cublasOperation_t::CUBLAS_OP_T, inputs),
                false => (sys::cublasOperation_t::CUBLAS_OP_N, outputs),
            };
            let one = 1f32;
            let stretches = (0..PARTS).flat_map(|nth| {
                let terms = if nth + 1 == PARTS { TERMS } else { inputs };
                ranges(inputs, terms).map(move |terms| (nth, terms))
            });
            for (nth, terms) in stretches {
                let part = nth * rows * inputs + terms.start;
                let of_weight = match self.turned {
                    true => terms.start,
                    false => terms.start * outputs,
                };
                let [part, weight] = [(parts, part), (weight, of_weight)]
                    .map(|(start, numbers)| start + (numbers * size_of::<bf16>()) as u64);
                // Columns first, as cuBLAS has it, the sums are [outputs, rows] and a part is [inputs, rows].
                // SAFETY: from the pointers on there are so many numbers of their types, as the shapes above say.
                unsafe {
                    result::gemm_ex(
                        *device.cublas_handle().handle(),
                        turn,
                        sys::cublasOperation_t::CUBLAS_OP_N,
                        outputs as i32,
                        rows as i32,
                        terms.len() as i32,
                        (&raw const one).cast(),
                        weight as *const _,
                        sys::cudaDataType_t::CUDA_R_16BF,
                        lead as i32,
                        part as *const _,
                        sys::cudaDataType_t::CUDA_R_16BF,
                        inputs as i32,
                        (&raw const one).cast(),
                        sums as *mut _,
                        sys::cudaDataType_t::CUDA_R_32F,
                        outputs as i32,
                        sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
                        sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
                    )
                }
                .w()?;
            }
        }
        let slice = CudaStorageSlice::F32(sums);
        Ok((CudaStorage { slice, device }, Shape::from((rows, outputs))))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// In both layouts, with a last stretch that is short.
    #[test]
    fn a_split_row_is_as_exact_as_float32() {
        let device = Device::new_cuda(0).unwrap();
        let (rows, inputs, outputs) = (5, 3 * TERMS + 40, 70);
        let x = Tensor::randn(0f32, 1., (rows, inputs), &device).unwrap();
        let stored = Tensor::randn(0f32, 0.02, (outputs, inputs), &device).unwrap();
        let stored = stored.to_dtype(DType::BF16).unwrap();
        let turned = stored.t().unwrap();
        let exact = |t: &Tensor| t.to_device(&Device::Cpu).unwrap().to_dtype(DType::F64).unwrap();
        let expected = exact(&x).matmul(&exact(&turned.contiguous().unwrap())).unwrap();
        for weight in [turned.clone(), turned.contiguous().unwrap()] {
            let found = exact(&product(&x, &weight).unwrap());
            let off = (found - &expected).unwrap().abs().unwrap().max_all().unwrap();
            // Sums of 1576 terms that are 0.02 each: float32's own are up to 3e-6 off.
            assert!(off.to_scalar::<f64>().unwrap() < 5e-6);
        }
    }
}
