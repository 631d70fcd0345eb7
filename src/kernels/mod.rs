//! Arithmetic on slices of float32, on the CPU; and products by tensors, for elsewhere.
//!
//! Each kernel is written once and compiled for several instruction sets; which one runs is
//! decided on the machine that it runs on, so an ordinary release build is the fast one.

pub mod attention;
mod columns;
pub mod math;
pub mod panel;
pub mod product;
mod skinny;
pub mod tensors;

use candle_core::{Storage, Tensor, WithDType, bail};

/// Gives `f` the elements of a tensor on the CPU, row-major, where they lie.
///
/// # Errors
/// A tensor of another device or of another type.
pub fn with_slice<T: WithDType, R>(tensor: &Tensor, f: impl FnOnce(&[T]) -> R) -> candle_core::Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(storage), Some((start, end))) => Ok(f(&storage.as_slice::<T>()?[start..end])),
        _ => bail!("a kernel of the CPU was given a tensor of another device"),
    }
}

/// A pointer that threads share, each writing elements of its own.
#[derive(Clone, Copy)]
pub struct Target(*mut f32);

// SAFETY: those who write through a target vouch for writing disjoint elements.
#[expect(unsafe_code, reason = "a pointer says nothing of who may have it")]
unsafe impl Send for Target {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "a pointer says nothing of who may have it")]
unsafe impl Sync for Target {}

impl Target {
    /// The elements of `slice`, for threads to share.
    pub fn new(slice: &mut [f32]) -> Self {
        Self(slice.as_mut_ptr())
    }

    /// The pointer `offset` elements on.
    pub fn at(self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
}
