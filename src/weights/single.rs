//! The tensors of one safetensors file that is no checkpoint.

use std::collections::BTreeMap;

use super::view::View;
use super::{Layout, Matrix, Vector, pages, views};
use crate::error::{Error, Result, cut};
use crate::source::{Asset, Storage};

/// The tensors of a file by name, of whatever shapes it has.
#[derive(Debug)]
pub struct TensorFile {
    name: String,
    tensors: BTreeMap<String, View>,
}

impl TensorFile {
    /// Maps a file and reads its header.
    ///
    /// # Errors
    /// A file that cannot be mapped or is no whole safetensors file.
    pub fn open(asset: &Asset) -> Result<Self> {
        let file = Storage::open(asset)?;
        let tensors = views(asset, &file, file.len() > pages::STREAMED)?;
        Ok(Self {
            name: asset.to_string(),
            tensors: tensors.into_iter().collect(),
        })
    }

    /// The names of its tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A tensor as a matrix `[outputs, inputs]`.
    ///
    /// # Errors
    /// No such tensor, none of two dimensions, or a type that is not computed with.
    pub fn matrix(&self, name: &str) -> Result<Matrix> {
        let view = self.view(name)?;
        match *view.shape() {
            [outputs, inputs] => Ok(Matrix::new(view, [outputs, inputs], Layout::OutIn)),
            ref shape => Err(self.wrong(name, &format!("has the shape {shape:?}"))),
        }
    }

    /// A tensor as a vector.
    ///
    /// # Errors
    /// As [`TensorFile::matrix`].
    pub fn vector(&self, name: &str) -> Result<Vector> {
        let view = self.view(name)?;
        match view.shape() {
            [_] => Ok(Vector::Stored(view)),
            shape => Err(self.wrong(name, &format!("has the shape {shape:?}"))),
        }
    }

    fn view(&self, name: &str) -> Result<View> {
        let view = (self.tensors.get(name)).ok_or_else(|| self.wrong(name, "is missing"))?;
        match view.dtype() {
            dtype if dtype.is_supported() => Ok(view.clone()),
            dtype => {
                let how = format!("is stored as {dtype}, which lens does not compute with");
                Err(self.wrong(name, &how))
            }
        }
    }

    fn wrong(&self, name: &str, how: &str) -> Error {
        Error::failed(
            format!("The tensor {} of {} {how}.", cut(name), self.name),
            "Save it in float32, bfloat16 or float16, in the shape that the lens has it.",
        )
    }
}
