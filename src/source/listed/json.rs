//! The whole tokenizer.json.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::pairs::pairs;
use super::{Listed, Merges, Scores};

#[derive(Serialize)]
struct File<'a> {
    #[serde(flatten)]
    around: &'a Map<String, Value>,
    added_tokens: Vec<Value>,
    model: Model<'a>,
}

#[derive(Serialize)]
struct Model<'a> {
    #[serde(flatten)]
    settings: &'a Map<String, Value>,
    vocab: Vocabulary<'a>,
    merges: Written<'a>,
}

/// Tokens with their ids.
struct Vocabulary<'a>(&'a [Cow<'a, str>]);

impl Serialize for Vocabulary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(0u32..))
    }
}

/// Merges as the file has them, or pairs of ids.
enum Written<'a> {
    Texts(Vec<Cow<'a, str>>),
    Pairs(&'a [Cow<'a, str>], Vec<[u32; 2]>),
}

impl Written<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Texts(merges) => merges.len(),
            Self::Pairs(_, pairs) => pairs.len(),
        }
    }
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Texts(merges) => serializer.collect_seq(merges),
            Self::Pairs(tokens, pairs) => {
                serializer.collect_seq(pairs.iter().map(|pair| pair.map(|id| &tokens[id as usize])))
            }
        }
    }
}

impl Listed {
    /// The tokenizer.json that says the same.
    ///
    /// # Errors
    /// What is wrong with its vocabulary, as the end of a sentence.
    pub fn json(&self) -> Result<Vec<u8>, String> {
        let tokens = self.texts();
        let merges = match &self.merges {
            Merges::Written(merges) => Written::Texts(merges.iter().map(String::from_utf8_lossy).collect()),
            Merges::Scored(scores) => Written::Pairs(&tokens, self.pairs(scores, &tokens)?),
        };
        // About what a token, and what a merge, takes: so much text is not moved as it grows.
        let mut json = Vec::with_capacity(24 * tokens.len() + 24 * merges.len());
        let file = File {
            around: &self.around,
            added_tokens: self.added_tokens(&tokens),
            model: Model {
                settings: &self.settings,
                vocab: Vocabulary(&tokens),
                merges,
            },
        };
        serde_json::to_writer(&mut json, &file).map_err(|e| e.to_string())?;
        Ok(json)
    }

    pub(super) fn texts(&self) -> Vec<Cow<'_, str>> {
        self.tokens.iter().map(String::from_utf8_lossy).collect()
    }

    /// The merges that the scores stand for.
    pub(super) fn pairs(&self, scores: &Scores, tokens: &[Cow<str>]) -> Result<Vec<[u32; 2]>, String> {
        let is_made: Vec<bool> = scores.are_made().collect();
        let scores: Vec<f64> = scores.scores.iter().collect();
        pairs(tokens, &is_made, &scores)
    }

    fn added_tokens(&self, tokens: &[Cow<str>]) -> Vec<Value> {
        let token = |content: &str, id: u32, special: bool| {
            json!({
                "id": id, "content": content, "special": special, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false,
            })
        };
        let added = self.added.iter();
        added
            .filter_map(|added| Some(token(tokens.get(added.id as usize)?, added.id, added.special)))
            .collect()
    }
}
