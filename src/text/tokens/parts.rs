//! What a tokenizer is put together of, from its files.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokenizers::models::bpe::BPE;
use tokenizers::{
    AddedToken, DecoderWrapper, ModelWrapper, NormalizerWrapper, PaddingParams, PostProcessorWrapper,
    PreTokenizerWrapper, TokenizerImpl,
};

use super::class::Pipeline;
use super::patterns::respelled;
use super::reduced::{self, Index, Model, Reduced};
use crate::error::{Error, Result};
use crate::source::{Added, Asset, Listed, Storage};

/// The library's tokenizer, with a vocabulary that may stay where it is written.
pub type Tokenizer =
    TokenizerImpl<Model, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// What a tokenizer.json has in it. What it says of truncation is for training: `transformers` resets it.
#[derive(Deserialize)]
pub struct Parts {
    #[serde(default)]
    pub added_tokens: Vec<FileToken>,
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
    pub padding: Option<PaddingParams>,
    pub model: ModelWrapper,
    /// The vocabulary and the merges of a byte-pair encoding, where `model` has none.
    #[serde(skip)]
    index: Option<Index>,
}

/// An added token.
#[derive(Deserialize)]
pub struct FileToken {
    pub id: u32,
    #[serde(flatten)]
    pub token: AddedToken,
}

impl Parts {
    /// A tokenizer.json of which the vocabulary is indexed rather than read. `None` of any that has to be
    /// read whole, also of what is none: whoever reads it will know what is wrong.
    pub fn reduced(asset: &Asset) -> Option<Self> {
        asset.check_size().ok()?;
        let (index, rest) = reduced::split(&Storage::open(asset).ok()?)?;
        let mut parts: Self = guarded(|| Ok(serde_json::from_slice(&rest)?)).ok()?;
        match &parts.model {
            ModelWrapper::BPE(settings) if Reduced::suits(settings) => parts.index = Some(index),
            _ => return None,
        }
        Some(parts)
    }

    /// Lists of which the vocabulary is indexed where it lies. `None` as [`Self::reduced`].
    pub fn listed(listed: &Listed) -> Option<Self> {
        let index = Index::of_lists(listed)?;
        let mut parts: Self = guarded(|| Ok(serde_json::from_value(listed.outline())?)).ok()?;
        if !matches!(&parts.model, ModelWrapper::BPE(settings) if Reduced::suits(settings)) {
            return None;
        }
        let token = |added: &Added| {
            let content = index.token(added.id)?;
            let token = AddedToken::from(content, added.special).normalized(false);
            Some(FileToken { id: added.id, token })
        };
        parts.added_tokens = listed.added.iter().filter_map(token).collect();
        parts.index = Some(index);
        Some(parts)
    }

    /// GPT-2's vocab.json and merges.txt.
    ///
    /// # Errors
    /// Files that are none.
    pub fn of_files(vocab: &std::path::Path, merges: &std::path::Path) -> Result<Self> {
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
            model: bpe
                .map_err(|e| broken(&Asset::from(vocab.to_path_buf()), &e))?
                .into(),
            index: None,
        })
    }

    /// Whether any part of it is GPT-2's byte-level one.
    pub fn are_byte_level(&self) -> bool {
        let parts = (
            &self.normalizer,
            &self.pre_tokenizer,
            &self.post_processor,
            &self.decoder,
        );
        serde_json::to_string(&parts).is_ok_and(|text| text.contains("\"ByteLevel\""))
    }

    /// Takes what a class makes for what the file has.
    ///
    /// # Errors
    /// A part that the library does not know.
    pub fn rebuild(&mut self, pipeline: Pipeline) -> tokenizers::Result<()> {
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

    /// The tokenizer of these parts, with those added tokens.
    ///
    /// # Errors
    /// Parts that do not go together.
    pub fn assemble(self, added: Vec<AddedToken>) -> tokenizers::Result<Tokenizer> {
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

/// Runs what the library does with a file or a text of unknown making: where it panics over one,
/// that is an error.
///
/// # Errors
/// Those of `f`, and a panic in it.
pub fn guarded<R>(f: impl FnOnce() -> tokenizers::Result<R>) -> tokenizers::Result<R> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| Err("it contradicts itself".into()))
}

/// The error for a file that is no tokenizer.
pub fn broken(file: &dyn Display, error: &dyn Display) -> Error {
    Error::failed(
        format!("{file} is not a tokenizer that lens can read: {error}."),
        "Fetch the model's tokenizer.json again.",
    )
}
