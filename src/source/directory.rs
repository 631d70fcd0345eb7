//! A model in a directory in Hugging Face layout. Links are followed, wherever they lead: whoever
//! made the directory made them, as older versions of huggingface_hub do into the hub's cache.

use std::path::{Path, PathBuf};

use super::parts::{self, INDEX, Incomplete, Missing, WEIGHTS};
use super::{ModelFiles, gguf};
use crate::error::{Error, Result};

/// The files of the model in `dir`: `model.safetensors`, or the shards of its index.
pub fn files(name: &str, dir: &Path) -> Result<ModelFiles> {
    if !dir.join(WEIGHTS).is_file() && !dir.join(INDEX).is_file() {
        return match gguf::in_directory(dir)? {
            Some(path) => gguf::files(name, &path),
            None => Err(no_weights(name, dir)),
        };
    }
    assemble(name, dir, &mut |file| dir.join(file))
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
    assemble(name, dir, &mut |file| match file {
        WEIGHTS => weights.to_path_buf(),
        _ => dir.join(file),
    })
}

/// The model's files, each where `place` has it.
fn assemble(name: &str, dir: &Path, place: &mut dyn FnMut(&str) -> PathBuf) -> Result<ModelFiles> {
    let mut get = |file: &str| Ok(Some(place(file)).filter(|path| path.is_file()));
    parts::assemble(name, &mut get).map_err(|incomplete| match incomplete {
        Incomplete::Lacks(missing) => lacks(&missing, name, dir),
        Incomplete::Error(error) => error,
    })
}

fn lacks(missing: &Missing, name: &str, dir: &Path) -> Error {
    let shown = dir.display();
    match missing {
        Missing::Config => Error::failed(
            format!("{shown} has no config.json."),
            "Copy the model's config.json beside its weights.",
        ),
        Missing::Tokenizer => Error::failed(
            format!("{shown} has no tokenizer."),
            "Copy the model's tokenizer.json (or vocab.json and merges.txt) beside its weights.",
        ),
        Missing::Weights | Missing::Gguf { .. } => no_weights(name, dir),
        Missing::Shard(shard) => Error::failed(
            format!(
                "{} names {shard}, but {shown} has no such file.",
                dir.join(INDEX).display()
            ),
            "Download the missing shard; the model cannot be read without it.",
        ),
    }
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
        "Give a directory in Hugging Face layout with safetensors weights, or a GGUF file.",
    )
}
