//! What `torch.save` wrote, since torch 1.6: a zip archive of a pickle and the bytes of each storage. Tensors
//! are read where they lie, and nothing of the pickle is executed.

mod pickle;
mod zip;

use std::collections::BTreeMap;
use std::ops::Range;

use super::view::View;
use super::{Layout, Matrix, Vector, pages};
use crate::error::{Error, Result, cut};
use crate::source::{Asset, Storage};
use pickle::{Id, Pickle, Value};

/// The first bytes of a file of an older torch: a pickle of a number of its own.
const LEGACY: &[u8] = &[0x80, 0x02, 0x8a, 0x0a];

/// A file of torch's.
#[derive(Debug)]
pub struct Archive {
    name: String,
    file: Storage,
    entries: BTreeMap<String, Range<usize>>,
    /// What stands before the names of its files.
    prefix: String,
    pickle: Pickle,
    streamed: bool,
}

impl Archive {
    /// Maps a file and reads its pickle. No storage is read.
    ///
    /// # Errors
    /// A file that cannot be mapped, is no whole archive of torch's, or whose pickle needs more than tensors do.
    pub fn open(asset: &Asset) -> Result<Self> {
        let file = Storage::open(asset)?;
        let name = asset.to_string();
        if !zip::is_archive(&file) {
            return Err(no_archive(&name, &file));
        }
        let entries = zip::entries(&file).map_err(|why| not_whole(&name, &why))?;
        let pickles: Vec<&str> = (entries.keys())
            .filter_map(|entry| entry.strip_suffix("data.pkl"))
            .filter(|prefix| prefix.is_empty() || prefix.ends_with('/'))
            .collect();
        let [prefix] = pickles[..] else {
            return Err(not_whole(&name, "it has no data.pkl, or several"));
        };
        let prefix = prefix.to_string();
        let order = entries.get(&format!("{prefix}byteorder"));
        if order.is_some_and(|range| &file[range.clone()] != b"little") {
            return Err(Error::failed(
                format!("The numbers of {name} are not in little-endian order."),
                "Save it on a machine that has this order, as almost all have.",
            ));
        }
        let pickle = Pickle::read(&file[entries[&format!("{prefix}data.pkl")].clone()]);
        Ok(Self {
            pickle: pickle.map_err(|why| refused(&name, &why))?,
            streamed: file.len() > pages::STREAMED,
            name,
            file,
            entries,
            prefix,
        })
    }

    /// What was saved.
    pub fn root(&self) -> Item<'_> {
        Item {
            archive: self,
            id: self.pickle.root(),
        }
    }
}

/// A value of an archive.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    archive: &'a Archive,
    id: Id,
}

/// What a dict has its values by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    Int(i64),
    Text(&'a str),
}

impl<'a> Item<'a> {
    /// Whether it is a dict.
    pub fn is_dict(self) -> bool {
        matches!(self.value(), Value::Dict(_))
    }

    /// Whether it is a tensor.
    pub fn is_tensor(self) -> bool {
        matches!(self.value(), Value::Tensor(_))
    }

    /// The values of a dict that have a number or a text as their key; of equal keys the last. None of what is
    /// no dict. Nothing is copied: a file may use one text as often as it likes.
    pub fn entries(self) -> BTreeMap<Key<'a>, Self> {
        let pairs = self.pairs().iter();
        pairs
            .filter_map(|&(name, id)| Some((self.key(name)?, Self { id, ..self })))
            .collect()
    }

    /// The value of a dict that has this key; of several the last.
    pub fn get(self, key: &str) -> Option<Self> {
        let mut pairs = self.pairs().iter().rev();
        let (_, id) = pairs.find(|(name, _)| self.key(*name) == Some(Key::Text(key)))?;
        Some(Self { id: *id, ..self })
    }

    fn pairs(self) -> &'a [(Id, Id)] {
        match self.value() {
            Value::Dict(pairs) => pairs,
            _ => &[],
        }
    }

    fn key(self, id: Id) -> Option<Key<'a>> {
        match self.archive.pickle.value(id) {
            Value::Int(key) => Some(Key::Int(*key)),
            Value::Text(key) => Some(Key::Text(key)),
            _ => None,
        }
    }

    /// Whether it is something, not Python's None.
    pub fn is_some(self) -> bool {
        !matches!(self.value(), Value::None)
    }

    /// A text.
    pub fn text(self) -> Option<&'a str> {
        match self.value() {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number.
    pub fn number(self) -> Option<i64> {
        match self.value() {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A yes or a no.
    pub fn flag(self) -> Option<bool> {
        match self.value() {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A list of whole numbers.
    pub fn numbers(self) -> Option<Vec<i64>> {
        let Value::List(items) = self.value() else {
            return None;
        };
        items.iter().map(|&id| Self { id, ..self }.number()).collect()
    }

    /// The tensor as a matrix `[outputs, inputs]`, where it lies.
    ///
    /// # Errors
    /// What is no tensor of two dimensions, is not whole, or is of a type that is not computed with. `what`
    /// says which it is.
    pub fn matrix(self, what: &str) -> Result<Matrix> {
        let (view, layout) = self.view(what)?;
        match view.shape()[..] {
            [rows, columns] => Ok(Matrix::new(view, [rows, columns], layout)),
            _ => Err(self.wrong(what, &format!("has the shape {:?}", view.shape()))),
        }
    }

    /// The tensor as a vector.
    ///
    /// # Errors
    /// As [`Item::matrix`].
    pub fn vector(self, what: &str) -> Result<Vector> {
        let (view, _) = self.view(what)?;
        match view.shape() {
            [_] => Ok(Vector::Stored(view)),
            shape => Err(self.wrong(what, &format!("has the shape {shape:?}"))),
        }
    }

    /// A tensor of up to two dimensions without gaps between its numbers, as they lie: of columns one after
    /// another, the transposed.
    fn view(self, what: &str) -> Result<(View, Layout)> {
        let Value::Tensor(tensor) = self.value() else {
            return Err(self.wrong(what, "is no tensor"));
        };
        let dtype = tensor.storage.dtype;
        if !dtype.is_supported() {
            return Err(self.wrong(
                what,
                &format!("is stored as {dtype}, which lens does not compute with"),
            ));
        }
        let Archive {
            entries,
            prefix,
            file,
            streamed,
            ..
        } = self.archive;
        let cut_short = || self.wrong(what, "is not whole in it");
        let Value::Text(key) = self.archive.pickle.value(tensor.storage.key) else {
            return Err(cut_short());
        };
        let storage = (entries.get(&format!("{prefix}data/{key}"))).ok_or_else(cut_short)?;
        let count = (tensor.shape.iter()).try_fold(1usize, |n, &size| n.checked_mul(size));
        let place = |numbers: usize| storage.start.checked_add(dtype.bytes_of(numbers)?);
        let start = place(tensor.offset);
        let end = count.and_then(|count| place(tensor.offset.checked_add(count)?));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(cut_short());
        };
        if end > storage.end {
            return Err(cut_short());
        }
        let Some((shape, layout)) = as_it_lies(&tensor.shape, &tensor.strides) else {
            let strides = &tensor.strides;
            return Err(self.wrong(
                what,
                &format!("has the shape {:?} with the strides {strides:?}", tensor.shape),
            ));
        };
        Ok((
            View::new(file.clone(), start..end, dtype, shape, *streamed),
            layout,
        ))
    }

    fn wrong(self, what: &str, how: &str) -> Error {
        Error::failed(
            format!("{} of {} {how}.", cut(what), self.archive.name),
            "Save it as a contiguous tensor in float32, bfloat16 or float16.",
        )
    }

    fn value(self) -> &'a Value {
        self.archive.pickle.value(self.id)
    }
}

/// The shape and the layout of a tensor of up to two dimensions that lies without gaps.
fn as_it_lies(shape: &[usize], strides: &[usize]) -> Option<(Vec<usize>, Layout)> {
    match (shape, strides) {
        ([len], [stride]) if *stride == 1 || *len <= 1 => Some((vec![*len], Layout::OutIn)),
        ([rows, columns], [down, right]) => {
            let by_rows = (*right == 1 || *columns <= 1) && (down == columns || *rows <= 1);
            let by_columns = (*down == 1 || *rows <= 1) && (right == rows || *columns <= 1);
            match (by_rows, by_columns) {
                (true, _) => Some((vec![*rows, *columns], Layout::OutIn)),
                (false, true) => Some((vec![*columns, *rows], Layout::InOut)),
                (false, false) => None,
            }
        }
        _ => None,
    }
}

fn no_archive(name: &str, bytes: &[u8]) -> Error {
    if bytes.starts_with(LEGACY) {
        return Error::failed(
            format!("{name} is in the format that torch had before 1.6."),
            "Load it with torch.load and save it again with torch.save.",
        );
    }
    not_whole(name, "it does not begin as one")
}

fn not_whole(name: &str, why: &str) -> Error {
    Error::failed(
        format!("{name} is not a whole file of torch.save: {why}."),
        "Download or copy it again; if it is a Git LFS pointer, run git lfs pull.",
    )
}

fn refused(name: &str, why: &str) -> Error {
    Error::failed(
        format!("{name} holds more than tensors, numbers and texts: {why}."),
        "Nothing of it was executed. Save the tensors alone, in a dict.",
    )
}
