//! The container: what a GGUF file says of itself, and where its tensors lie.
//!
//! Little-endian, version 2 or 3, as <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md> has it. Whatever
//! a file says of lengths is held against its own length before it is believed.

use std::collections::BTreeMap;
use std::ops::Range;

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

/// A list of values of one kind.
#[derive(Debug, Clone)]
pub struct List {
    kind: u32,
    pub len: usize,
    range: Range<usize>,
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

const TEXT: u32 = 8;
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

impl List {
    /// The texts of a list of texts; `None` for another.
    pub fn texts<'a>(&self, file: &'a [u8]) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
        if self.kind != TEXT {
            return None;
        }
        let mut rest = file.get(self.range.clone())?;
        Some(std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk::<8>()?;
            let (text, after) = after.split_at_checked(u64::from_le_bytes(*length) as usize)?;
            rest = after;
            Some(text)
        }))
    }

    /// The numbers (or booleans, as 0 and 1) of a list of them; `None` for another.
    pub fn numbers<'a>(&self, file: &'a [u8]) -> Option<impl Iterator<Item = f64> + use<'a>> {
        let kind = self.kind;
        let size = size_of_kind(kind)?;
        let bytes = file.get(self.range.clone())?;
        Some(
            bytes
                .chunks_exact(size)
                .filter_map(move |word| match scalar(kind, word)? {
                    Value::Integer(n) => Some(n as f64),
                    Value::Float(x) => Some(x),
                    Value::Bool(flag) => Some(flag as u8 as f64),
                    _ => None,
                }),
        )
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

/// The bytes of a number of that kind; `None` for what is none.
fn size_of_kind(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn scalar(kind: u32, word: &[u8]) -> Option<Value> {
    Some(match (kind, word) {
        (0, &[x]) => Value::Integer(x as i128),
        (1, &[x]) => Value::Integer(x as i8 as i128),
        (7, &[x]) => Value::Bool(x != 0),
        (2, &[a, b]) => Value::Integer(u16::from_le_bytes([a, b]) as i128),
        (3, &[a, b]) => Value::Integer(i16::from_le_bytes([a, b]) as i128),
        (4, word) => Value::Integer(u32::from_le_bytes(word.try_into().ok()?) as i128),
        (5, word) => Value::Integer(i32::from_le_bytes(word.try_into().ok()?) as i128),
        (6, word) => Value::Float(f32::from_le_bytes(word.try_into().ok()?) as f64),
        (10, word) => Value::Integer(u64::from_le_bytes(word.try_into().ok()?) as i128),
        (11, word) => Value::Integer(i64::from_le_bytes(word.try_into().ok()?) as i128),
        (12, word) => Value::Float(f64::from_le_bytes(word.try_into().ok()?)),
        _ => return None,
    })
}
