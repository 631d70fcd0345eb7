//! A file's vocabulary as tokenizer.json and tokenizer_config.json.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::pairs::pairs;

use super::Gguf;
use super::metadata::Metadata;
use super::splits;
use crate::error::{Error, Result};

/// Both files.
pub struct TokenizerJson {
    pub json: String,
    pub config: Value,
}

/// A byte-pair encoding as tokenizer.json has it.
#[derive(Serialize)]
struct Bpe<'a> {
    r#type: &'static str,
    dropout: Option<f32>,
    unk_token: Option<&'a str>,
    continuing_subword_prefix: Option<&'a str>,
    end_of_word_suffix: Option<&'a str>,
    fuse_unk: bool,
    byte_fallback: bool,
    ignore_merges: bool,
    vocab: &'a Vocabulary<'a>,
    merges: Merges<'a>,
}

impl<'a> Bpe<'a> {
    fn new(vocab: &'a Vocabulary, merges: Merges<'a>) -> Self {
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
}

/// Its merges: as the file has them, or pairs of ids.
enum Merges<'a> {
    Written(Vec<Cow<'a, str>>),
    Pairs(&'a [Cow<'a, str>], Vec<[u32; 2]>),
}

impl Merges<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Written(merges) => merges.len(),
            Self::Pairs(_, pairs) => pairs.len(),
        }
    }
}

impl Serialize for Merges<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Written(merges) => serializer.collect_seq(merges),
            Self::Pairs(tokens, pairs) => {
                serializer.collect_seq(pairs.iter().map(|pair| pair.map(|id| &tokens[id as usize])))
            }
        }
    }
}

/// Its tokens with their ids.
impl Serialize for Vocabulary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.tokens.iter().zip(0u32..))
    }
}

fn unwritten(error: &dyn std::fmt::Display) -> Error {
    Error::failed(
        format!("The file's tokenizer cannot be written as JSON: {error}."),
        "Report this with the file's name.",
    )
}

/// A vocabulary as the file has it.
struct Vocabulary<'a> {
    tokens: Vec<Cow<'a, str>>,
    kinds: Vec<u8>,
}

// Kinds of tokens, by GGUF's numbers.
const NORMAL: u8 = 1;
const CONTROL: u8 = 3;
const USER_DEFINED: u8 = 4;

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
    struct File<'a> {
        version: &'static str,
        added_tokens: Vec<Value>,
        normalizer: Value,
        pre_tokenizer: Value,
        post_processor: Value,
        decoder: Value,
        model: Bpe<'a>,
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
    // About what a token, and what a merge, takes: so much text is not moved as it grows.
    let mut json = Vec::with_capacity(24 * vocabulary.tokens.len() + 24 * file.model.merges.len());
    serde_json::to_writer(&mut json, &file).map_err(|e| unwritten(&e))?;
    Ok(TokenizerJson {
        json: String::from_utf8(json).map_err(|e| unwritten(&e))?,
        config: special.config(metadata),
    })
}

/// What the two kinds of tokenizers differ in.
struct Parts<'a> {
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
    model: Bpe<'a>,
    adds_bos: bool,
}

impl<'a> Vocabulary<'a> {
    fn read(metadata: Metadata<'a>) -> Result<Self> {
        let key = "tokenizer.ggml.tokens";
        let tokens = metadata.texts(key).ok_or_else(|| metadata.lacks(key))?;
        let tokens: Vec<Cow<str>> = tokens.map(String::from_utf8_lossy).collect();
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

    /// The tokens that are found in a text before it is split.
    fn added(&self) -> Vec<Value> {
        let all = self.tokens.iter().zip(&self.kinds).zip(0u32..);
        let added = all.filter(|((_, kind), _)| matches!(**kind, CONTROL | USER_DEFINED));
        let token = |((content, kind), id): ((&Cow<str>, &u8), u32)| {
            json!({
                "id": id, "content": content, "special": *kind == CONTROL, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false,
            })
        };
        added.map(token).collect()
    }
}

/// GPT-2's byte-level pairs.
fn byte_level<'a>(metadata: Metadata<'a>, vocabulary: &'a Vocabulary) -> Result<Parts<'a>> {
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
            ..Bpe::new(vocabulary, Merges::Written(merges))
        },
        adds_bos: split.adds_bos,
    })
}

/// SentencePiece's pairs, `▁` for a space and bytes for what is not in the vocabulary.
fn sentencepiece<'a>(metadata: Metadata, vocabulary: &'a Vocabulary, gemma: bool) -> Result<Parts<'a>> {
    let key = "tokenizer.ggml.scores";
    let scores = metadata.numbers(key).ok_or_else(|| metadata.lacks(key))?;
    let scores: Vec<f64> = scores.collect();
    if scores.len() != vocabulary.tokens.len() || !scores.iter().all(|score| score.is_finite()) {
        return Err(metadata.broken("its scores are not one finite number for each token"));
    }
    let normal: Vec<bool> = vocabulary.kinds.iter().map(|&kind| kind == NORMAL).collect();
    let pairs = pairs(&vocabulary.tokens, &normal, &scores).map_err(|what| metadata.broken(&what))?;
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
            unk_token: unknown.map(|token| &**token),
            fuse_unk: true,
            byte_fallback: true,
            ..Bpe::new(vocabulary, Merges::Pairs(&vocabulary.tokens, pairs))
        },
        adds_bos: true,
    })
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
            Some((name, id, vocabulary.tokens.get(id as usize)?.to_string()))
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
