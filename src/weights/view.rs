//! One tensor of a file.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::blocks::BlockType;
use super::pages;
use super::scaled::Scales;
use crate::machine::simd::vectorised;
use crate::source::Storage;

/// The type that numbers are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DType {
    F32,
    Bf16,
    F16,
    /// 8 bits, tiles of which share a scale.
    E4m3,
    /// Blocks of GGUF.
    Block(BlockType),
    /// Anything else a checkpoint may hold (integers, 8-bit floats): readable as a buffer only.
    Other(safetensors::Dtype),
}

impl DType {
    /// Whether weights of this type can be computed with.
    pub fn is_supported(self) -> bool {
        !matches!(self, DType::Other(_))
    }

    /// How many numbers lie together, and in how many bytes.
    fn unit(self) -> (usize, usize) {
        match self {
            DType::F32 => (1, 4),
            DType::Bf16 | DType::F16 => (1, 2),
            DType::E4m3 => (1, 1),
            DType::Block(block) => (block.numbers(), block.bytes()),
            DType::Other(other) => (1, other.bitsize().div_ceil(8)),
        }
    }

    /// The bytes of `numbers` numbers; `None` where they make no whole units, or too many.
    pub fn bytes_of(self, numbers: usize) -> Option<usize> {
        let (len, bytes) = self.unit();
        let whole = numbers.is_multiple_of(len).then_some(numbers / len);
        whole.and_then(|units| units.checked_mul(bytes))
    }

    /// The same type in candle; `None` for those it cannot compute with.
    pub fn candle(self) -> Option<candle_core::DType> {
        match self {
            DType::F32 => Some(candle_core::DType::F32),
            DType::Bf16 => Some(candle_core::DType::BF16),
            DType::F16 => Some(candle_core::DType::F16),
            DType::E4m3 | DType::Block(_) | DType::Other(_) => None,
        }
    }
}

impl From<safetensors::Dtype> for DType {
    fn from(dtype: safetensors::Dtype) -> Self {
        match dtype {
            safetensors::Dtype::F32 => DType::F32,
            safetensors::Dtype::BF16 => DType::Bf16,
            safetensors::Dtype::F16 => DType::F16,
            safetensors::Dtype::F8_E4M3 => DType::E4m3,
            other => DType::Other(other),
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DType::F32 => f.write_str("float32"),
            DType::Bf16 => f.write_str("bfloat16"),
            DType::F16 => f.write_str("float16"),
            DType::E4m3 => f.write_str("float8_e4m3"),
            DType::Block(block) => f.write_str(block.name()),
            DType::Other(other) => write!(f, "{other:?}"),
        }
    }
}

/// A tensor in a file: where it lies, its type and its shape. Cloning copies no data.
#[derive(Clone)]
pub struct View {
    file: Storage,
    range: Range<usize>,
    dtype: DType,
    shape: Vec<usize>,
    requested: Option<DType>,
    /// What 8-bit floats are multiplied by.
    scales: Option<Scales>,
    /// Whether its pages are to be asked for and given back.
    streamed: bool,
    /// The tensor's name, where its bytes are not on this machine.
    absent: Option<Arc<str>>,
}

impl View {
    pub(super) fn new(
        file: Storage,
        range: Range<usize>,
        dtype: DType,
        shape: Vec<usize>,
        streamed: bool,
    ) -> Self {
        Self {
            file,
            range,
            dtype,
            shape,
            requested: None,
            scales: None,
            streamed,
            absent: None,
        }
    }

    /// A tensor of these bytes.
    pub(crate) fn in_memory(bytes: Vec<u8>, dtype: DType, shape: Vec<usize>) -> Self {
        let range = 0..bytes.len();
        Self::new(Storage::Memory(bytes.into()), range, dtype, shape, false)
    }

    /// A tensor whose bytes are not on this machine.
    pub(super) fn absent(name: &str, dtype: DType, shape: Vec<usize>) -> Self {
        Self {
            absent: Some(name.into()),
            ..Self::new(Storage::Memory(Bytes::new()), 0..0, dtype, shape, false)
        }
    }

    /// The tensor's name, where its bytes are not on this machine.
    pub fn absent_name(&self) -> Option<&str> {
        self.absent.as_deref()
    }

    /// The same tensor, to be held in the type `requested` wherever its values are used.
    pub(super) fn held_in(self, requested: Option<DType>) -> Self {
        Self { requested, ..self }
    }

    /// The same tensor of 8-bit floats, with what they are multiplied by.
    pub(super) fn scaled_by(self, scales: Scales) -> Self {
        Self {
            scales: Some(scales),
            ..self
        }
    }

    /// The part of the tensor whose first index is in `range`.
    pub(super) fn narrow(self, range: Range<usize>) -> Self {
        let row = self.bytes().len() / self.shape[0].max(1);
        let start = self.range.start;
        let mut shape = self.shape;
        shape[0] = range.len();
        Self {
            range: start + range.start * row..start + range.end * row,
            scales: self.scales.map(|scales| scales.starting_at(range.start)),
            shape,
            ..self
        }
    }

    /// The type in the file.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The type that the values are rounded to when they are read; `None` when they stay exact.
    pub fn rounding(&self) -> Option<DType> {
        self.requested.filter(|&r| r != self.dtype && r != DType::F32)
    }

    /// The shape in the file.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tensor's bytes, little-endian, row-major.
    pub fn bytes(&self) -> &[u8] {
        &self.file[self.range.clone()]
    }

    /// Of a checkpoint too large to keep: asks for the tensor's pages ahead of their use.
    pub fn will_need(&self) {
        if self.streamed {
            pages::will_need(&self.file, &self.range);
        }
    }

    /// Of a checkpoint too large to keep: gives the tensor's pages back after their use.
    pub fn done_with(&self) {
        if self.streamed {
            pages::done_with(&self.file, &self.range);
        }
    }

    /// The whole tensor as float32 where it lies, if the file has it so.
    pub fn as_f32(&self) -> Option<&[f32]> {
        if self.absent.is_some()
            || self.dtype != DType::F32
            || self.rounding().is_some()
            || cfg!(target_endian = "big")
        {
            return None;
        }
        // A file whose tensors are misaligned is copied.
        bytemuck::try_cast_slice(self.bytes()).ok()
    }

    /// The type and the bytes, where each number is exactly what they say: it is neither rounded nor scaled.
    pub fn exact(&self) -> Option<(DType, &[u8])> {
        let same = self.absent.is_none() && self.rounding().is_none() && self.scales.is_none();
        same.then(|| (self.dtype, self.bytes()))
    }

    /// Writes the elements `start..start + out.len()` to `out` as float32: exactly, unless the
    /// view rounds. Of blocks whole ones.
    pub fn widen(&self, start: usize, out: &mut [f32]) {
        if self.absent.is_some() {
            return out.fill(f32::NAN);
        }
        let (len, size) = self.dtype.unit();
        let bytes = &self.bytes()[start / len * size..(start + out.len()) / len * size];
        match self.dtype {
            DType::F32 => fill::<4>(bytes, out, f32::from_le_bytes),
            DType::Bf16 => fill::<2>(bytes, out, |b| {
                f32::from_bits((u16::from_le_bytes(b) as u32) << 16)
            }),
            DType::F16 => widen_f16(bytes, out),
            DType::E4m3 => match &self.scales {
                Some(scales) => scales.widen(start, bytes, out),
                None => unreachable!("8-bit floats are taken from a checkpoint with their scales"),
            },
            DType::Block(block) => block.decode(bytes, out),
            DType::Other(_) => unreachable!("only supported types are taken from a checkpoint"),
        }
        match self.rounding() {
            Some(DType::Bf16) => out.iter_mut().for_each(|x| *x = bf16::from_f32(*x).to_f32()),
            Some(DType::F16) => out.iter_mut().for_each(|x| *x = f16::from_f32(*x).to_f32()),
            _ => {}
        }
    }

    /// As [`View::widen`], to the bytes of float32s.
    pub fn widen_to(&self, start: usize, out: &mut [u8]) {
        match bytemuck::try_cast_slice_mut(out) {
            Ok(out) => self.widen(start, out),
            Err(_) => {
                let values = self.f32s(start..start + out.len() / size_of::<f32>());
                out.copy_from_slice(bytemuck::cast_slice(&values));
            }
        }
    }

    /// The elements of `range` as float32: borrowed where the file has them so.
    pub fn f32s(&self, range: Range<usize>) -> Cow<'_, [f32]> {
        match self.as_f32() {
            Some(all) => Cow::Borrowed(&all[range]),
            None => {
                let mut out = vec![0.; range.len()];
                self.widen(range.start, &mut out);
                Cow::Owned(out)
            }
        }
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.dtype, self.shape)
    }
}

fn fill<const N: usize>(bytes: &[u8], out: &mut [f32], convert: impl Fn([u8; N]) -> f32) {
    let (words, _) = bytes.as_chunks::<N>();
    vectorised(
        #[inline(always)]
        || {
            let words = &words[..out.len()];
            for i in 0..out.len() {
                out[i] = convert(words[i]);
            }
        },
    );
}

/// float16 through the machine's own conversion, a stretch at a time.
fn widen_f16(bytes: &[u8], out: &mut [f32]) {
    const STRETCH: usize = 512;
    let mut words = [f16::ZERO; STRETCH];
    for (bytes, out) in bytes.chunks(2 * STRETCH).zip(out.chunks_mut(STRETCH)) {
        let (pairs, _) = bytes.as_chunks::<2>();
        let words = &mut words[..out.len()];
        words
            .iter_mut()
            .zip(pairs)
            .for_each(|(word, &pair)| *word = f16::from_le_bytes(pair));
        words.convert_to_f32_slice(out);
    }
}
