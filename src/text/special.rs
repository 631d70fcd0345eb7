//! The special tokens of a model by name, as `transformers` has them.

use indexmap::IndexMap;
use tokenizers::AddedToken;

/// The names that every tokenizer of `transformers` knows.
pub(super) const STANDARD: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];

/// A tokenizer's special tokens: those with a name (`bos_token`, `pad_token`, a model's own
/// `image_token`, …) and those without.
#[derive(Debug, Clone, Default)]
pub struct SpecialTokens {
    pub(super) named: IndexMap<String, AddedToken>,
    pub(super) extra: Vec<AddedToken>,
}

impl SpecialTokens {
    /// The token of that name, `bos_token` say; `None` where it is absent or null.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(|token| token.content.as_str())
    }

    /// Every named token, as `transformers` passes them to a chat template (`special_tokens_map`).
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        (self.named.iter()).map(|(name, token)| (name.as_str(), token.content.as_str()))
    }

    /// The tokens without a name (`extra_special_tokens`, formerly `additional_special_tokens`).
    pub fn extra(&self) -> impl Iterator<Item = &str> {
        self.extra.iter().map(|token| token.content.as_str())
    }
}
