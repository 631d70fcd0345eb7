//! The numbers of blocks, in float32 exactly as ggml's `dequantize_row_*` and gguf-py have them: where a product has
//! more than one factor all but the last rounding are exact.

#![expect(
    clippy::needless_range_loop,
    reason = "loops are compiled in place, with the instruction set that is meant; what iterators call may not be"
)]

use std::hint::black_box;

use super::BlockType::{self, *};
use crate::machine::simd::vectorised;

impl BlockType {
    /// Writes the numbers of whole blocks to `out`.
    pub fn decode(self, bytes: &[u8], out: &mut [f32]) {
        /// Takes one block after another. The widest instruction set does not reach a function that is handed over.
        macro_rules! each {
            ($decode:ident) => {{
                let (blocks, outs) = (bytes.as_chunks().0, out.as_chunks_mut().0);
                vectorised(
                    #[inline(always)]
                    || {
                        let blocks = &blocks[..outs.len()];
                        for i in 0..outs.len() {
                            $decode(&blocks[i], &mut outs[i]);
                        }
                    },
                )
            }};
        }
        match self {
            Q4_0 => each!(q4_0),
            Q4_1 => each!(q4_1),
            Q5_0 => each!(q5_0),
            Q5_1 => each!(q5_1),
            Q8_0 => each!(q8_0),
            Q2K => each!(q2k),
            Q3K => each!(q3k),
            Q4K => each!(q4k),
            Q5K => each!(q5k),
            Q6K => each!(q6k),
            Iq4Nl => each!(iq4nl),
            Iq4Xs => each!(iq4xs),
            Mxfp4 => each!(mxfp4),
        }
    }
}

/// The levels of IQ4.
const IQ4: [f32; 16] = [
    -127., -104., -83., -65., -49., -35., -22., -10., 1., 13., 25., 38., 53., 69., 89., 113.,
];
/// The values of a four-bit float (OCP Microscaling, E2M1).
const FP4: [f32; 16] = [
    0., 0.5, 1., 1.5, 2., 3., 4., 6., -0., -0.5, -1., -1.5, -2., -3., -4., -6.,
];

/// The float16 that lies there. The exponent of its leading bits, as a float32's, is 112 too low: also of what is
/// below the normal ones.
#[inline(always)]
fn half(block: &[u8], at: usize) -> f32 {
    let bits = u32::from(u16::from_le_bytes([block[at], block[at + 1]]));
    let (sign, magnitude) = ((bits & 0x8000) << 16, (bits & 0x7fff) << 13);
    let number = f32::from_bits(magnitude) * f32::from_bits((127 + 112) << 23);
    let number = match magnitude >= 0x7c00 << 13 {
        true => magnitude | 0x7f80_0000,
        false => number.to_bits(),
    };
    f32::from_bits(number | sign)
}

/// 2^(e − 127), of the smallest too, and NaN for 255 (OCP Microscaling, E8M0).
#[inline(always)]
fn power(e: u8) -> f32 {
    match e {
        0 => f32::from_bits(0x0040_0000),
        255 => f32::NAN,
        e => f32::from_bits((e as u32) << 23),
    }
}

/// The four bits of each of 16 bytes: the low halves, then the high ones.
#[inline(always)]
fn nibbles(bytes: &[u8], out: &mut [f32; 32], value: impl Fn(usize, u8) -> f32) {
    let (mut both, bytes) = ([0; 32], chunk::<16>(bytes, 0));
    for i in 0..16 {
        both[i] = bytes[i] & 15;
        both[16 + i] = bytes[i] >> 4;
    }
    // In memory: what is taken from registers one by one is not vectorised.
    let both = black_box(&mut both);
    for i in 0..32 {
        out[i] = value(i, both[i]);
    }
}

/// The same of five bits, the fifth in a bit set.
#[inline(always)]
fn fives(bits: &[u8], bytes: &[u8], out: &mut [f32; 32], value: impl Fn(f32) -> f32) {
    let bits = u32::from_le_bytes(*chunk(bits, 0));
    nibbles(bytes, out, |i, q| {
        value((u32::from(q) | (bits >> i & 1) << 4) as f32)
    });
}

#[inline(always)]
fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let d = half(block, 0);
    nibbles(&block[2..], out, |_, q| d * (q as f32 - 8.));
}

#[inline(always)]
fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let (d, m) = (half(block, 0), half(block, 2));
    nibbles(&block[4..], out, |_, q| d * q as f32 + m);
}

#[inline(always)]
fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let d = half(block, 0);
    fives(&block[2..], &block[6..], out, |q| d * (q - 16.));
}

#[inline(always)]
fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let (d, m) = (half(block, 0), half(block, 2));
    fives(&block[4..], &block[8..], out, |q| d * q + m);
}

#[inline(always)]
fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let (d, bytes) = (half(block, 0), &block[2..]);
    for i in 0..32 {
        out[i] = d * bytes[i] as i8 as f32;
    }
}

#[inline(always)]
fn iq4nl(block: &[u8; 18], out: &mut [f32; 32]) {
    let d = half(block, 0);
    nibbles(&block[2..], out, |_, q| d * IQ4[q as usize & 15]);
}

#[inline(always)]
fn mxfp4(block: &[u8; 17], out: &mut [f32; 32]) {
    let d = power(block[0]);
    nibbles(&block[1..], out, |_, q| d * FP4[q as usize & 15]);
}

/// Of 256 numbers eight stretches of 32.
#[inline(always)]
fn stretches(out: &mut [f32; 256]) -> &mut [[f32; 32]] {
    out.as_chunks_mut().0
}

#[inline(always)]
fn q2k(block: &[u8; 84], out: &mut [f32; 256]) {
    let (d, min) = (half(block, 80), half(block, 82));
    let outs = stretches(out);
    for i in 0..8 {
        let out = &mut outs[i];
        // 128 numbers lie in 32 bytes, two bits each; 16 share a scale and a minimum.
        let (bytes, shift) = (chunk::<32>(block, 16 + i / 4 * 32), i % 4 * 2);
        let (first, second) = (block[2 * i], block[2 * i + 1]);
        let d = twice([d * (first & 15) as f32, d * (second & 15) as f32]);
        let m = twice([min * (first >> 4) as f32, min * (second >> 4) as f32]);
        for j in 0..32 {
            out[j] = d[j] * (bytes[j] >> shift & 3) as f32 - m[j];
        }
    }
}

/// A number for each half of a stretch.
#[inline(always)]
fn twice([first, second]: [f32; 2]) -> [f32; 32] {
    let mut both = [first; 32];
    for number in &mut both[16..] {
        *number = second;
    }
    both
}

#[inline(always)]
fn q3k(block: &[u8; 110], out: &mut [f32; 256]) {
    let (high, packed) = (chunk::<32>(block, 0), &block[96..108]);
    let d = half(block, 108);
    let scale = |at: usize| {
        // Six bits: four in the first eight bytes, two in the last four.
        let low = packed[at % 8] >> (at / 8 * 4) & 15;
        let top = packed[8 + at % 4] >> (at / 4 * 2) & 3;
        d * ((low | top << 4) as f32 - 32.)
    };
    let outs = stretches(out);
    for i in 0..8 {
        let out = &mut outs[i];
        // As Q2_K's, and a third bit of which each byte has one for each stretch.
        let (bytes, shift) = (chunk::<32>(block, 32 + i / 4 * 32), i % 4 * 2);
        let d = twice([scale(2 * i), scale(2 * i + 1)]);
        for j in 0..32 {
            let q = bytes[j] >> shift & 3 | (high[j] >> i & 1) << 2;
            out[j] = d[j] * (q as f32 - 4.);
        }
    }
}

/// `N` bytes from `at` on.
#[inline(always)]
fn chunk<const N: usize>(block: &[u8], at: usize) -> &[u8; N] {
    match block[at..].first_chunk() {
        Some(chunk) => chunk,
        None => unreachable!("a block is longer"),
    }
}

/// The scale and the minimum of the `i`-th of eight stretches of Q4_K and Q5_K, six bits each.
#[inline(always)]
fn scale_and_min(packed: &[u8], i: usize) -> (f32, f32) {
    let (scale, min) = if i < 4 {
        (packed[i] & 63, packed[i + 4] & 63)
    } else {
        (
            packed[i + 4] & 15 | packed[i - 4] >> 6 << 4,
            packed[i + 4] >> 4 | packed[i] >> 6 << 4,
        )
    };
    (scale as f32, min as f32)
}

#[inline(always)]
fn q4k(block: &[u8; 144], out: &mut [f32; 256]) {
    let (d, min) = (half(block, 0), half(block, 2));
    let outs = stretches(out);
    for i in 0..8 {
        let out = &mut outs[i];
        let (scale, m) = scale_and_min(&block[4..16], i);
        let (d, m) = (d * scale, min * m);
        let (bytes, shift) = (chunk::<32>(block, 16 + i / 2 * 32), i % 2 * 4);
        for j in 0..32 {
            out[j] = d * (bytes[j] >> shift & 15) as f32 - m;
        }
    }
}

#[inline(always)]
fn q5k(block: &[u8; 176], out: &mut [f32; 256]) {
    let (d, min, high) = (half(block, 0), half(block, 2), chunk::<32>(block, 16));
    let outs = stretches(out);
    for i in 0..8 {
        let out = &mut outs[i];
        let (scale, m) = scale_and_min(&block[4..16], i);
        let (d, m) = (d * scale, min * m);
        let (bytes, shift) = (chunk::<32>(block, 48 + i / 2 * 32), i % 2 * 4);
        for j in 0..32 {
            let q = bytes[j] >> shift & 15 | (high[j] >> i & 1) << 4;
            out[j] = d * q as f32 - m;
        }
    }
}

#[inline(always)]
fn q6k(block: &[u8; 210], out: &mut [f32; 256]) {
    let d = half(block, 208);
    let scale = |at: usize| d * block[192 + at] as i8 as f32;
    let outs = stretches(out);
    for i in 0..8 {
        let out = &mut outs[i];
        // Of 128 numbers four stretches of 32: the low bits in 64 bytes, two high bits each in 32.
        let (whole, quarter) = (i / 4, i % 4);
        let low = chunk::<32>(block, whole * 64 + quarter % 2 * 32);
        let high = chunk::<32>(block, 128 + whole * 32);
        let d = twice([scale(2 * i), scale(2 * i + 1)]);
        for j in 0..32 {
            let q = low[j] >> (quarter / 2 * 4) & 15 | (high[j] >> (quarter * 2) & 3) << 4;
            out[j] = d[j] * (q as f32 - 32.);
        }
    }
}

#[inline(always)]
fn iq4xs(block: &[u8; 136], out: &mut [f32; 256]) {
    let d = half(block, 0);
    let high = u16::from_le_bytes([block[2], block[3]]);
    let outs = stretches(out);
    for i in 0..8 {
        let out = &mut outs[i];
        let low = block[4 + i / 2] >> (i % 2 * 4) & 15;
        let top = (high >> (2 * i) & 3) as u8;
        let d = d * ((low | top << 4) as f32 - 32.);
        nibbles(&block[8 + i * 16..], out, |_, q| d * IQ4[q as usize & 15]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_float16_is_itself() {
        for bits in 0..=u16::MAX {
            let (own, known) = (half(&bits.to_le_bytes(), 0), half::f16::from_bits(bits).to_f32());
            assert!(
                own == known && own.is_sign_negative() == known.is_sign_negative()
                    || own.is_nan() && known.is_nan()
            );
        }
    }
}
