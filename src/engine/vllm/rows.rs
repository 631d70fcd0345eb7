//! The rows in an answer: base64 and zstd around little-endian numbers, held against what was asked for.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use half::{bf16, f16};
use ruzstd::decoding::StreamingDecoder;

use super::wire::Stream;

/// The shape that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub layers: usize,
    pub tokens: usize,
    pub hidden: usize,
}

impl Shape {
    fn numbers(self) -> usize {
        self.layers * self.tokens * self.hidden
    }
}

/// How numbers travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    F32,
    F16,
    Bf16,
}

impl Numbers {
    /// The type of the numbers of `stream`; `None` for one that is none of these.
    pub fn of(stream: &Stream) -> Option<Self> {
        match (stream.dtype.as_str(), stream.original_dtype.as_deref()) {
            ("int16", Some("torch.bfloat16")) => Some(Self::Bf16),
            ("float32", _) => Some(Self::F32),
            ("float16", _) => Some(Self::F16),
            _ => None,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Its name elsewhere in lens.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }
}

/// The bytes that base64 stands for.
pub fn unpacked(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text)
        .map_err(|e| format!("its rows are no base64: {e}"))
}

/// The numbers `[layer][position][hidden]` in `bytes`, compressed or not, of which there must be as many as
/// `shape` has.
pub fn numbers(
    bytes: &[u8],
    compression: Option<&str>,
    numbers: Numbers,
    shape: Shape,
) -> Result<Vec<f32>, String> {
    let wanted = shape.numbers() * numbers.bytes();
    let bytes = match compression {
        None => bytes.to_vec(),
        Some("zstd") => decompressed(bytes, wanted)?,
        Some(other) => return Err(format!("its rows are compressed by {other:?}")),
    };
    if bytes.len() != wanted {
        return Err(format!("its rows have {} bytes and not {wanted}", bytes.len()));
    }
    Ok(match numbers {
        Numbers::F32 => widened(&bytes, f32::from_le_bytes),
        Numbers::F16 => widened(&bytes, |b| f16::from_le_bytes(b).to_f32()),
        Numbers::Bf16 => widened(&bytes, |b| bf16::from_le_bytes(b).to_f32()),
    })
}

/// What zstd made `bytes` of, at most one byte more than `most`.
fn decompressed(bytes: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let decoder = StreamingDecoder::new(bytes).map_err(|e| format!("its rows are no zstd: {e}"))?;
    let mut out = Vec::new();
    let read = decoder.take(most as u64 + 1).read_to_end(&mut out);
    read.map_err(|e| format!("its rows are no whole zstd: {e}"))?;
    Ok(out)
}

fn widened<const N: usize>(bytes: &[u8], widen: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<N>();
    words.iter().map(|&word| widen(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        layers: 1,
        tokens: 1,
        hidden: 2,
    };

    #[test]
    fn numbers_are_read_in_every_type_that_travels() {
        // 1.5 and −2: in bfloat16 the upper halves of their float32.
        let f32s = [0x00, 0x00, 0xc0, 0x3f, 0x00, 0x00, 0x00, 0xc0];
        assert_eq!(numbers(&f32s, None, Numbers::F32, SHAPE), Ok(vec![1.5, -2.]));
        assert_eq!(
            numbers(&[0xc0, 0x3f, 0x00, 0xc0], None, Numbers::Bf16, SHAPE),
            Ok(vec![1.5, -2.])
        );
        assert_eq!(
            numbers(&[0x00, 0x3e, 0x00, 0xc0], None, Numbers::F16, SHAPE),
            Ok(vec![1.5, -2.])
        );
    }

    #[test]
    fn bytes_of_another_number_or_kind_are_refused() {
        for (bytes, compression) in [
            (&[0; 7][..], None),
            (&[0; 9], None),
            (&[0; 8], Some("gzip")),
            (&[0; 8], Some("zstd")),
        ] {
            assert!(numbers(bytes, compression, Numbers::F32, SHAPE).is_err());
        }
        assert!(unpacked("not base64!").is_err());
    }

    /// 64 MiB of zeros in a few bytes are not unpacked further than what was asked for.
    #[test]
    fn what_unpacks_to_more_than_was_asked_for_is_refused() {
        let zeros = ruzstd::encoding::compress_to_vec(
            &vec![0; 64 << 20][..],
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        let said = numbers(&zeros, Some("zstd"), Numbers::F32, SHAPE).unwrap_err();
        assert!(said.contains("9 bytes and not 8"), "{said}");
    }
}
