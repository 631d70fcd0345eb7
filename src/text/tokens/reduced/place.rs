//! Where a token is written.

use std::borrow::Cow;
use std::ops::Range;

use super::scan::Quoted;

/// Where a token is written.
#[derive(Clone, Copy)]
pub struct Place {
    start: u32,
    /// The length, and in the highest bit whether there is a backslash.
    length: u32,
}

/// The bit of a length that says whether there is a backslash; more bytes than it there cannot be.
pub const ESCAPED: u32 = 1 << 31;

impl Place {
    /// Of an id that no token has: a token begins behind its quote or its length, and so never at 0.
    pub const ABSENT: Self = Self { start: 0, length: 0 };

    /// Of a string in a JSON text.
    pub fn quoted(at: Quoted) -> Self {
        Self {
            start: at.start as u32,
            length: (at.end - at.start) as u32 | if at.escaped { ESCAPED } else { 0 },
        }
    }

    /// Of what is a token as it stands.
    pub fn plain(at: Range<usize>) -> Self {
        Self {
            start: at.start as u32,
            length: (at.end - at.start) as u32,
        }
    }

    /// Where the token is; `None` if there is none.
    pub fn get(self) -> Option<Quoted> {
        let start = self.start as usize;
        (start > 0).then(|| Quoted {
            start,
            end: start + (self.length & !ESCAPED) as usize,
            escaped: self.length & ESCAPED != 0,
        })
    }
}

/// The bytes that a string stands for; `None` where an escape is none.
pub fn unescaped(text: &[u8], at: Quoted) -> Option<Cow<'_, [u8]>> {
    if !at.escaped {
        return Some(Cow::Borrowed(&text[at.start..at.end]));
    }
    let quoted = &text[at.start - 1..at.end + 1];
    let string: String = serde_json::from_slice(quoted).ok()?;
    Some(Cow::Owned(string.into_bytes()))
}
