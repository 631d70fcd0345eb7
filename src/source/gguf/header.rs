//! The container: what a GGUF file says of itself, and where its tensors lie.
//!
//! Little-endian, version 2 or 3, as <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md> has it. Whatever
//! a file says of lengths is held against its own length before it is believed.

use std::collections::BTreeMap;
use std::ops::Range;

use super::list::{List, TEXT, scalar, size_of_kind};
use crate::error::{Error, Result};

/// A file's metadata and tensors.
#[derive(Debug)]
pub struct Header {
    pub metadata: BTreeMap<String, Value>,
    pub tensors: Vec<Tensor>,
}

/// One value of the metadata. Texts and lists stay where they lie in the file.
#[derive(Debug, Clone)]
pub enum Value {
    Integer(i128),
    Float(f64),
    Bool(bool),
    Text(Range<usize>),
    List(List),
}

/// Where a tensor lies.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub name: String,
    /// The outermost dimension first: the reverse of the file's order.
    pub shape: Vec<usize>,
    /// The type, by GGUF's number.
    pub kind: u32,
    /// Its first byte, from the file's beginning.
    pub start: usize,
}

/// The number of the kind of a list.
const LIST: u32 = 9;

impl Header {
    /// Reads the header of `file`; `name` is what messages call it.
    ///
    /// # Errors
    /// What is no GGUF, is cut short or contradicts itself.
    pub fn read(file: &[u8], name: &str) -> Result<Self> {
        let mut cursor = Cursor { file, at: 0, name };
        if cursor.bytes(4)? != b"GGUF" {
            return Err(cursor.broken("it does not begin as one"));
        }
        let version = u32::from_le_bytes(cursor.array()?);
        if !(2..=3).contains(&version) {
            return Err(cursor.broken(&format!("its version {version} is neither 2 nor 3")));
        }
        let (tensors, pairs) = (cursor.length()?, cursor.length()?);
        let mut metadata = BTreeMap::new();
        for _ in 0..pairs {
            let key = cursor.text()?;
            let kind = u32::from_le_bytes(cursor.array()?);
            let value = cursor.value(kind)?;
            let key = cursor.utf8(key)?;
            if metadata.insert(key.clone(), value).is_some() {
                return Err(cursor.broken(&format!("it says {key} twice")));
            }
        }
        let mut infos = Vec::new();
        for _ in 0..tensors {
            infos.push(cursor.tensor()?);
        }
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(Value::Integer(n @ 1..=65536)) if (*n as usize).is_power_of_two() => *n as usize,
            Some(_) => return Err(cursor.broken("its alignment is no power of two")),
        };
        let base = cursor.at.next_multiple_of(alignment);
        for info in &mut infos {
            let start = base.checked_add(info.start);
            info.start = start.ok_or_else(|| cursor.broken("a tensor lies past its end"))?;
        }
        Ok(Self {
            metadata,
            tensors: infos,
        })
    }
}

/// A place in a file, moving on.
struct Cursor<'a> {
    file: &'a [u8],
    at: usize,
    name: &'a str,
}

impl<'a> Cursor<'a> {
    fn broken(&self, why: &str) -> Error {
        Error::failed(
            format!("{} is not a GGUF file that lens can read: {why}.", self.name),
            "Download or copy it again; if it is a Git LFS pointer, run git lfs pull.",
        )
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = &self.file[self.at.min(self.file.len())..];
        let bytes = rest.get(..length).ok_or_else(|| self.broken("it is cut short"))?;
        self.at += length;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    /// A count of things of at least a byte each.
    fn length(&mut self) -> Result<usize> {
        let length = u64::from_le_bytes(self.array()?);
        let length = usize::try_from(length).ok().filter(|&n| n <= self.file.len());
        length.ok_or_else(|| self.broken("it is cut short"))
    }

    fn text(&mut self) -> Result<Range<usize>> {
        let length = self.length()?;
        let start = self.at;
        self.bytes(length)?;
        Ok(start..self.at)
    }

    fn utf8(&self, range: Range<usize>) -> Result<String> {
        let text = std::str::from_utf8(&self.file[range]);
        Ok(text
            .map_err(|_| self.broken("a name in it is no text"))?
            .to_string())
    }

    fn value(&mut self, kind: u32) -> Result<Value> {
        match kind {
            TEXT => self.text().map(Value::Text),
            LIST => self.list().map(Value::List),
            _ => {
                let unknown = |cursor: &Self| cursor.broken(&format!("a value has the unknown kind {kind}"));
                let size = size_of_kind(kind).ok_or_else(|| unknown(self))?;
                let word = self.bytes(size)?;
                scalar(kind, word).ok_or_else(|| unknown(self))
            }
        }
    }

    fn list(&mut self) -> Result<List> {
        let kind = u32::from_le_bytes(self.array()?);
        let len = self.length()?;
        let start = self.at;
        match (kind, size_of_kind(kind)) {
            (TEXT, _) => {
                for _ in 0..len {
                    self.text()?;
                }
            }
            (_, Some(size)) => {
                let bytes = len
                    .checked_mul(size)
                    .ok_or_else(|| self.broken("it is cut short"))?;
                self.bytes(bytes)?;
            }
            _ => return Err(self.broken(&format!("a list has the unknown kind {kind}"))),
        }
        Ok(List {
            kind,
            len,
            range: start..self.at,
        })
    }

    fn tensor(&mut self) -> Result<Tensor> {
        let name = self.text()?;
        let name = self.utf8(name)?;
        let dimensions = u32::from_le_bytes(self.array()?);
        if dimensions > 4 {
            return Err(self.broken(&format!("the tensor {name} has {dimensions} dimensions")));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let size = u64::from_le_bytes(self.array()?);
            let size = usize::try_from(size).map_err(|_| self.broken("a tensor is too large"))?;
            shape.insert(0, size);
        }
        let kind = u32::from_le_bytes(self.array()?);
        let start = u64::from_le_bytes(self.array()?);
        let start = usize::try_from(start).map_err(|_| self.broken("a tensor lies past its end"))?;
        Ok(Tensor {
            name,
            shape,
            kind,
            start,
        })
    }
}
