//! Lists of the metadata, where they lie in the file.

use std::ops::Range;

use super::header::Value;
use crate::source::{Storage, Texts};

/// A list of values of one kind.
#[derive(Debug, Clone)]
pub struct List {
    pub kind: u32,
    pub len: usize,
    pub range: Range<usize>,
}

/// The number of the kind of a text.
pub const TEXT: u32 = 8;

impl List {
    /// The texts of a list of texts; `None` for another.
    pub fn texts(&self, file: &Storage) -> Option<Texts> {
        let is_there = self.kind == TEXT && file.get(self.range.clone()).is_some();
        is_there.then(|| Texts::new(file.clone(), self.range.clone(), self.len))
    }

    /// The numbers (or booleans, as 0 and 1) of a list of them; `None` for another.
    pub fn numbers<'a>(&self, file: &'a [u8]) -> Option<impl Iterator<Item = f64> + use<'a>> {
        let kind = self.kind;
        let size = size_of_kind(kind)?;
        let bytes = file.get(self.range.clone())?;
        Some(bytes.chunks_exact(size).map(move |word| number(kind, word)))
    }
}

/// Numbers of a file, one behind the other.
#[derive(Debug, Clone)]
pub struct Numbers {
    file: Storage,
    list: List,
}

impl Numbers {
    /// Those of a list of numbers; `None` for another list.
    pub fn new(file: &Storage, list: &List) -> Option<Self> {
        list.numbers(file).map(|_| Self {
            file: file.clone(),
            list: list.clone(),
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        self.list.numbers(&self.file).into_iter().flatten()
    }

    /// One by its place in the list.
    pub fn get(&self, at: usize) -> Option<f64> {
        let size = size_of_kind(self.list.kind)?;
        let word = self
            .file
            .get(self.list.range.clone())?
            .chunks_exact(size)
            .nth(at)?;
        Some(number(self.list.kind, word))
    }
}

/// A number of a kind that [`size_of_kind`] knows.
fn number(kind: u32, word: &[u8]) -> f64 {
    // What the lists of vocabularies have.
    match (kind, word) {
        (5, &[a, b, c, d]) => return i32::from_le_bytes([a, b, c, d]).into(),
        (6, &[a, b, c, d]) => return f32::from_le_bytes([a, b, c, d]).into(),
        _ => {}
    }
    match scalar(kind, word) {
        Some(Value::Integer(n)) => n as f64,
        Some(Value::Float(x)) => x,
        Some(Value::Bool(flag)) => f64::from(u8::from(flag)),
        _ => f64::NAN,
    }
}

/// The bytes of a number of that kind; `None` for what is none.
pub fn size_of_kind(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// The number (or boolean) of that kind that is written so.
pub fn scalar(kind: u32, word: &[u8]) -> Option<Value> {
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
