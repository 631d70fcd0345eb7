//! A file's vocabulary as tokenizer.json and tokenizer_config.json.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::Gguf;
use super::metadata::Metadata;
use super::splits;
use crate::error::{Error, Result};

/// Both files.
pub struct TokenizerJson {
    pub json: Box<RawValue>,
    pub config: Value,
}

/// A byte-pair encoding as tokenizer.json has it.
#[derive(Serialize)]
struct Bpe<'a, M> {
    r#type: &'static str,
    dropout: Option<f32>,
    unk_token: Option<&'a str>,
    continuing_subword_prefix: Option<&'a str>,
    end_of_word_suffix: Option<&'a str>,
    fuse_unk: bool,
    byte_fallback: bool,
    ignore_merges: bool,
    vocab: &'a Vocabulary,
    merges: M,
}

impl<'a, M: Serialize> Bpe<'a, M> {
    fn new(vocab: &'a Vocabulary, merges: M) -> Self {
        Self {
            r#type: "BPE",
            dropout: None,
            unk_token: None,
            continuing_subword_prefix: None,
            end_of_word_suffix: None,
            fuse_unk: false,
            byte_fallback: false,
            ignore_merges: false,
            vocab,
            merges,
        }
    }

    /// As text: a vocabulary is large, and nobody here looks into it again.
    fn json(&self) -> Result<Box<RawValue>> {
        to_raw_value(self).map_err(unwritten)
    }
}

/// Its tokens with their ids.
impl Serialize for Vocabulary {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.tokens.iter().zip(0u32..))
    }
}

fn unwritten(error: serde_json::Error) -> Error {
    Error::failed(
        format!("The file's tokenizer cannot be written as JSON: {error}."),
        "Report this with the file's name.",
    )
}

/// A vocabulary as the file has it.
struct Vocabulary {
    tokens: Vec<String>,
    kinds: Vec<u8>,
}

// Kinds of tokens, by GGUF's numbers.
const NORMAL: u8 = 1;
const CONTROL: u8 = 3;
const USER_DEFINED: u8 = 4;

/// Bytes of a token that may be made of two others: each way to cut it is tried. The longest of published
/// vocabularies have about 100.
const LONGEST: usize = 512;
/// Ways to put a token together of two others, on average: 2.3 in Gemma's vocabulary.
const WAYS: usize = 8;

/// The tokenizer of the model in `gguf`.
///
/// # Errors
/// A kind of tokenizer, or a way to split text, that lens does not know, by name.
pub fn tokenizer(gguf: &Gguf) -> Result<TokenizerJson> {
    let metadata = gguf.metadata();
    let key = "tokenizer.ggml.model";
    let model = metadata.text(key).ok_or_else(|| metadata.lacks(key))?;
    let vocabulary = Vocabulary::read(metadata)?;
    let parts = match model {
        "gpt2" => byte_level(metadata, &vocabulary)?,
        "llama" => sentencepiece(
            metadata,
            &vocabulary,
            gguf.architecture.model_type.starts_with("gemma"),
        )?,
        other => return Err(metadata.unsupported(key, other, "gpt2 and llama")),
    };
    let special = Special::read(metadata, &vocabulary);
    let adds_bos = metadata
        .flag("tokenizer.ggml.add_bos_token")
        .unwrap_or(parts.adds_bos);
    let adds_eos = metadata.flag("tokenizer.ggml.add_eos_token").unwrap_or(false);
    #[derive(Serialize)]
    struct File {
        version: &'static str,
        added_tokens: Vec<Value>,
        normalizer: Value,
        pre_tokenizer: Value,
        post_processor: Value,
        decoder: Value,
        model: Box<RawValue>,
    }
    let file = File {
        version: "1.0",
        added_tokens: vocabulary.added(),
        normalizer: parts.normalizer,
        pre_tokenizer: parts.pre_tokenizer,
        post_processor: special.template(adds_bos, adds_eos),
        decoder: parts.decoder,
        model: parts.model,
    };
    Ok(TokenizerJson {
        json: to_raw_value(&file).map_err(unwritten)?,
        config: special.config(metadata),
    })
}

/// What the two kinds of tokenizers differ in.
struct Parts {
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
    model: Box<RawValue>,
    adds_bos: bool,
}

impl Vocabulary {
    fn read(metadata: Metadata) -> Result<Self> {
        let key = "tokenizer.ggml.tokens";
        let tokens = metadata.texts(key).ok_or_else(|| metadata.lacks(key))?;
        let tokens: Vec<String> = tokens
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect();
        let kinds = metadata.numbers("tokenizer.ggml.token_type");
        let kinds: Vec<u8> = match kinds {
            Some(kinds) => kinds.map(|kind| kind as u8).collect(),
            None => vec![NORMAL; tokens.len()],
        };
        if kinds.len() != tokens.len() {
            return Err(metadata.broken(&format!(
                "it has {} tokens and the types of {}",
                tokens.len(),
                kinds.len()
            )));
        }
        Ok(Self { tokens, kinds })
    }

    fn ids(&self) -> HashMap<&str, usize> {
        self.tokens
            .iter()
            .enumerate()
            .map(|(id, token)| (token.as_str(), id))
            .collect()
    }

    /// The tokens that are found in a text before it is split.
    fn added(&self) -> Vec<Value> {
        let all = self.tokens.iter().zip(&self.kinds).zip(0u32..);
        let added = all.filter(|((_, kind), _)| matches!(**kind, CONTROL | USER_DEFINED));
        let token = |((content, kind), id): ((&String, &u8), u32)| {
            json!({
                "id": id, "content": content, "special": *kind == CONTROL, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false,
            })
        };
        added.map(token).collect()
    }
}

/// GPT-2's byte-level pairs.
fn byte_level(metadata: Metadata, vocabulary: &Vocabulary) -> Result<Parts> {
    let (key, pre) = ("tokenizer.ggml.merges", "tokenizer.ggml.pre");
    let merges = metadata.texts(key).ok_or_else(|| metadata.lacks(key))?;
    let merges: Vec<Cow<str>> = merges.map(String::from_utf8_lossy).collect();
    let name = metadata.text(pre).ok_or_else(|| metadata.lacks(pre))?;
    let split = splits::of(name).ok_or_else(|| metadata.unsupported(pre, name, &splits::known()))?;
    Ok(Parts {
        normalizer: if split.composed {
            json!({"type": "NFC"})
        } else {
            Value::Null
        },
        pre_tokenizer: split.pre_tokenizer(),
        decoder: splits::byte_level(true),
        model: Bpe {
            ignore_merges: split.whole_first,
            ..Bpe::new(vocabulary, merges)
        }
        .json()?,
        adds_bos: split.adds_bos,
    })
}

/// SentencePiece's pairs, `▁` for a space and bytes for what is not in the vocabulary.
fn sentencepiece(metadata: Metadata, vocabulary: &Vocabulary, gemma: bool) -> Result<Parts> {
    let key = "tokenizer.ggml.scores";
    let scores = metadata.numbers(key).ok_or_else(|| metadata.lacks(key))?;
    if let Some(long) = vocabulary.tokens.iter().find(|token| token.len() > LONGEST) {
        return Err(metadata.broken(&format!("it has a token of {} bytes", long.len())));
    }
    let scores: Vec<f64> = scores.collect();
    if scores.len() != vocabulary.tokens.len() || !scores.iter().all(|score| score.is_finite()) {
        return Err(metadata.broken("its scores are not one finite number for each token"));
    }
    let merges = merges(vocabulary, &scores).ok_or_else(|| {
        metadata.broken("its tokens can be put together in more ways than any vocabulary's")
    })?;
    let prefix = metadata.flag("tokenizer.ggml.add_space_prefix").unwrap_or(!gemma);
    let space = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let normalizer = match prefix {
        true => json!({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, space]}),
        false => space,
    };
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let unknown = metadata.integer("tokenizer.ggml.unknown_token_id").unwrap_or(0);
    let unknown = vocabulary.tokens.get(unknown as usize);
    Ok(Parts {
        normalizer,
        pre_tokenizer: Value::Null,
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        model: Bpe {
            unk_token: unknown.map(String::as_str),
            fuse_unk: true,
            byte_fallback: true,
            ..Bpe::new(vocabulary, merges)
        }
        .json()?,
        adds_bos: true,
    })
}

/// The pairs that a vocabulary with scores stands for: each token that is two put together, the best score
/// first, as `generate_merges` in `transformers`' convert_slow_tokenizer.py has it. `None` where there are too many.
fn merges<'a>(vocabulary: &'a Vocabulary, scores: &[f64]) -> Option<Vec<[&'a str; 2]>> {
    let most = WAYS * vocabulary.tokens.len();
    let ids = vocabulary.ids();
    let mut merges: Vec<(f64, [&str; 2])> = Vec::new();
    let normal = vocabulary.tokens.iter().zip(&vocabulary.kinds).zip(scores);
    for ((token, _), &score) in normal.filter(|((_, kind), _)| **kind == NORMAL) {
        let cuts = token.char_indices().skip(1).map(|(at, _)| token.split_at(at));
        let mut parts: Vec<(usize, usize, [&str; 2])> = cuts
            .filter_map(|(left, right)| Some((*ids.get(left)?, *ids.get(right)?, [left, right])))
            .collect();
        parts.sort_unstable();
        merges.extend(parts.into_iter().map(|(.., pair)| (score, pair)));
        if merges.len() > most {
            return None;
        }
    }
    let length = |text: &str| text.chars().count();
    // Python sorts in reverse and keeps the order of equals.
    merges.sort_by(|(a, [al, ar]), (b, [bl, br])| {
        (b.total_cmp(a)).then_with(|| (length(bl), length(br)).cmp(&(length(al), length(ar))))
    });
    Some(merges.into_iter().map(|(_, pair)| pair).collect())
}

/// The special tokens that have a name, by the name that `transformers` has for it.
struct Special(Vec<(&'static str, u64, String)>);

impl Special {
    fn read(metadata: Metadata, vocabulary: &Vocabulary) -> Self {
        let names = [
            ("bos_token", "bos_token_id"),
            ("eos_token", "eos_token_id"),
            ("unk_token", "unknown_token_id"),
            ("pad_token", "padding_token_id"),
            ("sep_token", "seperator_token_id"),
        ];
        let named = names.into_iter().filter_map(|(name, key)| {
            let id = metadata.integer(&format!("tokenizer.ggml.{key}"))?;
            Some((name, id, vocabulary.tokens.get(id as usize)?.clone()))
        });
        Self(named.collect())
    }

    fn get(&self, name: &str) -> Option<(u64, &str)> {
        let found = self.0.iter().find(|(own, ..)| *own == name);
        found.map(|(_, id, text)| (*id, text.as_str()))
    }

    /// The post-processor that adds a BOS and an EOS.
    fn template(&self, bos: bool, eos: bool) -> Value {
        let mut tokens = Map::new();
        let mut piece = |wanted: bool, name: &str| {
            let (id, text) = self.get(name).filter(|_| wanted)?;
            tokens.insert(
                text.to_string(),
                json!({"id": text, "ids": [id], "tokens": [text]}),
            );
            Some(json!({"SpecialToken": {"id": text, "type_id": 0}}))
        };
        let text = json!({"Sequence": {"id": "A", "type_id": 0}});
        let single = [piece(bos, "bos_token"), Some(text), piece(eos, "eos_token")];
        let single: Vec<Value> = single.into_iter().flatten().collect();
        if single.len() == 1 {
            return Value::Null;
        }
        json!({"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": tokens})
    }

    fn config(&self, metadata: Metadata) -> Value {
        let mut config = Map::new();
        config.insert("tokenizer_class".to_string(), "PreTrainedTokenizerFast".into());
        for (name, _, text) in &self.0 {
            config.insert(name.to_string(), text.as_str().into());
        }
        if let Some(template) = metadata.text("tokenizer.chat_template") {
            config.insert("chat_template".to_string(), template.into());
        }
        Value::Object(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `generate_merges` of transformers 5.23 gives them for these tokens and scores.
    #[test]
    fn pairs_come_by_score_then_by_the_length_of_their_parts() {
        let tokens = ["a", "b", "c", "ab", "bc", "abc", "<0x41>", "ca"];
        let vocabulary = Vocabulary {
            tokens: tokens.map(str::to_string).to_vec(),
            kinds: vec![NORMAL, NORMAL, NORMAL, NORMAL, NORMAL, NORMAL, 6, CONTROL],
        };
        let scores = [0., 0., 0., -3., -1., -2., 0., 9.];
        let expected = [["b", "c"], ["ab", "c"], ["a", "bc"], ["a", "b"]];
        assert_eq!(merges(&vocabulary, &scores).unwrap(), expected);
    }

    /// A small file of such tokens would become gigabytes.
    #[test]
    fn pairs_that_no_vocabulary_has_are_not_made() {
        let tokens: Vec<String> = (1..=400).map(|length| "a".repeat(length)).collect();
        let vocabulary = Vocabulary {
            kinds: vec![NORMAL; tokens.len()],
            tokens,
        };
        assert!(merges(&vocabulary, &[0.; 400]).is_none());
    }
}
