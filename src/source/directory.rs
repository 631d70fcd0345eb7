//! A model in a directory in Hugging Face layout.

use std::path::{Path, PathBuf};

use super::{Asset, ModelFiles, TokenizerFiles, shard_names};
use crate::error::{Error, Result};

/// The files of the model in `dir`: `model.safetensors`, or the shards of its index.
pub fn files(name: &str, dir: &Path) -> Result<ModelFiles> {
    let single = dir.join("model.safetensors");
    let index = dir.join("model.safetensors.index.json");
    let weights = if single.is_file() {
        vec![single]
    } else if index.is_file() {
        shards(dir, &index)?
    } else {
        return Err(no_weights(name, dir));
    };
    beside(name, dir, weights)
}

/// The files of the model whose weights are the one file `weights`.
pub fn files_beside(name: &str, weights: &Path) -> Result<ModelFiles> {
    if !weights.is_file() {
        return Err(Error::failed(
            format!("There is no file {}.", weights.display()),
            "Check the path, or give the model's directory.",
        ));
    }
    let dir = match weights.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    beside(name, dir, vec![weights.to_path_buf()])
}

fn beside(name: &str, dir: &Path, weights: Vec<PathBuf>) -> Result<ModelFiles> {
    let config = dir.join("config.json");
    if !config.is_file() {
        return Err(Error::failed(
            format!("{} has no config.json.", dir.display()),
            "Copy the model's config.json beside its weights.",
        ));
    }
    Ok(ModelFiles {
        name: name.to_string(),
        about: None,
        revision: None,
        config: config.into(),
        tokenizer: tokenizer(dir)?,
        tokenizer_config: optional(dir, "tokenizer_config.json"),
        chat_template: optional(dir, "chat_template.jinja"),
        index: Some(dir.join("model.safetensors.index.json")).filter(|index| index.is_file()),
        weights: weights.into_iter().map(Asset::from).collect(),
    })
}

fn optional(dir: &Path, name: &str) -> Option<Asset> {
    let path = dir.join(name);
    path.is_file().then(|| path.into())
}

fn tokenizer(dir: &Path) -> Result<TokenizerFiles> {
    let json = dir.join("tokenizer.json");
    let (vocab, merges) = (dir.join("vocab.json"), dir.join("merges.txt"));
    if json.is_file() {
        Ok(TokenizerFiles::Json(json.into()))
    } else if vocab.is_file() && merges.is_file() {
        Ok(TokenizerFiles::VocabMerges { vocab, merges })
    } else {
        Err(Error::failed(
            format!("{} has no tokenizer.", dir.display()),
            "Copy the model's tokenizer.json (or vocab.json and merges.txt) beside its weights.",
        ))
    }
}

fn shards(dir: &Path, index: &Path) -> Result<Vec<PathBuf>> {
    let origin = index.display().to_string();
    let text = Asset::from(index.to_path_buf()).read()?;
    let text = String::from_utf8_lossy(&text);
    let mut paths = Vec::new();
    for name in shard_names(&text, &origin)? {
        let path = dir.join(&name);
        if leads_out(&path, dir) {
            return Err(Error::failed(
                format!("{origin} names {name}, which is a link out of the model's directory."),
                "Put the file itself there; what a model's files name should lie beside them.",
            ));
        }
        if !path.is_file() {
            return Err(Error::failed(
                format!("{origin} names {name}, but {} has no such file.", dir.display()),
                "Download the missing shard; the model cannot be read without it.",
            ));
        }
        paths.push(path);
    }
    Ok(paths)
}

/// Whether a file that is named inside of `dir` is a link to somewhere else. In the hub's cache a
/// snapshot's files are links to the blobs beside the snapshots.
fn leads_out(path: &Path, dir: &Path) -> bool {
    let (Ok(real), Ok(dir)) = (path.canonicalize(), dir.canonicalize()) else {
        return false;
    };
    let blobs = dir.parent().filter(|snapshots| snapshots.ends_with("snapshots"));
    let blobs = blobs.and_then(Path::parent).map(|model| model.join("blobs"));
    !real.starts_with(dir) && !blobs.is_some_and(|blobs| real.starts_with(blobs))
}

fn no_weights(name: &str, dir: &Path) -> Error {
    if dir.join("pytorch_model.bin").is_file() || dir.join("pytorch_model.bin.index.json").is_file() {
        return Error::failed(
            format!("{name} has its weights as pytorch_model.bin only, which lens does not read."),
            "Save the model again with save_pretrained(..., safe_serialization=True).",
        );
    }
    Error::failed(
        format!("{name} has neither model.safetensors nor model.safetensors.index.json."),
        "Give a directory in Hugging Face layout with safetensors weights.",
    )
}
