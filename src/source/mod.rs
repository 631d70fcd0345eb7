//! Where a model comes from: a name on the command line becomes a set of files on this machine.

mod asset;
mod demo;
mod directory;
pub mod gguf;
mod hub;
mod lens;
mod likeness;
mod listed;
mod outline;
mod parts;
mod published;
pub(crate) mod python_json;
mod storage;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

pub use asset::Asset;
pub use demo::DEMO;
#[doc(hidden)]
pub use hub::answer as hub_answer;
pub use hub::{HubOptions, cached};
pub use lens::LensFiles;
pub use likeness::{Likeness, likeness, same_name};
pub use listed::{Added, Listed, Merges, Scores, Texts};
pub use outline::{Outline, Outlined};
pub use parts::shard_names;
pub use storage::Storage;

/// The files that make up one model, all at hand.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    /// The model's name for people and for `meta`: the full hub id, or the path as given.
    pub name: String,
    /// What there is to say of the model, of one that lens itself brings.
    pub about: Option<&'static str>,
    /// The commit hash of a hub model; `None` for others.
    pub revision: Option<String>,
    /// `config.json`.
    pub config: Asset,
    pub tokenizer: TokenizerFiles,
    /// `tokenizer_config.json`, if there is one.
    pub tokenizer_config: Option<Asset>,
    /// `chat_template.jinja`, if there is one.
    pub chat_template: Option<Asset>,
    /// `special_tokens_map.json`, if there is one.
    pub special_tokens_map: Option<Asset>,
    /// `added_tokens.json`, if there is one.
    pub added_tokens: Option<Asset>,
    /// `generation_config.json`, if there is one.
    pub generation_config: Option<Asset>,
    /// The index that names the shards, of a model that has shards.
    pub index: Option<PathBuf>,
    /// One safetensors file, or all shards named by the index, in the index's order.
    pub weights: Vec<Asset>,
    /// What the weights are, of a model whose weights are not all on this machine.
    pub outline: Option<Outline>,
}

impl ModelFiles {
    /// Where its files lie, those that the binary carries left out.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let tokenizer = match &self.tokenizer {
            TokenizerFiles::Json(asset) => [asset.path(), None],
            TokenizerFiles::Listed(_) => [None, None],
            TokenizerFiles::VocabMerges { vocab, merges } => [Some(vocab.as_path()), Some(merges.as_path())],
        };
        let optional = [
            &self.tokenizer_config,
            &self.chat_template,
            &self.special_tokens_map,
            &self.added_tokens,
            &self.generation_config,
        ];
        [&self.config]
            .into_iter()
            .chain(&self.weights)
            .chain(optional.into_iter().flatten())
            .filter_map(|asset| asset.path())
            .chain(tokenizer.into_iter().flatten())
            .chain(self.index.as_deref())
    }
}

/// A tokenizer as Hugging Face stores it, or as what one would be made of.
#[derive(Debug, Clone)]
pub enum TokenizerFiles {
    /// `tokenizer.json`.
    Json(Asset),
    /// What one would say, the vocabulary in the file of the weights.
    Listed(Box<Listed>),
    /// `vocab.json` and `merges.txt`, as older GPT-2 fine-tunes have it.
    VocabMerges { vocab: PathBuf, merges: PathBuf },
}

/// Finds the files of `model`: [`DEMO`], a directory in Hugging Face layout, the path of a `.safetensors`
/// file in one, a `.gguf` file or a directory with one, or a hub id such as `openai-community/gpt2` (or a short legacy name, `gpt2`).
pub fn locate(model: &str, options: &HubOptions) -> Result<ModelFiles> {
    if model == DEMO {
        return Ok(demo::files());
    }
    let path = Path::new(model);
    if path.is_dir() {
        return directory::files(model, path);
    }
    if gguf::is_gguf(path) {
        return gguf::files(model, path);
    }
    if path.extension().is_some_and(|e| e == "safetensors") {
        return directory::files_beside(model, path);
    }
    if path.is_file() {
        return Err(Error::usage(
            format!("{model} is a file, but neither a .safetensors nor a .gguf file."),
            "Give such a file, the model's directory, or a hub id such as gpt2.",
        ));
    }
    if looks_like_a_path(model) {
        return Err(Error::failed(
            format!("There is no directory {model}."),
            "Give a directory with config.json and model.safetensors, or a hub id such as gpt2.",
        ));
    }
    hub::files(model, options)
}

/// Finds the files of `model` as [`locate`] does, but downloads no weights: of a model of the hub that is not
/// whole in the cache, the outline says what they are, with the bytes of those tensors that [`fetch`] has
/// fetched before.
///
/// # Errors
/// As [`locate`].
pub fn outline(model: &str, options: &HubOptions) -> Result<ModelFiles> {
    match is_on_the_hub(model) {
        true => hub::outline(model, options),
        false => locate(model, options),
    }
}

/// Fetches the tensors `names` of an outlined model, those that are not on this machine yet, each by its bytes.
///
/// # Errors
/// A hub that cannot be reached, or that gives no parts of files.
pub fn fetch(files: &mut ModelFiles, names: &[String], options: &HubOptions) -> Result<()> {
    hub::fetch(files, names, options)
}

/// Whether [`locate`] would look for `model` on the hub.
pub fn is_on_the_hub(model: &str) -> bool {
    let path = Path::new(model);
    let is_weights = gguf::is_gguf(path) || path.extension().is_some_and(|e| e == "safetensors");
    let is_local = path.exists() || is_weights;
    model != DEMO && !is_local && !looks_like_a_path(model)
}

/// A hub id has at most one slash and never begins like a path.
fn looks_like_a_path(model: &str) -> bool {
    Path::new(model).is_absolute()
        || model.starts_with(['.', '~'])
        || model.ends_with('/')
        || model.contains('\\')
        || model.matches('/').count() > 1
}
