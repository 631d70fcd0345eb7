//! Which files make up a model, wherever they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use super::{Asset, ModelFiles, TokenizerFiles};
use crate::error::{Error, Result};

pub const CONFIG: &str = "config.json";
pub const WEIGHTS: &str = "model.safetensors";
pub const INDEX: &str = "model.safetensors.index.json";

/// What a model's files can be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    Config,
    Tokenizer,
    Weights,
    /// A file that the index names, or a part of a GGUF.
    Shard(String),
    /// A GGUF file of the type `wanted`; those of the types `there` there are.
    Gguf {
        wanted: String,
        there: Vec<String>,
    },
}

/// For the middle of a sentence.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gguf { wanted, .. } => return write!(f, "GGUF file of the type {wanted}"),
            Self::Config => CONFIG,
            Self::Tokenizer => "tokenizer.json",
            Self::Weights => WEIGHTS,
            Self::Shard(name) => name,
        })
    }
}

/// Why there is no whole model.
pub enum Incomplete {
    Lacks(Missing),
    Error(Error),
}

impl From<Missing> for Incomplete {
    fn from(missing: Missing) -> Self {
        Self::Lacks(missing)
    }
}

impl From<Error> for Incomplete {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Finds a file by its name in the model's directory; `None` for one that is not there.
type Get<'a> = &'a mut dyn FnMut(&str) -> Result<Option<PathBuf>>;

/// The files of the model called `name`: what is needed, then what a model may do without, and the
/// weights last, so that whoever has these has been asked for all the others.
pub fn assemble(name: &str, get: Get) -> std::result::Result<ModelFiles, Incomplete> {
    let files = described(name, get)?;
    files.with_weights(get)
}

/// The files of the model called `name` without its weights, of which no more is here than the names of the
/// shards, in order.
pub fn outline(name: &str, get: Get) -> std::result::Result<(ModelFiles, Vec<String>), Incomplete> {
    let mut files = described(name, get)?;
    let Some(index) = get(INDEX)? else {
        return Ok((files, vec![WEIGHTS.to_string()]));
    };
    let text = Asset::from(index.clone()).read()?;
    let shards = shard_names(&String::from_utf8_lossy(&text), &index.display().to_string())?;
    files.index = Some(index);
    Ok((files, shards))
}

/// All files but the weights.
fn described(name: &str, get: Get) -> std::result::Result<ModelFiles, Incomplete> {
    let config = get(CONFIG)?.ok_or(Missing::Config)?;
    let tokenizer = tokenizer(get)?;
    let mut optional = |name: &str| get(name).map(|path| path.map(Asset::from));
    Ok(ModelFiles {
        name: name.to_string(),
        about: None,
        revision: None,
        config: config.into(),
        tokenizer,
        tokenizer_config: optional("tokenizer_config.json")?,
        chat_template: optional("chat_template.jinja")?,
        special_tokens_map: optional("special_tokens_map.json")?,
        added_tokens: optional("added_tokens.json")?,
        generation_config: optional("generation_config.json")?,
        index: None,
        weights: Vec::new(),
        outline: None,
    })
}

fn tokenizer(get: Get) -> std::result::Result<TokenizerFiles, Incomplete> {
    if let Some(json) = get("tokenizer.json")? {
        return Ok(TokenizerFiles::Json(json.into()));
    }
    let vocab = get("vocab.json")?.ok_or(Missing::Tokenizer)?;
    let merges = get("merges.txt")?.ok_or(Missing::Tokenizer)?;
    Ok(TokenizerFiles::VocabMerges { vocab, merges })
}

impl ModelFiles {
    /// With `model.safetensors`, or the shards of its index.
    fn with_weights(mut self, get: Get) -> std::result::Result<Self, Incomplete> {
        if let Some(single) = get(WEIGHTS)? {
            self.weights = vec![single.into()];
            return Ok(self);
        }
        let index = get(INDEX)?.ok_or(Missing::Weights)?;
        let text = Asset::from(index.clone()).read()?;
        for name in shard_names(&String::from_utf8_lossy(&text), &index.display().to_string())? {
            let shard = get(&name)?.ok_or(Missing::Shard(name))?;
            self.weights.push(shard.into());
        }
        self.index = Some(index);
        Ok(self)
    }
}

/// The shards that an index names, in order, each once. `index` is the text of
/// `model.safetensors.index.json`, `origin` what messages call it.
///
/// # Errors
/// What is no index, or names something that is no safetensors file of the same directory.
pub fn shard_names(index: &str, origin: &str) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let index: Index = serde_json::from_str(index).map_err(|e| {
        Error::failed(
            format!("{origin} is not a safetensors index: {e}."),
            "It should be JSON with a weight_map from tensor names to file names; fetch the file again.",
        )
    })?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    if let Some(name) = names.iter().find(|name| !is_shard_name(name)) {
        return Err(Error::failed(
            format!("{origin} names the shard {name:?}, which is not a .safetensors file beside it."),
            "Use a checkpoint whose index names plain files in its own directory.",
        ));
    }
    if names.is_empty() {
        return Err(Error::failed(
            format!("{origin} names no files."),
            "Fetch the checkpoint again; its index should map every tensor to a file.",
        ));
    }
    Ok(names.into_iter().collect())
}

fn is_shard_name(name: &str) -> bool {
    name.ends_with(".safetensors") && stays_below(name)
}

/// Whether a path stays below the model's directory on every system.
pub fn stays_below(name: &str) -> bool {
    name.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !name.contains(|c: char| c.is_control() || "\\:".contains(c))
}
