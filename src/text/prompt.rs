//! A prompt as a model sees it.

use crate::text::targets::Target;

/// Whether a prompt begins with the model's BOS token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bos {
    /// As the tokenizer says.
    #[default]
    Auto,
    Always,
    Never,
}

/// A prompt as a model sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub text: String,
    /// What was asked, where a chat template put it into `text`.
    pub message: Option<String>,
    /// At least one; all of them rows of the model's embedding, and no more than its context holds.
    pub ids: Vec<u32>,
    /// How many of the last tokens the model itself wrote.
    pub generated: usize,
    /// Tokens to follow in this prompt.
    pub targets: Vec<Target>,
    /// Texts that were given as targets and are no token of the model: they are not followed.
    pub unusable_targets: Vec<String>,
}

impl Prompt {
    /// The text for people: what was asked, without the chat template around it.
    pub fn asked(&self) -> &str {
        self.message.as_deref().unwrap_or(&self.text)
    }
}
