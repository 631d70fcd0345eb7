//! From a checkpoint's files to the tokenizer that `AutoTokenizer` of `transformers` 5 makes of them.

use std::collections::HashSet;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokenizers::models::bpe::BPE;
use tokenizers::{
    AddedToken, DecoderWrapper, ModelWrapper, NormalizerWrapper, PaddingParams, PostProcessorWrapper,
    PreTokenizerWrapper, TokenizerImpl,
};

use super::class::{Class, Pipeline};
use super::growth::Growth;
use super::patterns::respelled;
use super::reduced::{self, Index, Model, Reduced};
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::source::{Asset, ModelFiles, Storage, TokenizerFiles};
use crate::text::special::SpecialTokens;

/// What a tokenizer.json has in it. What it says of truncation is for training: `transformers` resets it.
#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    added_tokens: Vec<FileToken>,
    #[serde(default, deserialize_with = "respelled")]
    normalizer: Option<NormalizerWrapper>,
    #[serde(default, deserialize_with = "respelled")]
    pre_tokenizer: Option<PreTokenizerWrapper>,
    #[serde(default)]
    post_processor: Option<PostProcessorWrapper>,
    #[serde(default, deserialize_with = "respelled")]
    decoder: Option<DecoderWrapper>,
    /// Names the pad token of a tokenizer whose config does not.
    #[serde(default)]
    padding: Option<PaddingParams>,
    model: ModelWrapper,
    /// The vocabulary and the merges of a byte-pair encoding, where `model` has none.
    #[serde(skip)]
    index: Option<Index>,
}

#[derive(Deserialize)]
struct FileToken {
    id: u32,
    #[serde(flatten)]
    token: AddedToken,
}

/// The library's tokenizer, with a vocabulary that may stay where it is written.
pub type Tokenizer =
    TokenizerImpl<Model, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// A tokenizer and what is known of it.
pub struct Loaded {
    pub tokenizer: Tokenizer,
    pub special: SpecialTokens,
    /// What its post-processor makes of a text's tokens.
    pub growth: Growth,
}

/// The tokenizer of a model.
///
/// # Errors
/// Files that cannot be read, are no tokenizer, whose tokens are not the same each time, or whose
/// post-processor makes far more of a text than there is.
pub fn load(files: &ModelFiles) -> Result<Loaded> {
    let reduced = || match &files.tokenizer {
        TokenizerFiles::Json(asset) => Parts::reduced(asset),
        TokenizerFiles::VocabMerges { .. } => None,
    };
    // Each takes about as long as the other.
    let (settings, reduced) = rayon::join(|| Settings::read(files), reduced);
    let settings = settings?;
    let broken = |error: &dyn Display| match &files.tokenizer {
        TokenizerFiles::Json(asset) => broken(asset, error),
        TokenizerFiles::VocabMerges { vocab, .. } => broken(&vocab.clone().into(), error),
    };
    let (mut parts, class) = match &files.tokenizer {
        TokenizerFiles::Json(asset) => {
            let parts = match reduced {
                Some(parts) => parts,
                None => {
                    let bytes = asset.read()?;
                    guarded(|| Ok(serde_json::from_slice(&bytes)?)).map_err(|e| broken(&e))?
                }
            };
            let class = Class::of(&settings, parts.are_byte_level());
            (parts, class)
        }
        TokenizerFiles::VocabMerges { vocab, merges } => {
            let class = Class::of(&settings, true);
            // Only byte-level classes have these files.
            let class = if class == Class::File { Class::Gpt2 } else { class };
            (Parts::of_files(vocab, merges)?, class)
        }
    };
    let pad = parts.padding.as_ref().map(|padding| padding.pad_token.as_str());
    let special = settings.special_tokens(class, pad)?;
    let rebuilt = match class.pipeline(&settings, &special)? {
        // A class that makes a byte-pair encoding has no use for another model.
        Some(pipeline) if matches!(parts.model, ModelWrapper::BPE(_)) => {
            parts.rebuild(pipeline).map_err(|e| broken(&e))?;
            true
        }
        _ => false,
    };
    if let ModelWrapper::BPE(bpe) = &parts.model
        && bpe.dropout.is_some_and(|dropout| dropout > 0.)
    {
        return Err(broken(
            &"it has a dropout, which cuts a text another way each time",
        ));
    }
    let added = added_tokens(
        &settings,
        &special,
        std::mem::take(&mut parts.added_tokens),
        rebuilt,
    );
    let mut tokenizer = guarded(|| parts.assemble(added)).map_err(|e| broken(&e))?;
    if let Some(bos_eos) = bos_and_eos(&settings, class, &files.tokenizer)? {
        let template = template(&tokenizer, &special, bos_eos);
        let template: PostProcessorWrapper = serde_json::from_value(template).map_err(|e| broken(&e))?;
        tokenizer.with_post_processor(Some(template));
    }
    tokenizer.set_encode_special_tokens(settings.flag("split_special_tokens")?.unwrap_or(false));
    let growth = Growth::by(tokenizer.get_post_processor());
    growth.check().map_err(|e| broken(&e))?;
    Ok(Loaded {
        tokenizer,
        special,
        growth,
    })
}

impl Parts {
    /// A tokenizer.json of which the vocabulary is indexed rather than read. `None` of any that has to be
    /// read whole, also of what is none: whoever reads it will know what is wrong.
    fn reduced(asset: &Asset) -> Option<Self> {
        asset.check_size().ok()?;
        let (index, rest) = reduced::split(&Storage::open(asset).ok()?)?;
        let mut parts: Self = guarded(|| Ok(serde_json::from_slice(&rest)?)).ok()?;
        match &parts.model {
            ModelWrapper::BPE(settings) if Reduced::suits(settings) => parts.index = Some(index),
            _ => return None,
        }
        Some(parts)
    }

    /// GPT-2's vocab.json and merges.txt.
    fn of_files(vocab: &std::path::Path, merges: &std::path::Path) -> Result<Self> {
        for file in [vocab, merges] {
            // Read whole by the library, so it is looked at first.
            Asset::from(file.to_path_buf()).check_size()?;
        }
        let (vocab_path, merges_path) = (vocab.to_string_lossy(), merges.to_string_lossy());
        let bpe = guarded(|| BPE::from_file(&vocab_path, &merges_path).build());
        Ok(Self {
            added_tokens: Vec::new(),
            normalizer: None,
            pre_tokenizer: None,
            post_processor: None,
            decoder: None,
            padding: None,
            model: bpe.map_err(|e| broken(&vocab.to_path_buf().into(), &e))?.into(),
            index: None,
        })
    }

    /// Whether any part of it is GPT-2's byte-level one.
    fn are_byte_level(&self) -> bool {
        let parts = (
            &self.normalizer,
            &self.pre_tokenizer,
            &self.post_processor,
            &self.decoder,
        );
        serde_json::to_string(&parts).is_ok_and(|text| text.contains("\"ByteLevel\""))
    }

    /// Takes what a class makes for what the file has.
    fn rebuild(&mut self, pipeline: Pipeline) -> tokenizers::Result<()> {
        self.normalizer = part(pipeline.normalizer)?;
        self.pre_tokenizer = part(pipeline.pre_tokenizer)?;
        self.decoder = part(pipeline.decoder)?;
        if let ModelWrapper::BPE(bpe) = &mut self.model {
            bpe.dropout = None;
            bpe.unk_token = pipeline.unk_token;
            bpe.continuing_subword_prefix = None;
            bpe.end_of_word_suffix = None;
            bpe.fuse_unk = pipeline.fuse_unk;
            bpe.byte_fallback = pipeline.byte_fallback;
            bpe.ignore_merges = false;
        }
        Ok(())
    }

    fn assemble(self, added: Vec<AddedToken>) -> tokenizers::Result<Tokenizer> {
        let mut tokenizer = Tokenizer::new(match (self.index, self.model) {
            (Some(index), ModelWrapper::BPE(settings)) => {
                Model::Reduced(Box::new(Reduced::new(index, settings)))
            }
            (_, model) => Model::Whole(Box::new(model)),
        });
        // Before the tokens: some are normalized as they are added.
        tokenizer.with_normalizer(self.normalizer)?;
        tokenizer.with_pre_tokenizer(self.pre_tokenizer);
        tokenizer.with_post_processor(self.post_processor);
        tokenizer.with_decoder(self.decoder);
        tokenizer.add_tokens(added)?;
        Ok(tokenizer)
    }
}

fn part<T: DeserializeOwned>(value: Value) -> tokenizers::Result<Option<T>> {
    Ok(serde_json::from_value(value)?)
}

/// The added tokens in the order of their adding, which is that of the ids of those that the
/// vocabulary lacks. A later one replaces the properties of an earlier one.
fn added_tokens(
    settings: &Settings,
    special: &SpecialTokens,
    of_file: Vec<FileToken>,
    rebuilt: bool,
) -> Vec<AddedToken> {
    let mut listed = settings.added.clone();
    if !settings.added_is_complete {
        listed.extend(of_file.iter().map(|token| (token.id, token.token.clone())));
    }
    let mut added: IndexMap<String, AddedToken> = IndexMap::new();
    if !rebuilt {
        added.extend(
            of_file
                .into_iter()
                .map(|token| (token.token.content.clone(), token.token)),
        );
    }
    let named: HashSet<&str> = special
        .named
        .values()
        .map(|token| token.content.as_str())
        .collect();
    let make_special = |mut token: AddedToken| {
        token.special |= named.contains(token.content.as_str());
        token
    };
    for token in listed.into_values() {
        if added.get(&token.content) != Some(&token) {
            added.insert(token.content.clone(), make_special(token));
        }
    }
    for token in special.named.values().chain(&special.extra) {
        let token = token.clone();
        added
            .entry(token.content.clone())
            .or_insert_with(|| make_special(token));
    }
    added.into_values().collect()
}

/// Whether the class puts a BOS before a text and an EOS after it; `None` where the file's own
/// post-processor stays.
fn bos_and_eos(settings: &Settings, class: Class, files: &TokenizerFiles) -> Result<Option<(bool, bool)>> {
    let flag = |key| settings.flag(key).map(|flag| flag.unwrap_or(false));
    Ok(match (files, class) {
        (TokenizerFiles::VocabMerges { .. }, _) => Some((flag("add_bos_token")?, flag("add_eos_token")?)),
        // With a tokenizer.json the flags do not count.
        (_, Class::CodeLlama) => Some((true, false)),
        (_, Class::GptNeoX) => Some((false, false)),
        _ => None,
    })
}

/// The post-processor that adds the one and the other, where they have a name.
fn template(tokenizer: &Tokenizer, special: &SpecialTokens, (bos, eos): (bool, bool)) -> Value {
    let mut tokens = Map::new();
    let mut piece = |wanted: bool, name: &str| {
        let text = special.get(name).filter(|_| wanted)?;
        let id = tokenizer.token_to_id(text)?;
        tokens.insert(
            text.to_string(),
            json!({"id": text, "ids": [id], "tokens": [text]}),
        );
        Some(json!({"SpecialToken": {"id": text, "type_id": 0}}))
    };
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let single = [piece(bos, "bos_token"), Some(text), piece(eos, "eos_token")];
    let single: Vec<Value> = single.into_iter().flatten().collect();
    json!({"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": tokens})
}

/// Runs what the library does with a file or a text of unknown making: where it panics over one,
/// that is an error.
pub fn guarded<R>(f: impl FnOnce() -> tokenizers::Result<R>) -> tokenizers::Result<R> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| Err("it contradicts itself".into()))
}

fn broken(asset: &Asset, error: &dyn Display) -> Error {
    Error::failed(
        format!("{asset} is not a tokenizer that lens can read: {error}."),
        "Fetch the model's tokenizer.json again.",
    )
}
