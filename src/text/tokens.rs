//! Between text and token ids, and tokens made visible.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokenizers::decoders::byte_level::ByteLevel as ByteLevelDecoder;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer};

use crate::error::{Error, Result};
use crate::machine::limits::{Limits, within};
use crate::source::{Asset, TokenizerFiles};

pub use super::visible::{escaped, visible};

/// Bytes of a text that every tokenizer is done with at once.
const SHORT: usize = 4096;
/// Of a text that may be the size of a book.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    memory: 6 << 30,
    stack: 8 << 20,
};

/// A model's tokenizer, with each token's own bytes.
pub struct Tokens {
    tokenizer: Arc<Tokenizer>,
    spelling: Spelling,
}

/// How a vocabulary spells the bytes of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// GPT-2's: each byte is one printable character.
    ByteLevel,
    /// SentencePiece's: `▁` for a space, `<0xE2>` for a byte.
    SentencePiece,
}

impl Tokens {
    /// Loads the tokenizer of a model.
    ///
    /// # Errors
    /// Files that cannot be read or are no tokenizer.
    pub fn load(files: &TokenizerFiles) -> Result<Self> {
        let tokenizer = match files {
            TokenizerFiles::Json(asset) => {
                let bytes = asset.read()?;
                guarded(|| Tokenizer::from_bytes(bytes)).map_err(|e| broken(asset, &e))?
            }
            TokenizerFiles::VocabMerges { vocab, merges } => {
                let (vocab_path, merges_path) = (vocab.to_string_lossy(), merges.to_string_lossy());
                for file in [vocab, merges] {
                    // Read whole by the library, so it is looked at first.
                    Asset::from(file.clone()).check_size()?;
                }
                let bpe = guarded(|| BPE::from_file(&vocab_path, &merges_path).build());
                gpt2_tokenizer(bpe.map_err(|e| broken(&vocab.clone().into(), &e))?)
            }
        };
        let mut tokenizer = tokenizer;
        // What training or batching needed says nothing of a prompt: `transformers` resets both.
        tokenizer.with_padding(None);
        guarded(|| tokenizer.with_truncation(None).map(drop)).map_err(|e| broken_tokenizer(files, &e))?;
        if let ModelWrapper::BPE(bpe) = tokenizer.get_model()
            && bpe.dropout.is_some_and(|dropout| dropout > 0.)
        {
            return Err(broken_tokenizer(
                files,
                &"it has a dropout, which cuts a text another way each time",
            ));
        }
        let decoder = serde_json::to_string(&tokenizer.get_decoder()).unwrap_or_default();
        let spelling = match decoder.contains("\"ByteLevel\"") {
            true => Spelling::ByteLevel,
            false => Spelling::SentencePiece,
        };
        Ok(Self {
            tokenizer: Arc::new(tokenizer),
            spelling,
        })
    }

    /// The ids of a prompt, with the special tokens that the tokenizer itself adds (a BOS, say).
    ///
    /// # Errors
    /// Text that the tokenizer refuses.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.encode_with(text, true)
    }

    /// The ids of a text as it stands, without special tokens of the tokenizer's own.
    ///
    /// # Errors
    /// Text that the tokenizer refuses.
    pub fn encode_plain(&self, text: &str) -> Result<Vec<u32>> {
        self.encode_with(text, false)
    }

    fn encode_with(&self, text: &str, special: bool) -> Result<Vec<u32>> {
        let refused = |problem: &str| {
            Error::failed(
                format!("The tokenizer refuses the prompt: {problem}."),
                "Try a shorter prompt, or one without unusual characters; or fetch tokenizer.json again.",
            )
        };
        // A short text takes long only where a normalizer makes another of it.
        if text.len() < SHORT && self.tokenizer.get_normalizer().is_none() {
            let encoding = guarded(|| self.tokenizer.encode_fast(text, special));
            return Ok(encoding.map_err(|e| refused(&e.to_string()))?.get_ids().to_vec());
        }
        let (tokenizer, text) = (Arc::clone(&self.tokenizer), text.to_string());
        let ids = within(LIMITS, move || {
            let encoding = tokenizer
                .encode_fast(text.as_str(), special)
                .map_err(|e| e.to_string())?;
            Ok(encoding.get_ids().to_vec())
        });
        ids.map_err(|problem| refused(&problem))
    }

    /// The token that stands for exactly `text`, if there is one.
    pub fn id_of(&self, text: &str) -> Option<u32> {
        let spelled = match self.spelling {
            Spelling::ByteLevel => text.bytes().map(char_of).collect(),
            Spelling::SentencePiece => text.replace(' ', "▁"),
        };
        let id = self.tokenizer.token_to_id(&spelled)?;
        (self.bytes(id)? == text.as_bytes()).then_some(id)
    }

    /// The id of a special token by its name, `<|endoftext|>` say.
    pub fn special(&self, name: &str) -> Option<u32> {
        self.tokenizer.token_to_id(name)
    }

    /// The number of ids that the tokenizer knows.
    pub fn len(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Whether the tokenizer knows no id at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that the token stands for in a text; `None` for an id that is no token.
    pub fn bytes(&self, id: u32) -> Option<Vec<u8>> {
        let piece = self.tokenizer.id_to_token(id)?;
        let added = self.tokenizer.get_added_vocabulary().get_added_tokens_decoder();
        if added.contains_key(&id) {
            return Some(piece.into_bytes());
        }
        Some(match self.spelling {
            Spelling::ByteLevel => piece.chars().flat_map(byte_of).collect(),
            Spelling::SentencePiece => sentencepiece_bytes(&piece),
        })
    }

    /// The token as text, as notebooks decode it: a fragment of a character becomes `\u{fffd}`.
    pub fn text(&self, id: u32) -> String {
        match self.bytes(id) {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            None => format!("<|id {id}|>"),
        }
    }

    /// The token as text, exactly; a fragment of a character as its label, since it is no text.
    pub fn exact(&self, id: u32) -> String {
        match self.bytes(id).map(String::from_utf8) {
            Some(Ok(text)) => text,
            Some(Err(error)) => visible(error.as_bytes()),
            None => format!("<|id {id}|>"),
        }
    }

    /// The token made visible, on one line: `␣` for a space, escapes for control characters and
    /// for what would not show or would move the text around, `\xE2` for a byte of a character.
    pub fn label(&self, id: u32) -> String {
        match self.bytes(id) {
            Some(bytes) => visible(&bytes),
            None => format!("<id {id}>"),
        }
    }
}

/// Runs what the library does with a file or a text of unknown making: where it panics over one,
/// that is an error.
fn guarded<R>(f: impl FnOnce() -> tokenizers::Result<R>) -> tokenizers::Result<R> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| Err("it contradicts itself".into()))
}

fn broken_tokenizer(files: &TokenizerFiles, error: &dyn std::fmt::Display) -> Error {
    match files {
        TokenizerFiles::Json(asset) => broken(asset, error),
        TokenizerFiles::VocabMerges { vocab, .. } => broken(&vocab.clone().into(), error),
    }
}

fn broken(asset: &Asset, error: &dyn std::fmt::Display) -> Error {
    Error::failed(
        format!("{asset} is not a tokenizer that lens can read: {error}."),
        "Fetch the model's tokenizer.json again.",
    )
}

/// GPT-2's tokenizer around its vocabulary, as `transformers` builds it when there is no
/// tokenizer.json.
fn gpt2_tokenizer(bpe: BPE) -> Tokenizer {
    let mut tokenizer = Tokenizer::new(bpe);
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    tokenizer.with_decoder(Some(ByteLevelDecoder::default()));
    let end = "<|endoftext|>";
    if tokenizer.token_to_id(end).is_some() {
        // Already in the vocabulary, so this only makes it whole; the count it returns says nothing.
        let _ = tokenizer.add_special_tokens([AddedToken::from(end, true)]);
    }
    tokenizer
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
