//! Models in GGUF, the one-file format of llama.cpp: what the file says, in the terms of Hugging Face's.
//!
//! From its metadata come a config.json and a tokenizer_config.json, in memory, and what a tokenizer.json says; each
//! tensor has the name that its family's checkpoints have for it. What the conversion has changed of
//! the tensors besides ([`Layout`]) is for whoever takes them.

mod architectures;
mod config;
mod facts;
mod header;
mod keys;
mod list;
mod made;
mod metadata;
mod split;
mod splits;
mod tokenizer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Asset, ModelFiles, Storage, TokenizerFiles};
use crate::error::{Error, Result};

pub use architectures::Layout;
pub use header::{Header, Tensor};
pub use list::Numbers;
pub use made::Made;
pub(super) use split::numbered;

use architectures::Architecture;
use metadata::Metadata;

/// A model's GGUF, one file or the parts of a split one, mapped.
pub struct Gguf {
    parts: Vec<Part>,
    architecture: &'static Architecture,
    /// Whether attention and MLP, side by side, have a norm each.
    two_norms: bool,
}

struct Part {
    name: String,
    file: Storage,
    header: Header,
}

/// A tensor by the name that its family's checkpoints have for it.
pub struct Named<'a> {
    pub name: String,
    pub file: &'a Storage,
    /// What messages call the file.
    pub file_name: &'a str,
    pub tensor: &'a Tensor,
}

impl Gguf {
    /// Maps the files at `assets`, the first of them with the metadata.
    ///
    /// # Errors
    /// What is no GGUF, or of an architecture that lens does not know.
    pub fn open(assets: &[Asset]) -> Result<Self> {
        let part = |asset: &Asset| -> Result<Part> {
            let (name, file) = (asset.to_string(), Storage::open(asset)?);
            let header = Header::read(&file, &name)?;
            Ok(Part { name, file, header })
        };
        let parts: Vec<Part> = assets.iter().map(part).collect::<Result<_>>()?;
        let Some(first) = parts.first() else {
            return Err(Error::failed("There is no GGUF file.", "Give one."));
        };
        let metadata = Metadata::of(first);
        let architecture = Architecture::of(&metadata)?;
        keys::check(metadata, metadata.architecture()?)?;
        let count = metadata.integer("split.count").unwrap_or(0);
        if count > parts.len() as u64 {
            return Err(Error::failed(
                format!(
                    "{} is one of {count} parts, and the others are not there.",
                    first.name
                ),
                "Put all parts into one directory, under the names that they were published by.",
            ));
        }
        let mut tensors = parts.iter().flat_map(|part| &part.header.tensors);
        let two_norms = tensors.any(|tensor| tensor.name == "blk.0.attn_norm_2.weight");
        Ok(Self {
            parts,
            architecture,
            two_norms,
        })
    }

    fn metadata(&self) -> Metadata<'_> {
        Metadata::of(&self.parts[0])
    }

    /// What messages call the file with the metadata.
    pub fn name(&self) -> &str {
        &self.parts[0].name
    }

    /// The mapped files.
    pub fn files(&self) -> Vec<Storage> {
        self.parts.iter().map(|part| part.file.clone()).collect()
    }

    /// What the conversion has changed besides the names.
    pub fn layout(&self) -> Layout {
        self.architecture.layout
    }

    /// Every tensor that is one of the model's weights.
    pub fn tensors(&self) -> impl Iterator<Item = Named<'_>> {
        self.parts.iter().flat_map(|part| {
            part.header.tensors.iter().filter_map(|tensor| {
                Some(Named {
                    name: self.architecture.rename(&tensor.name, self.two_norms)?,
                    file: &part.file,
                    file_name: &part.name,
                    tensor,
                })
            })
        })
    }

    /// The tensors of the family's checkpoints that are in the metadata.
    ///
    /// # Errors
    /// One that is absent, or other numbers than one for each block.
    pub fn made(&self) -> Result<Vec<Made>> {
        let is_of_block = |name: &&str| name.starts_with("blk.") && name.ends_with(".ffn_down.weight");
        let blocks = self.shapes().into_keys().filter(is_of_block).count();
        (self.architecture.made)(self.metadata(), blocks)
    }

    /// The numbers of a tensor of float32 by its name in the file, a list of divisors of angles say.
    fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        const F32: u32 = 0;
        let mut all = self
            .parts
            .iter()
            .flat_map(|part| (part.header.tensors.iter()).map(move |t| (part, t)));
        let (part, tensor) = all.find(|(_, tensor)| tensor.name == name && tensor.kind == F32)?;
        let length: usize = tensor.shape.iter().try_fold(4usize, |n, &d| n.checked_mul(d))?;
        let bytes = part.file.get(tensor.start..tensor.start.checked_add(length)?)?;
        let (words, _) = bytes.as_chunks::<4>();
        Some(
            words
                .iter()
                .map(|&word| f32::from_le_bytes(word) as f64)
                .collect(),
        )
    }

    /// The shapes of all tensors by their names in the file.
    fn shapes(&self) -> BTreeMap<&str, &[usize]> {
        let tensors = self.parts.iter().flat_map(|part| &part.header.tensors);
        tensors.map(|t| (t.name.as_str(), t.shape.as_slice())).collect()
    }
}

/// The files of the model in the GGUF at `path`, and the other parts of a split one beside it.
///
/// # Errors
/// What [`model`] refuses, a part that is missing.
pub fn files(name: &str, path: &Path) -> Result<ModelFiles> {
    if !path.is_file() {
        return Err(Error::failed(
            format!("There is no file {}.", path.display()),
            "Check the path.",
        ));
    }
    model(name, split::parts(path)?.into_iter().map(Asset::from).collect())
}

/// Whether a file's name says that it is what comes beside a language model: a projector of images (`mmproj`), or
/// what a quantisation was weighted by (`imatrix`).
pub fn is_no_language_model(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| matches!(word, "mmproj" | "imatrix"))
}

/// Files of a directory that a message names.
const SHOWN: usize = 6;

/// The one GGUF in a directory, or the first part of a split one; `None` where there is none.
///
/// # Errors
/// Several models, by name.
pub fn in_directory(dir: &Path) -> Result<Option<PathBuf>> {
    let entries = dir
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let is_first = |path: &PathBuf| split::part_of(path).is_none_or(|(number, _)| number == 1);
    let mut found: Vec<PathBuf> = entries
        .filter(|path| is_gguf(path) && path.is_file())
        .filter(|path| !is_no_language_model(&path.file_name().unwrap_or_default().to_string_lossy()))
        .filter(is_first)
        .collect();
    found.sort();
    let name = |path: &PathBuf| {
        path.file_name()
            .map_or(String::new(), |n| n.to_string_lossy().into_owned())
    };
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => {
            let shown: Vec<String> = several.iter().take(SHOWN).map(name).collect();
            let more = match several.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Err(Error::usage(
                format!(
                    "{} has several GGUF files: {}{more}.",
                    dir.display(),
                    shown.join(", ")
                ),
                "Give the path of one of them.",
            ))
        }
    }
}

/// The files of the model in `weights`, the parts of one GGUF.
///
/// # Errors
/// What [`Gguf::open`] refuses, a tokenizer that lens does not know.
pub fn model(name: &str, weights: Vec<Asset>) -> Result<ModelFiles> {
    let gguf = Gguf::open(&weights)?;
    let path = &gguf.parts[0].name;
    let made = |of: &str, json: String| Asset::Memory {
        name: format!("the {of} in {path}").into(),
        bytes: json.into(),
    };
    let tokenizer = tokenizer::tokenizer(&gguf)?;
    Ok(ModelFiles {
        name: name.to_string(),
        about: None,
        revision: None,
        config: made("metadata", config::config(&gguf)?.to_string()),
        tokenizer: TokenizerFiles::Listed(Box::new(tokenizer.listed)),
        tokenizer_config: Some(made("tokenizer's settings", tokenizer.config.to_string())),
        chat_template: None,
        special_tokens_map: None,
        added_tokens: None,
        generation_config: None,
        index: None,
        weights,
        outline: None,
    })
}

/// Whether an asset is a GGUF: by its name, or, in memory, by how it begins.
pub fn is_gguf_asset(asset: &Asset) -> bool {
    match asset {
        Asset::File(path) => is_gguf(path),
        Asset::Memory { bytes, .. } => bytes.starts_with(b"GGUF"),
    }
}

/// Whether `path` names a GGUF file.
pub fn is_gguf(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf"))
}
