//! Where a dot product's weights come from, and how so many of them as fill a register are loaded.

use pulp::Simd;

use super::ONCE;
use crate::kernels::panel::Stored;

/// Weights of a panel, by their places in it.
pub trait Source<S: Simd> {
    type Load: Load<S>;

    /// The `len` weights from each of these places on, ready to be loaded: until the next are asked for, and at
    /// most [`ONCE`].
    fn stretches<const O: usize>(&mut self, starts: [usize; O], len: usize) -> [Self::Load; O];

    /// The `len` weights from a place on, fewer than fill a register.
    fn rest(&self, start: usize, len: usize) -> Vec<f32>;
}

/// Weights that lie one after another.
pub trait Load<S: Simd>: Copy {
    /// The weights from the `at`-th on, as many as fill a register.
    ///
    /// # Safety
    /// There must be as many.
    unsafe fn load(self, simd: S, at: usize) -> S::f32s;
}

impl<S: Simd> Source<S> for &[f32] {
    type Load = *const f32;

    #[inline(always)]
    fn stretches<const O: usize>(&mut self, starts: [usize; O], len: usize) -> [*const f32; O] {
        let mut loads = [self.as_ptr(); O];
        for o in 0..O {
            loads[o] = self[starts[o]..starts[o] + len].as_ptr();
        }
        loads
    }

    #[inline(always)]
    fn rest(&self, start: usize, len: usize) -> Vec<f32> {
        self[start..start + len].to_vec()
    }
}

impl<S: Simd> Load<S> for *const f32 {
    #[inline(always)]
    unsafe fn load(self, _: S, at: usize) -> S::f32s {
        // SAFETY: the caller's; a register of float32 is any bits, and they may lie anywhere.
        unsafe { self.add(at).cast::<S::f32s>().read_unaligned() }
    }
}

/// Weights that are widened a stretch of a few outputs at a time: what is read next is in the first-level cache.
pub struct Stretches<'a> {
    stored: Stored<'a>,
    /// A stretch for each of a few outputs.
    buffer: Vec<f32>,
}

/// Outputs that are widened at a time, at most.
const OUTPUTS: usize = 4;

impl<'a> Stretches<'a> {
    /// Those of outputs of `inputs` weights each.
    pub fn new(stored: Stored<'a>, inputs: usize) -> Self {
        Self {
            stored,
            buffer: vec![0.; OUTPUTS * inputs.min(ONCE)],
        }
    }
}

impl<S: Simd> Source<S> for Stretches<'_> {
    type Load = *const f32;

    #[inline(always)]
    fn stretches<const O: usize>(&mut self, starts: [usize; O], len: usize) -> [*const f32; O] {
        for (o, start) in starts.into_iter().enumerate() {
            self.stored.widen(start, &mut self.buffer[o * len..][..len]);
        }
        let mut loads = [self.buffer.as_ptr(); O];
        for (o, load) in loads.iter_mut().enumerate() {
            *load = self.buffer[o * len..][..len].as_ptr();
        }
        loads
    }

    #[inline(always)]
    fn rest(&self, start: usize, len: usize) -> Vec<f32> {
        self.stored.values(start, len)
    }
}
