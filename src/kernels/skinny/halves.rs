//! Weights of 16 bits, widened by the load itself.
//!
//! The portable layer has no such load: each instruction set has its own here. bfloat16 is float32's upper half;
//! float16 is converted by the machine, exactly.

use pulp::Simd;

use super::load::{Load, Source};
use super::{Job, Weights};
use crate::kernels::panel::Stored;
use crate::weights::DType;

/// Makes the product, if its weights are 16 bits and this machine can load them so; else gives it back.
pub fn run(job: Job) -> Option<Job> {
    let Weights::Stored(stored) = job.panel.weights else {
        return Some(job);
    };
    match stored.exact() {
        Some((DType::Bf16, bytes)) => machine::run(job, Half::<{ BFLOAT16 }> { bytes, stored }),
        Some((DType::F16, bytes)) => machine::run(job, Half::<{ FLOAT16 }> { bytes, stored }),
        _ => Some(job),
    }
}

const BFLOAT16: bool = true;
const FLOAT16: bool = false;

/// Weights of 16 bits: bfloat16, or float16.
#[derive(Clone, Copy)]
struct Half<'a, const BFLOAT: bool> {
    bytes: &'a [u8],
    stored: Stored<'a>,
}

/// A stretch of them.
#[derive(Clone, Copy)]
struct Words<const BFLOAT: bool>(*const u8);

/// An instruction set that widens 16 bits as it loads them.
trait Widening: Simd {
    /// As many numbers from `at` on as fill a register.
    ///
    /// # Safety
    /// They must be there.
    unsafe fn load<const BFLOAT: bool>(self, at: *const u8) -> Self::f32s;
}

impl<S: Widening, const BFLOAT: bool> Source<S> for Half<'_, BFLOAT> {
    type Load = Words<BFLOAT>;

    #[inline(always)]
    fn stretches<const O: usize>(&mut self, starts: [usize; O], len: usize) -> [Words<BFLOAT>; O] {
        let mut loads = [Words(self.bytes.as_ptr()); O];
        for o in 0..O {
            loads[o] = Words(self.bytes[2 * starts[o]..2 * (starts[o] + len)].as_ptr());
        }
        loads
    }

    #[inline(always)]
    fn rest(&self, start: usize, len: usize) -> Vec<f32> {
        self.stored.values(start, len)
    }
}

impl<S: Widening, const BFLOAT: bool> Load<S> for Words<BFLOAT> {
    #[inline(always)]
    unsafe fn load(self, simd: S, at: usize) -> S::f32s {
        // SAFETY: the caller's.
        unsafe { simd.load::<BFLOAT>(self.0.add(2 * at)) }
    }
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use std::arch::x86_64::*;

    use pulp::x86::{V3, V4};
    use pulp::{Arch, cast};

    use super::{Half, Job, Widening};

    pub fn run<'a, const BFLOAT: bool>(job: Job<'a>, half: Half<BFLOAT>) -> Option<Job<'a>> {
        match Arch::new() {
            // SAFETY: the machine has V4's instructions, which are those that are enabled.
            Arch::V4(simd) => unsafe { v4(simd, &job, half) },
            // SAFETY: the same of V3, and of F16C.
            Arch::V3(simd) if is_x86_feature_detected!("f16c") => unsafe { v3(simd, &job, half) },
            _ => return Some(job),
        }
        None
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    fn v4<const BFLOAT: bool>(simd: V4, job: &Job, half: Half<BFLOAT>) {
        job.run(simd, half);
    }

    #[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
    fn v3<const BFLOAT: bool>(simd: V3, job: &Job, half: Half<BFLOAT>) {
        job.run(simd, half);
    }

    impl Widening for V4 {
        #[inline(always)]
        unsafe fn load<const BFLOAT: bool>(self, at: *const u8) -> Self::f32s {
            // SAFETY: the caller's; the instructions are V4's.
            unsafe {
                let words = _mm256_loadu_si256(at.cast());
                cast(match BFLOAT {
                    true => _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(words))),
                    false => _mm512_cvtph_ps(words),
                })
            }
        }
    }

    impl Widening for V3 {
        #[inline(always)]
        unsafe fn load<const BFLOAT: bool>(self, at: *const u8) -> Self::f32s {
            // SAFETY: the caller's; the instructions are V3's and F16C's, which `run` has asked for.
            unsafe {
                let words = _mm_loadu_si128(at.cast());
                cast(match BFLOAT {
                    true => _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(words))),
                    false => _mm256_cvtph_ps(words),
                })
            }
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use std::arch::aarch64::*;
    use std::arch::asm;

    use pulp::aarch64::Neon;
    use pulp::{Arch, cast};

    use super::{Half, Job, Widening};

    pub fn run<'a, const BFLOAT: bool>(job: Job<'a>, half: Half<BFLOAT>) -> Option<Job<'a>> {
        match Arch::new() {
            // SAFETY: the machine has these instructions.
            Arch::Neon(simd) => unsafe { neon(simd, &job, half) },
            _ => return Some(job),
        }
        None
    }

    #[target_feature(enable = "neon")]
    fn neon<const BFLOAT: bool>(simd: Neon, job: &Job, half: Half<BFLOAT>) {
        job.run(simd, half);
    }

    impl Widening for Neon {
        #[inline(always)]
        unsafe fn load<const BFLOAT: bool>(self, at: *const u8) -> Self::f32s {
            // SAFETY: the caller's; the instructions are those of every machine with NEON.
            unsafe {
                let words = at.cast::<uint16x4_t>().read_unaligned();
                cast(match BFLOAT {
                    true => vreinterpretq_f32_u32(vshll_n_u16::<16>(words)),
                    false => {
                        // The intrinsic's type is not stable yet.
                        let wide: float32x4_t;
                        asm!("fcvtl {:v}.4s, {:v}.4h", out(vreg) wide, in(vreg) words,
                             options(pure, nomem, nostack, preserves_flags));
                        wide
                    }
                })
            }
        }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod machine {
    pub fn run<'a, const BFLOAT: bool>(
        job: super::Job<'a>,
        _: super::Half<BFLOAT>,
    ) -> Option<super::Job<'a>> {
        Some(job)
    }
}
