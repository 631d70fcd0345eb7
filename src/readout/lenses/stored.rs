//! The matrices of a lens in its file: a `.pt` of torch's, or safetensors.

use std::collections::BTreeMap;

use crate::error::{Result, cut};
use crate::source::Asset;
use crate::weights::torch::{Archive, Item, Key};
use crate::weights::{Matrix, TensorFile, Vector};

/// A file of matrices.
pub enum Stored {
    Torch(Archive),
    Safetensors(TensorFile),
}

/// A tensor of such a file.
pub enum Tensor<'a> {
    Torch(Item<'a>),
    Safetensors(&'a TensorFile),
}

impl Stored {
    /// Maps a file, safetensors by its ending.
    ///
    /// # Errors
    /// A file that is not what its ending says.
    pub fn open(asset: &Asset) -> Result<Self> {
        let ending = asset.path().and_then(|path| path.extension());
        match ending.is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors")) {
            true => Ok(Self::Safetensors(TensorFile::open(asset)?)),
            false => Ok(Self::Torch(Archive::open(asset)?)),
        }
    }

    /// What was saved with `torch.save`; `None` of a safetensors file.
    pub fn root(&self) -> Option<Item<'_>> {
        match self {
            Self::Torch(archive) => Some(archive.root()),
            Self::Safetensors(_) => None,
        }
    }

    /// The tensors by name; of torch's those of the dict `part`, or of the whole where that is `None`.
    pub fn tensors(&self, part: Option<&str>) -> BTreeMap<String, Tensor<'_>> {
        match self {
            Self::Safetensors(file) => {
                let named = |name: &str| (name.to_string(), Tensor::Safetensors(file));
                file.names().map(named).collect()
            }
            Self::Torch(archive) => {
                let root = archive.root();
                let dict = part.map_or(Some(root), |part| root.get(part));
                let entries = dict.map(Item::entries).unwrap_or_default().into_iter();
                let tensors = entries.filter(|(_, item)| item.is_tensor());
                tensors
                    .map(|(key, item)| (text(key), Tensor::Torch(item)))
                    .collect()
            }
        }
    }
}

/// A name as `str(key)` has it in Python; of a text that is longer than any name of a tensor its beginning.
fn text(key: Key) -> String {
    match key {
        Key::Int(number) => number.to_string(),
        Key::Text(text) => cut(text),
    }
}

impl Tensor<'_> {
    /// The matrix where it lies.
    ///
    /// # Errors
    /// What is no matrix that can be computed with.
    pub fn matrix(&self, name: &str) -> Result<Matrix> {
        match self {
            Self::Torch(item) => item.matrix(&format!("The tensor {name}")),
            Self::Safetensors(file) => file.matrix(name),
        }
    }

    /// The vector where it lies.
    ///
    /// # Errors
    /// What is no vector that can be computed with.
    pub fn vector(&self, name: &str) -> Result<Vector> {
        match self {
            Self::Torch(item) => item.vector(&format!("The tensor {name}")),
            Self::Safetensors(file) => file.vector(name),
        }
    }
}
