//! Between text and token ids, and tokens made visible.

mod class;
mod growth;
mod load;
mod parts;
mod patterns;
mod reduced;
mod settings;
mod spelling;

use std::sync::Arc;
use std::time::Duration;

use tokenizers::AddedToken;

use self::load::Loaded;
use self::parts::{Tokenizer, guarded};
use self::reduced::Model;
use self::spelling::Spelling;
use super::special::SpecialTokens;
use crate::error::{Error, Result};
use crate::machine::limits::{Limits, within};
use crate::source::ModelFiles;

use super::visible::is_word;
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
    special: SpecialTokens,
    /// Whether a short text needs no limits.
    quick: bool,
}

impl Tokens {
    /// Loads the tokenizer of a model, as `AutoTokenizer` of `transformers` 5 does.
    ///
    /// # Errors
    /// Files that cannot be read or are no tokenizer.
    pub fn load(files: &ModelFiles) -> Result<Self> {
        let Loaded {
            tokenizer,
            special,
            growth,
        } = load::load(files)?;
        Ok(Self {
            spelling: Spelling::of(tokenizer.get_decoder()),
            // A short text takes long only where more is made of it than there is.
            quick: tokenizer.get_normalizer().is_none() && growth.of(SHORT) <= 2 * SHORT,
            tokenizer: Arc::new(tokenizer),
            special,
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
        if text.len() < SHORT && self.quick {
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
        let id = self.tokenizer.token_to_id(&self.spelling.spell(text))?;
        (self.bytes(id)? == text.as_bytes()).then_some(id)
    }

    /// The special tokens by name, as `transformers` has them.
    pub fn special_tokens(&self) -> &SpecialTokens {
        &self.special
    }

    /// The id of the token that is written `text`, `<|endoftext|>` say.
    pub fn id_of_special(&self, text: &str) -> Option<u32> {
        self.tokenizer.token_to_id(text)
    }

    /// Whether only as much of its vocabulary is made as texts need.
    #[doc(hidden)]
    pub fn is_reduced(&self) -> bool {
        matches!(self.tokenizer.get_model(), Model::Reduced(_))
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
        // Gemma's runs of spaces are among the added tokens, spelt as all others.
        let is_text = |token: &AddedToken| !token.special && self.spelling == Spelling::SentencePiece;
        match added.get(&id).is_none_or(is_text) {
            true => Some(self.spelling.bytes(&piece)),
            false => Some(piece.into_bytes()),
        }
    }

    /// Whether the token is or holds a word ([`is_word`]); a special token does not.
    pub fn is_word(&self, id: u32) -> bool {
        let added = self.tokenizer.get_added_vocabulary().get_added_tokens_decoder();
        let is_special = added.get(&id).is_some_and(|token| token.special);
        !is_special && self.bytes(id).is_some_and(|bytes| is_word(&bytes))
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
