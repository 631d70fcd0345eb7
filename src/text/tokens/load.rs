//! From a checkpoint's files to the tokenizer that `AutoTokenizer` of `transformers` 5 makes of them.

use std::collections::HashSet;
use std::fmt::Display;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use tokenizers::{AddedToken, ModelWrapper, PostProcessorWrapper};

use super::class::Class;
use super::growth::Growth;
use super::parts::{FileToken, Parts, Tokenizer, broken, guarded};
use super::settings::Settings;
use crate::error::Result;
use crate::source::{Asset, ModelFiles, TokenizerFiles};
use crate::text::special::SpecialTokens;

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
        TokenizerFiles::Listed(listed) => Parts::listed(listed),
        TokenizerFiles::VocabMerges { .. } => None,
    };
    // Each takes about as long as the other.
    let (settings, reduced) = rayon::join(|| Settings::read(files), reduced);
    let settings = settings?;
    let broken = |error: &dyn Display| match &files.tokenizer {
        TokenizerFiles::Json(asset) => broken(asset, error),
        TokenizerFiles::Listed(listed) => broken(&listed.name, error),
        TokenizerFiles::VocabMerges { vocab, .. } => broken(&Asset::from(vocab.clone()), error),
    };
    let read = |json: &[u8]| guarded(|| Ok(serde_json::from_slice(json)?)).map_err(|e| broken(&e));
    let file = |parts: Parts| {
        let class = Class::of(&settings, parts.are_byte_level());
        (parts, class)
    };
    let (mut parts, class) = match (&files.tokenizer, reduced) {
        (_, Some(parts)) => file(parts),
        (TokenizerFiles::Json(asset), None) => file(read(&asset.read()?)?),
        (TokenizerFiles::Listed(listed), None) => file(read(&listed.json().map_err(|e| broken(&e))?)?),
        (TokenizerFiles::VocabMerges { vocab, merges }, None) => {
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
