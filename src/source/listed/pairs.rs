//! The merges that a vocabulary with scores stands for, as SentencePiece's do.

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use rayon::prelude::*;

/// Bytes of a token that may be made of two others: each way to cut it is tried. The longest of published
/// vocabularies have about 100.
const LONGEST: usize = 512;
/// Ways to put a token together of two others, on average: 2.3 in Gemma's vocabulary.
const WAYS: usize = 8;

/// The most pairs that so many tokens may be put together of.
pub fn most(tokens: usize) -> usize {
    WAYS * tokens
}

/// Refuses a token too long.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub fn check_length(bytes: usize) -> Result<(), String> {
    match bytes <= LONGEST {
        true => Ok(()),
        false => Err(format!("it has a token of {bytes} bytes")),
    }
}

/// Pairs of tokens by their ids: each token that `is_made` and is two others put together, the best score first, as
/// `generate_merges` in `transformers`' convert_slow_tokenizer.py has it.
///
/// # Errors
/// What no vocabulary has: a token too long, or more pairs.
pub fn pairs(tokens: &[Cow<str>], is_made: &[bool], scores: &[f64]) -> Result<Vec<[u32; 2]>, String> {
    tokens.iter().try_for_each(|token| check_length(token.len()))?;
    let ids = Ids::new(tokens);
    let of_token = |id: usize| {
        let cuts = tokens[id]
            .char_indices()
            .skip(1)
            .map(|(at, _)| tokens[id].split_at(at));
        let mut pairs: Vec<[u32; 2]> = cuts
            .filter_map(|(left, right)| Some([ids.get(left)?, ids.get(right)?]))
            .collect();
        pairs.sort_unstable();
        (id, pairs)
    };
    // A part at a time: a small file of such tokens would become gigabytes.
    let mut merges: Vec<Pair> = Vec::new();
    let made: Vec<usize> = (0..tokens.len()).filter(|&id| is_made[id]).collect();
    for part in made.chunks(1 << 14) {
        let found: Vec<(usize, Vec<[u32; 2]>)> = part.par_iter().map(|&id| of_token(id)).collect();
        for (id, pairs) in found {
            merges.extend(pairs.into_iter().map(|ids| Pair {
                score: scores[id],
                ids,
            }));
        }
        if merges.len() > most(tokens.len()) {
            return Err("its tokens can be put together in more ways than any vocabulary's".to_string());
        }
    }
    let lengths: Vec<u16> = tokens.iter().map(|token| token.chars().count() as u16).collect();
    let length = |id: u32| lengths[id as usize];
    // Python sorts in reverse and keeps the order of equals.
    merges.par_sort_by(|a, b| {
        let by_length = || b.ids.map(length).cmp(&a.ids.map(length));
        b.score.total_cmp(&a.score).then_with(by_length)
    });
    Ok(merges.into_iter().map(|pair| pair.ids).collect())
}

struct Pair {
    score: f64,
    ids: [u32; 2],
}

/// The ids of tokens; of two alike the higher.
struct Ids<'a> {
    tokens: &'a [Cow<'a, str>],
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
}

impl<'a> Ids<'a> {
    fn new(tokens: &'a [Cow<'a, str>]) -> Self {
        let hasher = DefaultHashBuilder::default();
        let hash = |id: u32| hasher.hash_one(&tokens[id as usize]);
        let mut table: HashTable<u32> = HashTable::with_capacity(tokens.len());
        for id in 0..tokens.len() as u32 {
            let same = |&other: &u32| tokens[other as usize] == tokens[id as usize];
            let entry = table.entry(hash(id), same, |&id| hash(id));
            entry.and_modify(|earlier| *earlier = id).or_insert(id);
        }
        Self {
            tokens,
            hasher,
            table,
        }
    }

    fn get(&self, token: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(token);
        let same = |&id: &u32| self.tokens[id as usize] == token;
        self.table.find(hash, same).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `generate_merges` of transformers 5.23 gives them for these tokens and scores.
    #[test]
    fn pairs_come_by_score_then_by_the_length_of_their_parts() {
        let tokens = ["a", "b", "c", "ab", "bc", "abc", "<0x41>", "ca"].map(Cow::from);
        let is_made = [true, true, true, true, true, true, false, false];
        let scores = [0., 0., 0., -3., -1., -2., 0., 9.];
        let expected = [[1, 2], [3, 2], [0, 4], [0, 1]];
        assert_eq!(pairs(&tokens, &is_made, &scores).unwrap(), expected);
    }

    /// A small file of such tokens would become gigabytes.
    #[test]
    fn pairs_that_no_vocabulary_has_are_not_made() {
        let tokens: Vec<Cow<str>> = (1..=400).map(|length| "a".repeat(length).into()).collect();
        assert!(pairs(&tokens, &[true; 400], &[0.; 400]).is_err());
        assert!(pairs(&["a".repeat(LONGEST + 1).into()], &[true], &[0.]).is_err());
    }
}
