//! A file's vocabulary and its settings, as tokenizer.json and tokenizer_config.json have them.

use serde_json::{Map, Value, json};

use super::Gguf;
use super::list::Numbers;
use super::metadata::Metadata;
use super::splits;
use crate::error::Result;
use crate::source::{Added, Listed, Merges, Scores, Texts};

/// A tokenizer, and what its tokenizer_config.json says.
pub struct Tokenizer {
    pub listed: Listed,
    pub config: Value,
}

// Kinds of tokens, by GGUF's numbers.
const NORMAL: u8 = 1;
const CONTROL: u8 = 3;
const USER_DEFINED: u8 = 4;

/// The tokenizer of the model in `gguf`.
///
/// # Errors
/// A kind of tokenizer, or a way to split text, that lens does not know, by name.
pub fn tokenizer(gguf: &Gguf) -> Result<Tokenizer> {
    let metadata = gguf.metadata();
    let key = "tokenizer.ggml.model";
    let model = metadata.text(key).ok_or_else(|| metadata.lacks(key))?;
    let vocabulary = Vocabulary::read(metadata)?;
    let parts = match model {
        "gpt2" => byte_level(metadata)?,
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
    let listed = Listed {
        name: format!("the tokenizer in {}", metadata.name()),
        around: fields(json!({
            "version": "1.0",
            "normalizer": parts.normalizer,
            "pre_tokenizer": parts.pre_tokenizer,
            "post_processor": special.template(adds_bos, adds_eos),
            "decoder": parts.decoder,
        })),
        settings: fields(json!({
            "type": "BPE",
            "dropout": null,
            "unk_token": parts.unk_token,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": parts.falls_back,
            "byte_fallback": parts.falls_back,
            "ignore_merges": parts.ignore_merges,
        })),
        added: vocabulary.added(),
        tokens: vocabulary.tokens,
        merges: parts.merges,
    };
    listed.check().map_err(|what| metadata.broken(&what))?;
    let config = special.config(metadata);
    Ok(Tokenizer { listed, config })
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What the two kinds of tokenizers differ in.
struct Parts {
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
    unk_token: Option<String>,
    /// Whether what is not in the vocabulary becomes bytes.
    falls_back: bool,
    ignore_merges: bool,
    merges: Merges,
    adds_bos: bool,
}

/// A vocabulary as the file has it.
struct Vocabulary {
    tokens: Texts,
    kinds: Option<Numbers>,
}

impl Vocabulary {
    fn read(metadata: Metadata) -> Result<Self> {
        let key = "tokenizer.ggml.tokens";
        let tokens = metadata.texts(key).ok_or_else(|| metadata.lacks(key))?;
        let kinds = metadata.listed_numbers("tokenizer.ggml.token_type");
        if let Some(kinds) = &kinds
            && kinds.count() != tokens.len()
        {
            return Err(metadata.broken(&format!(
                "it has {} tokens and the types of {}",
                tokens.len(),
                kinds.count()
            )));
        }
        Ok(Self { tokens, kinds })
    }

    /// The tokens that are found in a text before it is split.
    fn added(&self) -> Vec<Added> {
        let kinds = self.kinds.iter().flat_map(Numbers::iter).map(|kind| kind as u8);
        let added = (0u32..).zip(kinds).filter_map(|(id, kind)| match kind {
            CONTROL => Some(Added { id, special: true }),
            USER_DEFINED => Some(Added { id, special: false }),
            _ => None,
        });
        added.collect()
    }

    fn token(&self, id: u64) -> Option<String> {
        let token = self.tokens.iter().nth(usize::try_from(id).ok()?)?;
        Some(String::from_utf8_lossy(token).into_owned())
    }
}

/// GPT-2's byte-level pairs.
fn byte_level(metadata: Metadata) -> Result<Parts> {
    let (key, pre) = ("tokenizer.ggml.merges", "tokenizer.ggml.pre");
    let merges = metadata.texts(key).ok_or_else(|| metadata.lacks(key))?;
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
        unk_token: None,
        falls_back: false,
        ignore_merges: split.whole_first,
        merges: Merges::Written(merges),
        adds_bos: split.adds_bos,
    })
}

/// SentencePiece's pairs, `▁` for a space and bytes for what is not in the vocabulary.
fn sentencepiece(metadata: Metadata, vocabulary: &Vocabulary, gemma: bool) -> Result<Parts> {
    let key = "tokenizer.ggml.scores";
    let scores = metadata.listed_numbers(key).ok_or_else(|| metadata.lacks(key))?;
    if scores.count() != vocabulary.tokens.len() || !scores.iter().all(f64::is_finite) {
        return Err(metadata.broken("its scores are not one finite number for each token"));
    }
    let kinds = vocabulary.kinds.clone().map(|kinds| (kinds, NORMAL));
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
    Ok(Parts {
        normalizer,
        pre_tokenizer: Value::Null,
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        unk_token: vocabulary.token(unknown),
        falls_back: true,
        ignore_merges: false,
        merges: Merges::Scored(Scores::new(scores, kinds)),
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
            Some((name, id, vocabulary.token(id)?))
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
