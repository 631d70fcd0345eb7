//! Merges that scores stand for: each way to put a token together of two others, found as it is asked for.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::index::{Cut, Rank};
use super::vocabulary::Vocabulary;
use crate::source::Scores;

/// Ways to put a token together of two others, on average: 2.3 in Gemma's vocabulary.
const WAYS: usize = 2;

/// Which merge comes first: the one with the best score, then the one with the longer left part, then with the longer
/// right part, then the one of the lower id. So `generate_merges` in `transformers`' convert_slow_tokenizer.py has it.
pub type Order = (Reverse<u64>, Reverse<usize>, Reverse<usize>, u32);

/// A number that is as much larger or smaller than another as the scores are.
fn ordered(score: f64) -> u64 {
    let bits = score.to_bits();
    let mask = (bits as i64 >> 63) as u64 | 1 << 63;
    bits ^ mask
}

/// The merges of a vocabulary with scores.
pub struct Scored(Scores);

impl Scored {
    pub fn new(scores: Scores) -> Self {
        Self(scores)
    }

    /// About how many there are.
    pub fn count(&self, vocabulary: &Vocabulary) -> usize {
        WAYS * vocabulary.count()
    }

    /// The merges that make a token, which is written so.
    pub fn cuts(&self, vocabulary: &Vocabulary, id: u32, token: &str) -> impl Iterator<Item = Cut> {
        let score = self.0.score(id).filter(|_| self.0.is_made(id));
        let characters = token.chars().count();
        let cuts = token.char_indices().enumerate().skip(1);
        cuts.filter_map(move |(left, (at, _))| {
            let score = ordered(score?);
            let (before, after) = token.as_bytes().split_at(at);
            vocabulary.id(before)?;
            vocabulary.id(after)?;
            let order = (Reverse(score), Reverse(left), Reverse(characters - left), id);
            let rank = Rank::Scored(order);
            Some(Cut { rank, at })
        })
    }

    /// Those of some tokens that are one of a merge's two.
    pub fn parts_among(&self, vocabulary: &Vocabulary, tokens: &[u32]) -> HashSet<u32> {
        let parts = tokens.iter().filter_map(|&id| Some((id, vocabulary.bytes(id)?)));
        let parts: Vec<_> = parts.filter(|(_, part)| !part.is_empty()).collect();
        // Few tokens begin or end as one of them does.
        let (mut first, mut last) = ([false; 256], [false; 256]);
        for (_, part) in &parts {
            first[usize::from(part[0])] = true;
            last[usize::from(part[part.len() - 1])] = true;
        }
        let may_have_one = |token: &[u8]| match token {
            [start, .., end] => first[usize::from(*start)] || last[usize::from(*end)],
            _ => false,
        };
        let mut found = HashSet::new();
        for id in vocabulary.ids() {
            let token = vocabulary.bytes(id).filter(|token| may_have_one(token));
            if let Some(token) = token.filter(|_| self.0.is_made(id)) {
                let parts = parts
                    .iter()
                    .filter(|(_, part)| is_one_of_two(vocabulary, part, &token));
                found.extend(parts.map(|(id, _)| *id));
            }
        }
        found
    }
}

/// Whether what is left of a token without that part, at its beginning or its end, is a token.
fn is_one_of_two(vocabulary: &Vocabulary, part: &[u8], token: &[u8]) -> bool {
    let others = [token.strip_prefix(part), token.strip_suffix(part)];
    let is_token = |other: &[u8]| !other.is_empty() && vocabulary.id(other).is_some();
    others.into_iter().flatten().any(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_keep_their_order() {
        let scores = [
            f64::NEG_INFINITY,
            -1e9,
            -2.5,
            -1e-300,
            -0.,
            0.,
            1e-300,
            3.,
            f64::INFINITY,
        ];
        assert!(scores.map(ordered).is_sorted_by(|a, b| a < b));
    }
}
