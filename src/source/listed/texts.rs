//! Texts where they lie in a file.

use std::ops::Range;

use crate::source::Storage;

/// Texts of a file, one behind the other, each behind its length in eight bytes.
#[derive(Debug, Clone)]
pub struct Texts {
    file: Storage,
    range: Range<usize>,
    len: usize,
}

impl Texts {
    /// Those in that range of a file, which is one of it.
    pub(in crate::source) fn new(file: Storage, range: Range<usize>, len: usize) -> Self {
        Self { file, range, len }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that they lie in.
    pub fn bytes(&self) -> &[u8] {
        &self.file[self.range.clone()]
    }

    /// Where each lies in these bytes.
    pub fn places(&self) -> impl Iterator<Item = Range<usize>> {
        let bytes = self.bytes();
        let mut at = 0;
        std::iter::from_fn(move || {
            let length = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
            let start = at + 8;
            let end = usize::try_from(length)
                .ok()
                .and_then(|length| start.checked_add(length))
                .filter(|&end| end <= bytes.len())?;
            at = end;
            Some(start..end)
        })
    }

    /// Each in its order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.bytes();
        self.places().map(move |place| &bytes[place])
    }
}
