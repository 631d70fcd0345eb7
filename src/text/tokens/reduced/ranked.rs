//! Merges that are written one after the other, by rank.

use super::index::{Cut, Rank};
use super::place::unescaped;
use super::scan::Scan;
use super::vocabulary::Vocabulary;
use crate::source::Texts;

/// No merge.
const NONE: u32 = u32::MAX;

/// The merges of a byte-pair encoding.
pub struct Ranked {
    /// By rank.
    merges: Vec<Merge>,
    /// By id: the last of the merges that make the token.
    last: Vec<u32>,
    /// A bit for each id: whether the token is one of a merge's two.
    parts: Vec<u64>,
    /// Merges whose tokens are not looked up yet.
    waiting: Vec<Waiting>,
    /// The last token that was put together of two.
    made: Vec<u8>,
}

/// The hashes of a merge's two tokens and of the one that it makes.
struct Waiting {
    hashes: [u64; 3],
    left: u32,
}

/// Merges that are looked up together: what is waited for is then many places of the vocabulary at a time.
const TOGETHER: usize = 32;

#[derive(Clone, Copy)]
struct Merge {
    /// Bytes of the left one of the two tokens.
    left: u32,
    /// An earlier merge that makes the same token.
    earlier: u32,
}

impl Ranked {
    fn new(vocabulary: &Vocabulary) -> Self {
        Self {
            merges: Vec::new(),
            last: vec![NONE; vocabulary.end()],
            parts: vec![0; vocabulary.end().div_ceil(64)],
            waiting: Vec::with_capacity(TOGETHER),
            made: Vec::new(),
        }
    }

    /// Reads the merges that follow in a JSON text, each two strings or one with a space between the two. `None`
    /// where one is of what is no token, or the list is not JSON.
    pub fn read(vocabulary: &Vocabulary, text: &[u8], scan: &mut Scan) -> Option<Self> {
        let mut ranked = Self::new(vocabulary);
        let are_pairs = scan.is_list_of_lists();
        // A merge has some 20 bytes of text. What is not written to is no memory yet.
        let _ = ranked.merges.try_reserve((text.len() - scan.at) / 16);
        scan.each([b'[', b']'], |scan| match are_pairs {
            true => {
                scan.eat(b'[')?;
                let left = scan.string()?;
                scan.eat(b',')?;
                let right = scan.string()?;
                scan.eat(b']')?;
                let parts = [&*unescaped(text, left)?, &*unescaped(text, right)?];
                ranked.add(vocabulary, parts)
            }
            false => {
                let both = scan.string()?;
                ranked.add(vocabulary, parts(&unescaped(text, both)?)?)
            }
        })?;
        ranked.look_up(vocabulary)?;
        Some(ranked)
    }

    /// Of texts, each two tokens with a space between the two. `None` where one is of what is no token.
    pub fn of_texts(vocabulary: &Vocabulary, merges: &Texts) -> Option<Self> {
        let mut ranked = Self::new(vocabulary);
        // Not by the count alone, which a short file may say too.
        let _ = ranked
            .merges
            .try_reserve(merges.len().min(merges.bytes().len() / 8));
        for both in merges.iter() {
            ranked.add(vocabulary, parts(both)?)?;
        }
        ranked.look_up(vocabulary)?;
        Some(ranked)
    }

    fn add(&mut self, vocabulary: &Vocabulary, [left, right]: [&[u8]; 2]) -> Option<()> {
        self.made.clear();
        self.made.extend_from_slice(left);
        self.made.extend_from_slice(right);
        self.waiting.push(Waiting {
            // Written out: an array's `map` is several calls, and there are hundreds of thousands of merges.
            hashes: [
                vocabulary.hash(left),
                vocabulary.hash(right),
                vocabulary.hash(&self.made),
            ],
            left: left.len() as u32,
        });
        match self.waiting.len() < TOGETHER {
            true => Some(()),
            false => self.look_up(vocabulary),
        }
    }

    /// Looks up the tokens of the merges that wait for it; `None` where one is none.
    fn look_up(&mut self, vocabulary: &Vocabulary) -> Option<()> {
        for waiting in &self.waiting {
            vocabulary.fetch(&waiting.hashes);
        }
        for Waiting { hashes, left } in self.waiting.drain(..) {
            let [one, other, made] = hashes;
            for part in [one, other] {
                let id = vocabulary.with_hash(part)?;
                self.parts[id as usize / 64] |= 1 << (id % 64);
            }
            let made = vocabulary.with_hash(made)?;
            let rank = u32::try_from(self.merges.len())
                .ok()
                .filter(|&rank| rank < NONE)?;
            let earlier = std::mem::replace(&mut self.last[made as usize], rank);
            self.merges.push(Merge { left, earlier });
        }
        Some(())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.merges.len()
    }

    /// Whether the token is one of a merge's two.
    pub fn is_part(&self, id: u32) -> bool {
        self.parts[id as usize / 64] >> (id % 64) & 1 == 1
    }

    /// The merges that make a token.
    pub fn cuts(&self, id: u32) -> impl Iterator<Item = Cut> {
        let last = self.last.get(id as usize).copied().unwrap_or(NONE);
        let merge = |rank: u32| self.merges.get(rank as usize);
        let ranks = std::iter::successors(Some(last), move |&rank| Some(merge(rank)?.earlier));
        ranks.map_while(move |rank| {
            let at = merge(rank)?.left as usize;
            let rank = Rank::Written(rank);
            Some(Cut { rank, at })
        })
    }
}

/// The two tokens of a merge that is written as one text.
fn parts(both: &[u8]) -> Option<[&[u8]; 2]> {
    let space = both.iter().position(|&byte| byte == b' ')?;
    let (left, right) = (&both[..space], &both[space + 1..]);
    // The library passes over a first line with the format's version, wherever it is.
    let is_plain = !right.contains(&b' ') && !both.starts_with(b"#version");
    is_plain.then_some([left, right])
}
