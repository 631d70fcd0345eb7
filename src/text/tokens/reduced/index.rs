//! A vocabulary and its merges, where they are written.

use super::ranked::Ranked;
use super::vocabulary::Vocabulary;

/// The vocabulary and the merges of a byte-pair encoding.
pub struct Index {
    vocabulary: Vocabulary,
    merges: Ranked,
}

/// A merge that makes a known token: its rank, and at which byte of the token the right one of the two begins.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pub rank: u32,
    pub at: usize,
}

impl Index {
    /// Of merges that are written by rank.
    pub fn new(vocabulary: Vocabulary, merges: Ranked) -> Self {
        Self { vocabulary, merges }
    }

    /// The number of tokens.
    pub fn count(&self) -> usize {
        self.vocabulary.count()
    }

    /// The number of merges.
    pub fn merges(&self) -> usize {
        self.merges.count()
    }

    /// Bytes of the longest token.
    pub fn longest(&self) -> usize {
        self.vocabulary.longest()
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.vocabulary.id(token.as_bytes())
    }

    /// The token of an id.
    pub fn token(&self, id: u32) -> Option<String> {
        String::from_utf8(self.vocabulary.bytes(id)?.into_owned()).ok()
    }

    /// The ids that are tokens.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.vocabulary.ids()
    }

    /// Whether the token is one of a merge's two.
    pub fn is_part(&self, id: u32) -> bool {
        self.merges.is_part(id)
    }

    /// The merges that make a token.
    pub fn cuts(&self, id: u32) -> impl Iterator<Item = Cut> {
        self.merges.cuts(id)
    }
}
