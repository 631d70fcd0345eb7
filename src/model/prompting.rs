//! From what was typed to the tokens that a model is given.

use super::Model;
use crate::error::{Error, Result};
use crate::text::prompt::{Bos, Prompt};

impl Model {
    /// The tokens of `text`, checked against the model.
    ///
    /// # Errors
    /// No tokens at all, more than the model's context holds, an id beyond its embedding, or a BOS
    /// asked of a model that has none.
    pub fn prompt(&self, text: &str, bos: Bos) -> Result<Prompt> {
        let ids = match bos {
            Bos::Auto => self.tokens.encode(text)?,
            Bos::Never => self.tokens.encode_plain(text)?,
            Bos::Always => self.with_bos(self.tokens.encode(text)?)?,
        };
        self.checked(text.to_string(), ids)
    }

    /// A text that has its special tokens in it, as a chat template writes it.
    ///
    /// # Errors
    /// As [`Model::prompt`].
    pub fn prompt_as_written(&self, text: &str) -> Result<Prompt> {
        self.checked(text.to_string(), self.tokens.encode_plain(text)?)
    }

    /// The prompt of these very tokens.
    ///
    /// # Errors
    /// As [`Model::prompt`].
    pub fn prompt_of_ids(&self, ids: Vec<u32>) -> Result<Prompt> {
        let bytes: Vec<u8> = (ids.iter().filter_map(|&id| self.tokens.bytes(id)))
            .flatten()
            .collect();
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.card.vocabulary) {
            return Err(Error::usage(
                format!(
                    "There is no token {id}: the model's vocabulary has {}.",
                    self.card.vocabulary
                ),
                format!("Token ids run from 0 to {}.", self.card.vocabulary - 1),
            ));
        }
        self.checked(String::from_utf8_lossy(&bytes).into_owned(), ids)
    }

    fn with_bos(&self, mut ids: Vec<u32>) -> Result<Vec<u32>> {
        let Some(bos) = self.bos else {
            return Err(Error::usage(
                format!("{} names no BOS token.", self.card.name),
                "Leave --bos at auto, or write the token in the prompt.",
            ));
        };
        if ids.first() != Some(&bos) {
            ids.insert(0, bos);
        }
        Ok(ids)
    }

    fn checked(&self, text: String, ids: Vec<u32>) -> Result<Prompt> {
        if ids.is_empty() {
            return Err(Error::usage(
                "The prompt is empty: it has no tokens.",
                "Give some text; a logit lens reads what comes after each token.",
            ));
        }
        if let Some(context) = self.card.context.filter(|&context| ids.len() > context) {
            return Err(Error::usage(
                format!(
                    "The prompt has {} tokens, but the model's context holds {context}.",
                    ids.len()
                ),
                "Shorten the prompt, or use a model with a longer context.",
            ));
        }
        let vocabulary = self.card.vocabulary;
        if let Some(id) = ids.iter().find(|&&id| id as usize >= vocabulary) {
            return Err(Error::failed(
                format!("There is a token {id}, but the model's embedding has {vocabulary} rows."),
                "Check that the tokenizer and the weights belong together.",
            ));
        }
        Ok(Prompt {
            text,
            message: None,
            ids,
            generated: 0,
            targets: Vec::new(),
            unusable_targets: Vec::new(),
        })
    }

    /// What about the prompt is likely not meant: a sentence each.
    pub fn doubts(&self, prompt: &Prompt) -> Vec<String> {
        let mut doubts = Vec::new();
        if prompt.text.is_empty() {
            doubts.push("the prompt is empty: this is what follows the BOS token alone.".to_string());
        }
        if prompt.text.ends_with(' ') {
            doubts.push(
                "the prompt ends in a space. Most tokens bring their own, so the model will not expect \
                 an ordinary word; try without it."
                    .to_string(),
            );
        }
        if let (Some(bos), [first, second, ..]) = (self.bos, prompt.ids.as_slice())
            && (*first, *second) == (bos, bos)
        {
            let label = self.tokens.label(bos);
            doubts.push(format!(
                "the prompt begins with two BOS tokens ({label}); leave it out of the text, or add --bos never."
            ));
        }
        doubts
    }
}
