//! The block types of GGUF: a few numbers share a scale, and each is a few bits.
//!
//! Decoded in float32 exactly as ggml's `dequantize_row_*` and gguf-py have it: where a product has more than one
//! factor all but the last rounding are exact.

use half::f16;

/// How numbers are stored in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockType {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    Iq4Nl,
    Iq4Xs,
    Mxfp4,
}

use BlockType::*;

/// The types by GGUF's numbers, with their names, numbers in a block and bytes of it.
const TYPES: [(u32, BlockType, &str, usize, usize); 13] = [
    (2, Q4_0, "Q4_0", 32, 18),
    (3, Q4_1, "Q4_1", 32, 20),
    (6, Q5_0, "Q5_0", 32, 22),
    (7, Q5_1, "Q5_1", 32, 24),
    (8, Q8_0, "Q8_0", 32, 34),
    (10, Q2K, "Q2_K", 256, 84),
    (11, Q3K, "Q3_K", 256, 110),
    (12, Q4K, "Q4_K", 256, 144),
    (13, Q5K, "Q5_K", 256, 176),
    (14, Q6K, "Q6_K", 256, 210),
    (20, Iq4Nl, "IQ4_NL", 32, 18),
    (23, Iq4Xs, "IQ4_XS", 256, 136),
    (39, Mxfp4, "MXFP4", 32, 17),
];

/// The other types that a file may have, by GGUF's numbers, for messages.
const OTHERS: [(u32, &str); 20] = [
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (40, "NVFP4"),
];

impl BlockType {
    /// The type that GGUF has the number `kind` for.
    pub fn of_gguf(kind: u32) -> Option<Self> {
        TYPES.iter().find(|known| known.0 == kind).map(|known| known.1)
    }

    fn row(self) -> &'static (u32, Self, &'static str, usize, usize) {
        // Every type is in the table.
        &TYPES[self as usize]
    }

    /// Its name in llama.cpp.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// The numbers of a block.
    pub fn numbers(self) -> usize {
        self.row().3
    }

    /// The bytes of a block.
    pub fn bytes(self) -> usize {
        self.row().4
    }

    /// Writes the numbers of a whole block to `out`.
    #[inline(always)]
    pub fn decode(self, block: &[u8], out: &mut [f32]) {
        match self {
            Q4_0 => nibbles(half(block, 0), &block[2..18], out, |q, d| d * (q as f32 - 8.)),
            Q4_1 => {
                let m = half(block, 2);
                nibbles(half(block, 0), &block[4..20], out, |q, d| d * q as f32 + m);
            }
            Q5_0 => fives(half(block, 0), &block[2..6], &block[6..22], out, |q, d| {
                d * (q as f32 - 16.)
            }),
            Q5_1 => {
                let m = half(block, 2);
                fives(half(block, 0), &block[4..8], &block[8..24], out, |q, d| {
                    d * q as f32 + m
                });
            }
            Q8_0 => {
                let d = half(block, 0);
                out.iter_mut()
                    .zip(&block[2..34])
                    .for_each(|(x, &q)| *x = d * q as i8 as f32);
            }
            Q2K => q2k(block, out),
            Q3K => q3k(block, out),
            Q4K => q4k(block, out),
            Q5K => q5k(block, out),
            Q6K => q6k(block, out),
            Iq4Nl => nibbles(half(block, 0), &block[2..18], out, |q, d| d * IQ4[q as usize]),
            Iq4Xs => iq4xs(block, out),
            Mxfp4 => nibbles(power(block[0]), &block[1..17], out, |q, d| d * FP4[q as usize]),
        }
    }
}

/// What a type that is not read is called.
pub fn name_of_other(kind: u32) -> String {
    let named = OTHERS.iter().find(|(other, _)| *other == kind);
    named.map_or(format!("type {kind}"), |(_, name)| name.to_string())
}

/// The levels of IQ4.
const IQ4: [f32; 16] = [
    -127., -104., -83., -65., -49., -35., -22., -10., 1., 13., 25., 38., 53., 69., 89., 113.,
];
/// The values of a four-bit float (OCP Microscaling, E2M1).
const FP4: [f32; 16] = [
    0., 0.5, 1., 1.5, 2., 3., 4., 6., -0., -0.5, -1., -1.5, -2., -3., -4., -6.,
];

#[inline(always)]
fn half(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
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

/// 32 numbers of four bits: the low halves of 16 bytes, then the high ones.
#[inline(always)]
fn nibbles(d: f32, bytes: &[u8], out: &mut [f32], value: impl Fn(u8, f32) -> f32) {
    let (low, high) = out.split_at_mut(16);
    for (j, &byte) in bytes.iter().enumerate() {
        low[j] = value(byte & 15, d);
        high[j] = value(byte >> 4, d);
    }
}

/// The same of five bits, the fifth in a bit set.
#[inline(always)]
fn fives(d: f32, bits: &[u8], bytes: &[u8], out: &mut [f32], value: impl Fn(u8, f32) -> f32) {
    let bits = u32::from_le_bytes([bits[0], bits[1], bits[2], bits[3]]);
    let (low, high) = out.split_at_mut(16);
    for (j, &byte) in bytes.iter().enumerate() {
        let fifth = |at: usize| ((bits >> at & 1) << 4) as u8;
        low[j] = value(byte & 15 | fifth(j), d);
        high[j] = value(byte >> 4 | fifth(j + 16), d);
    }
}

#[inline(always)]
fn q2k(block: &[u8], out: &mut [f32]) {
    let (scales, bytes) = (&block[..16], &block[16..80]);
    let (d, min) = (half(block, 80), half(block, 82));
    for (i, part) in out.chunks_exact_mut(16).enumerate() {
        // 128 numbers lie in 32 bytes, four times two stretches of 16, two bits each.
        let (start, shift) = (i / 8 * 32 + i % 2 * 16, i % 8 / 2 * 2);
        let (d, m) = (d * (scales[i] & 15) as f32, min * (scales[i] >> 4) as f32);
        for (x, &byte) in part.iter_mut().zip(&bytes[start..]) {
            *x = d * (byte >> shift & 3) as f32 - m;
        }
    }
}

#[inline(always)]
fn q3k(block: &[u8], out: &mut [f32]) {
    let (high, bytes, packed) = (&block[..32], &block[32..96], &block[96..108]);
    let d = half(block, 108);
    for (i, part) in out.chunks_exact_mut(16).enumerate() {
        // Six bits: four in the first eight bytes, two in the last four.
        let low = packed[i % 8] >> (i / 8 * 4) & 15;
        let top = packed[8 + i % 4] >> (i / 4 * 2) & 3;
        let d = d * ((low | top << 4) as f32 - 32.);
        let (at, shift, bit) = (i % 2 * 16, i % 8 / 2 * 2, i / 8 * 4 + i % 8 / 2);
        for (j, x) in part.iter_mut().enumerate() {
            let low = (bytes[i / 8 * 32 + at + j] >> shift & 3) as f32;
            let missing = if high[at + j] >> bit & 1 == 0 { 4. } else { 0. };
            *x = d * (low - missing);
        }
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
fn q4k(block: &[u8], out: &mut [f32]) {
    let (d, min) = (half(block, 0), half(block, 2));
    for (i, part) in out.chunks_exact_mut(32).enumerate() {
        let (scale, m) = scale_and_min(&block[4..16], i);
        let (d, m) = (d * scale, min * m);
        let (bytes, shift) = (&block[16 + i / 2 * 32..], i % 2 * 4);
        for (x, &byte) in part.iter_mut().zip(bytes) {
            *x = d * (byte >> shift & 15) as f32 - m;
        }
    }
}

#[inline(always)]
fn q5k(block: &[u8], out: &mut [f32]) {
    let (d, min, high) = (half(block, 0), half(block, 2), &block[16..48]);
    for (i, part) in out.chunks_exact_mut(32).enumerate() {
        let (scale, m) = scale_and_min(&block[4..16], i);
        let (d, m) = (d * scale, min * m);
        let (bytes, shift) = (&block[48 + i / 2 * 32..], i % 2 * 4);
        for (j, x) in part.iter_mut().enumerate() {
            let q = bytes[j] >> shift & 15 | (high[j] >> i & 1) << 4;
            *x = d * q as f32 - m;
        }
    }
}

#[inline(always)]
fn q6k(block: &[u8], out: &mut [f32]) {
    let d = half(block, 208);
    for (i, part) in out.chunks_exact_mut(32).enumerate() {
        // Of 128 numbers four stretches of 32: the low bits in 64 bytes, two high bits each in 32.
        let (whole, quarter) = (i / 4, i % 4);
        let low = &block[whole * 64 + quarter % 2 * 32..];
        let high = &block[128 + whole * 32..];
        let scales = &block[192 + i * 2..];
        for (j, x) in part.iter_mut().enumerate() {
            let q = low[j] >> (quarter / 2 * 4) & 15 | (high[j] >> (quarter * 2) & 3) << 4;
            *x = d * scales[j / 16] as i8 as f32 * (q as f32 - 32.);
        }
    }
}

#[inline(always)]
fn iq4xs(block: &[u8], out: &mut [f32]) {
    let d = half(block, 0);
    let high = u16::from_le_bytes([block[2], block[3]]);
    for (i, part) in out.chunks_exact_mut(32).enumerate() {
        let low = block[4 + i / 2] >> (i % 2 * 4) & 15;
        let top = (high >> (2 * i) & 3) as u8;
        let d = d * ((low | top << 4) as f32 - 32.);
        nibbles(d, &block[8 + i * 16..8 + i * 16 + 16], part, |q, d| {
            d * IQ4[q as usize]
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_where_it_says() {
        for (i, &(kind, block_type, ..)) in TYPES.iter().enumerate() {
            assert_eq!(block_type as usize, i);
            assert_eq!(BlockType::of_gguf(kind), Some(block_type));
            assert!(block_type.numbers() % 32 == 0);
            assert!(OTHERS.iter().all(|(other, _)| *other != kind));
        }
    }
}
