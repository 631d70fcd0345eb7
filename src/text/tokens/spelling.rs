//! How vocabularies spell the bytes of their tokens.

use tokenizers::DecoderWrapper;

/// How a vocabulary spells the bytes of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// GPT-2's: each byte is one printable character.
    ByteLevel,
    /// SentencePiece's: `▁` for a space, `<0xE2>` for a byte.
    SentencePiece,
}

impl Spelling {
    /// The spelling that a tokenizer's decoder takes back to text.
    pub fn of(decoder: Option<&DecoderWrapper>) -> Self {
        let decoder = serde_json::to_string(&decoder).unwrap_or_default();
        match decoder.contains("\"ByteLevel\"") {
            true => Self::ByteLevel,
            false => Self::SentencePiece,
        }
    }

    /// The piece of a vocabulary that would stand for exactly `text`.
    pub fn spell(self, text: &str) -> String {
        match self {
            Self::ByteLevel => text.bytes().map(char_of).collect(),
            Self::SentencePiece => text.replace(' ', "▁"),
        }
    }

    /// The bytes that a piece of the vocabulary stands for.
    pub fn bytes(self, piece: &str) -> Vec<u8> {
        match self {
            Self::ByteLevel => piece.chars().flat_map(byte_of).collect(),
            Self::SentencePiece => sentencepiece_bytes(piece),
        }
    }
}

/// The byte that GPT-2's vocabulary writes as `c` (`bytes_to_unicode` in its encoder.py): a
/// printable Latin-1 character is itself, the other 68 bytes follow from U+0100 on, in order. A
/// character that spells no byte stands for itself.
fn byte_of(c: char) -> Vec<u8> {
    let code = c as u32;
    if printable(code) {
        return vec![code as u8];
    }
    match (0..256)
        .filter(|&b| !printable(b))
        .nth(code.wrapping_sub(0x100) as usize)
    {
        Some(byte) => vec![byte as u8],
        None => c.to_string().into_bytes(),
    }
}

/// Whether GPT-2's vocabulary writes the byte as the character of that code.
fn printable(byte: u32) -> bool {
    matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff)
}

/// The character that GPT-2's vocabulary writes `byte` as: the inverse of [`byte_of`].
fn char_of(byte: u8) -> char {
    if printable(byte.into()) {
        return byte.into();
    }
    let before = (0..u32::from(byte)).filter(|&b| !printable(b)).count();
    char::from_u32(0x100 + before as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn sentencepiece_bytes(piece: &str) -> Vec<u8> {
    let hex = piece.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    match hex
        .filter(|h| h.len() == 2)
        .and_then(|h| u8::from_str_radix(h, 16).ok())
    {
        Some(byte) => vec![byte],
        None => piece.replace('▁', " ").into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_alphabet_is_gpt2s() {
        for (c, byte) in [
            ('Ġ', b' '),
            ('Ċ', b'\n'),
            ('ĉ', b'\t'),
            ('a', b'a'),
            ('é', 0xe9),
            ('Ń', 0xad),
        ] {
            assert_eq!(byte_of(c), [byte]);
        }
        assert_eq!(byte_of('東'), "東".as_bytes());
        for byte in 0..=255 {
            assert_eq!(byte_of(char_of(byte)), [byte]);
        }
    }

    #[test]
    fn sentencepiece_spells_spaces_and_bytes() {
        assert_eq!(sentencepiece_bytes("▁Paris"), b" Paris");
        assert_eq!(sentencepiece_bytes("<0xE6>"), [0xe6]);
        assert_eq!(sentencepiece_bytes("<0xE>"), b"<0xE>");
    }
}
