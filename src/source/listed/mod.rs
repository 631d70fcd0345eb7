//! A byte-pair encoding whose vocabulary lies in a file as lists, rather than in a tokenizer.json.

mod json;
mod pairs;
mod texts;

use serde_json::{Map, Value, json};

use super::gguf::Numbers;

pub use texts::Texts;

/// What a tokenizer.json would say, its tokens where they lie.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What messages call it.
    pub name: String,
    /// What is around the model: the fields of a tokenizer.json, without added tokens and model.
    pub around: Map<String, Value>,
    /// The model's settings: its fields, without vocabulary and merges.
    pub settings: Map<String, Value>,
    /// The tokens, each at the place of its id.
    pub tokens: Texts,
    /// The tokens that are found in a text before it is split.
    pub added: Vec<Added>,
    pub merges: Merges,
}

/// A token that is found in a text before it is split.
#[derive(Debug, Clone, Copy)]
pub struct Added {
    pub id: u32,
    pub special: bool,
}

/// The merges of a byte-pair encoding.
#[derive(Debug, Clone)]
pub enum Merges {
    /// By rank, each two tokens with a space between.
    Written(Texts),
    /// Each way to put a token together of two others, as the scores have it.
    Scored(Scores),
}

/// What a token is worth, of a vocabulary without merges.
#[derive(Debug, Clone)]
pub struct Scores {
    scores: Numbers,
    /// Kinds of tokens, and the kind of those that are made of others; all are without.
    kinds: Option<(Numbers, u8)>,
}

impl Scores {
    /// By id; of the kinds only the tokens of one are made of others.
    pub(super) fn new(scores: Numbers, kinds: Option<(Numbers, u8)>) -> Self {
        Self { scores, kinds }
    }

    /// What a token is worth: what is put together first has most.
    pub fn score(&self, id: u32) -> Option<f64> {
        self.scores.get(id as usize)
    }

    /// Whether the token is put together of others.
    pub fn is_made(&self, id: u32) -> bool {
        self.kinds
            .as_ref()
            .is_none_or(|(kinds, made)| kinds.get(id as usize).is_some_and(|kind| kind as u8 == *made))
    }

    /// Whether one after the other is.
    fn are_made(&self) -> impl Iterator<Item = bool> {
        let (kinds, all) = match &self.kinds {
            Some((kinds, made)) => (Some(kinds.iter().map(|kind| kind as u8 == *made)), None),
            None => (None, Some(std::iter::repeat_n(true, self.scores.count()))),
        };
        kinds.into_iter().flatten().chain(all.into_iter().flatten())
    }
}

impl Listed {
    /// Refuses scores that stand for more merges than any vocabulary has.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub(super) fn check(&self) -> Result<(), String> {
        let Merges::Scored(scores) = &self.merges else {
            return Ok(());
        };
        let mut ways = 0;
        for (token, is_made) in self.tokens.iter().zip(scores.are_made()) {
            pairs::check_length(token.len())?;
            ways += if is_made { token.len().saturating_sub(1) } else { 0 };
        }
        // So many are not to be found, and need not be sought.
        match ways <= pairs::most(self.tokens.len()) {
            true => Ok(()),
            false => self.pairs(scores, &self.texts()).map(drop),
        }
    }

    /// Its tokenizer.json, without added tokens and with an empty vocabulary.
    pub fn outline(&self) -> Value {
        let mut model = self.settings.clone();
        model.insert("vocab".to_string(), json!({}));
        model.insert("merges".to_string(), json!([]));
        let mut file = self.around.clone();
        file.insert("model".to_string(), model.into());
        file.into()
    }
}
