//! A vocabulary and its merges, where they are written.

use std::collections::HashSet;

use super::ranked::Ranked;
use super::scored::{Order, Scored};
use super::vocabulary::Vocabulary;
use crate::source::{self, Listed};

/// The vocabulary and the merges of a byte-pair encoding.
pub struct Index {
    vocabulary: Vocabulary,
    merges: Merges,
}

enum Merges {
    Ranked(Ranked),
    Scored(Scored),
}

/// A merge that makes a known token: its rank, and at which byte of the token the right one of the two begins.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pub rank: Rank,
    pub at: usize,
}

/// Which merge comes first; those of one encoding are all of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Written(u32),
    Scored(Order),
}

impl Index {
    /// Of merges that are written by rank.
    pub fn new(vocabulary: Vocabulary, merges: Ranked) -> Self {
        let merges = Merges::Ranked(merges);
        Self { vocabulary, merges }
    }

    /// Of lists. `None` where they are not what tokenizers have: a token twice, a merge of what is no token, text
    /// that is not in UTF-8.
    pub fn of_lists(listed: &Listed) -> Option<Self> {
        let vocabulary = Vocabulary::of_texts(&listed.tokens)?;
        let merges = match &listed.merges {
            source::Merges::Written(merges) => Merges::Ranked(Ranked::of_texts(&vocabulary, merges)?),
            source::Merges::Scored(scores) => Merges::Scored(Scored::new(scores.clone())),
        };
        Some(Self { vocabulary, merges })
    }

    /// The number of tokens.
    pub fn count(&self) -> usize {
        self.vocabulary.count()
    }

    /// About the number of merges.
    pub fn merges(&self) -> usize {
        match &self.merges {
            Merges::Ranked(merges) => merges.count(),
            Merges::Scored(merges) => merges.count(&self.vocabulary),
        }
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

    /// Those of some tokens that are one of a merge's two.
    pub fn parts_among(&self, tokens: &[u32]) -> HashSet<u32> {
        match &self.merges {
            Merges::Ranked(merges) => {
                let parts = tokens.iter().copied().filter(|&id| merges.is_part(id));
                parts.collect()
            }
            Merges::Scored(merges) => merges.parts_among(&self.vocabulary, tokens),
        }
    }

    /// The merges that make a token, which is written so.
    pub fn cuts(&self, id: u32, token: &str) -> Vec<Cut> {
        match &self.merges {
            Merges::Ranked(merges) => merges.cuts(id).collect(),
            Merges::Scored(merges) => merges.cuts(&self.vocabulary, id, token).collect(),
        }
    }
}
