//! Which files make up a model, wherever they come from.

use std::fmt;
use std::path::PathBuf;

use super::failure::About;
use crate::error::{Error, Result};
use crate::source::{Asset, TokenizerFiles, shard_names};

const INDEX: &str = "model.safetensors.index.json";

/// The files of a whole model.
#[derive(Clone)]
pub struct Parts {
    pub config: PathBuf,
    pub tokenizer: TokenizerFiles,
    pub tokenizer_config: Option<PathBuf>,
    pub chat_template: Option<PathBuf>,
    pub weights: Vec<PathBuf>,
}

/// What came of looking for a model's files.
pub enum Found {
    All(Parts),
    Lacks(Missing),
}

/// The first thing that a model lacks.
pub enum Missing {
    Config,
    Tokenizer,
    Weights,
    Shard(String),
}

/// Asks `get` for exactly the files that are needed, small ones first. `get` answers `None` for a
/// file that is not there.
pub fn assemble(get: &mut dyn FnMut(&str) -> Result<Option<PathBuf>>) -> Result<Found> {
    let Some(config) = get("config.json")? else {
        return Ok(Found::Lacks(Missing::Config));
    };
    let Some(tokenizer) = tokenizer(get)? else {
        return Ok(Found::Lacks(Missing::Tokenizer));
    };
    let (tokenizer_config, chat_template) = (get("tokenizer_config.json")?, get("chat_template.jinja")?);
    Ok(match weights(get)? {
        Ok(weights) => Found::All(Parts {
            config,
            tokenizer,
            tokenizer_config,
            chat_template,
            weights,
        }),
        Err(missing) => Found::Lacks(missing),
    })
}

fn tokenizer(get: &mut dyn FnMut(&str) -> Result<Option<PathBuf>>) -> Result<Option<TokenizerFiles>> {
    if let Some(json) = get("tokenizer.json")? {
        return Ok(Some(TokenizerFiles::Json(json.into())));
    }
    let Some(vocab) = get("vocab.json")? else {
        return Ok(None);
    };
    let merges = get("merges.txt")?;
    Ok(merges.map(|merges| TokenizerFiles::VocabMerges { vocab, merges }))
}

type Weights = std::result::Result<Vec<PathBuf>, Missing>;

fn weights(get: &mut dyn FnMut(&str) -> Result<Option<PathBuf>>) -> Result<Weights> {
    if let Some(single) = get("model.safetensors")? {
        return Ok(Ok(vec![single]));
    }
    let Some(index) = get(INDEX)? else {
        return Ok(Err(Missing::Weights));
    };
    let mut weights = Vec::new();
    let text = Asset::from(index.clone()).read()?;
    for name in shard_names(&String::from_utf8_lossy(&text), &index.display().to_string())? {
        match get(&name)? {
            Some(shard) => weights.push(shard),
            None => return Ok(Err(Missing::Shard(name))),
        }
    }
    Ok(Ok(weights))
}

/// For the middle of a sentence.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config.json",
            Self::Tokenizer => "tokenizer.json",
            Self::Weights => "model.safetensors",
            Self::Shard(name) => name,
        })
    }
}

impl Missing {
    /// For a model that the hub has, but without this.
    pub fn explain(&self, about: &About) -> Error {
        let model = about.model();
        match self {
            Self::Config => Error::failed(
                format!("{model} has no config.json."),
                "Give a model in Hugging Face layout; this one was made for another program.",
            ),
            Self::Tokenizer => Error::failed(
                format!("{model} has no tokenizer.json, nor vocab.json and merges.txt."),
                "Choose a model with one of these, or save its tokenizer as tokenizer.json in a directory.",
            ),
            Self::Weights => Error::failed(
                format!("{model} has no model.safetensors, and lens reads safetensors only."),
                "Choose a model with safetensors weights, or give a directory to which transformers saved this one.",
            ),
            Self::Shard(name) => Error::failed(
                format!("{model} has no {name}, although its {INDEX} names it."),
                "Tell the model's authors that their upload is not complete, or choose another revision.",
            ),
        }
    }
}
