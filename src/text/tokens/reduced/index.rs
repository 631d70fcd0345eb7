//! A vocabulary and its merges as places in the text of a tokenizer.json, found by content and by id.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use super::hash::hash;
use super::scan::{Quoted, Scan};
use crate::source::Storage;

/// The low bits of a slot are an id, the others those of its token's hash.
const ID: u64 = (1 << 24) - 1;
/// A slot that is not taken.
const FREE: u64 = ID;
/// No merge.
const NONE: u32 = u32::MAX;

/// The vocabulary and the merges of a byte-pair encoding.
pub struct Index {
    text: Storage,
    seed: u64,
    /// Hashes and ids of all tokens, by hash; half of them or more are free.
    slots: Vec<u64>,
    /// By id.
    tokens: Vec<Token>,
    /// By rank.
    merges: Vec<Merge>,
    /// A bit for each id: whether the token is one of a merge's two.
    parts: Vec<u64>,
    /// The number of tokens.
    count: usize,
    /// Bytes of the longest token.
    longest: usize,
}

/// Where a token is written.
#[derive(Clone, Copy)]
struct Token {
    start: u32,
    /// The length, and in the highest bit whether there is a backslash.
    length: u32,
    /// The last of the merges that make it.
    merge: u32,
}

const ESCAPED: u32 = 1 << 31;

impl Token {
    /// Of an id that no token has: a string begins behind its quote, and so never at 0.
    const ABSENT: Self = Self {
        start: 0,
        length: 0,
        merge: NONE,
    };

    fn new(at: Quoted) -> Self {
        Self {
            start: at.start as u32,
            length: (at.end - at.start) as u32 | if at.escaped { ESCAPED } else { 0 },
            merge: NONE,
        }
    }

    fn place(self) -> Option<Quoted> {
        let start = self.start as usize;
        (start > 0).then(|| Quoted {
            start,
            end: start + (self.length & !ESCAPED) as usize,
            escaped: self.length & ESCAPED != 0,
        })
    }
}

#[derive(Clone, Copy)]
struct Merge {
    /// Bytes of the left one of the two tokens.
    left: u32,
    /// An earlier merge that makes the same token.
    earlier: u32,
}

/// A merge that makes a known token: its rank, and at which byte of the token the right one of the two begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    pub rank: u32,
    pub at: usize,
}

impl Index {
    /// An index of what lies in a JSON text in UTF-8; `None` of one that is too long.
    pub fn new(text: Storage) -> Option<Self> {
        (text.len() < ESCAPED as usize).then(|| Self {
            text,
            seed: RandomState::new().hash_one(0),
            slots: Vec::new(),
            tokens: Vec::new(),
            merges: Vec::new(),
            parts: Vec::new(),
            count: 0,
            longest: 0,
        })
    }

    /// Reads the vocabulary that follows. `None` where it is not what tokenizers have: a token or an id twice,
    /// ids far apart, anything that is not JSON.
    pub fn read_vocabulary(&mut self, scan: &mut Scan) -> Option<()> {
        let text = self.text.clone();
        // Each takes four bytes at least.
        let most = ((text.len() - scan.at) / 4).min(ID as usize);
        // About what those of published files take, merges and all: little is moved as it grows, and what is not
        // written to is no memory yet.
        let _ = self.tokens.try_reserve((text.len() - scan.at) / 24);
        let slots = ((text.len() - scan.at) / 48).next_power_of_two();
        self.slots = vec![FREE; slots.clamp(1 << 10, 1 << 20)];
        scan.each([b'{', b'}'], |scan| {
            let place = scan.string()?;
            scan.eat(b':')?;
            let id = scan.natural()? as usize;
            if id >= most {
                return None;
            }
            if id >= self.tokens.len() {
                self.tokens.resize(id + 1, Token::ABSENT);
            }
            let token = &mut self.tokens[id];
            if token.place().is_some() {
                return None;
            }
            *token = Token::new(place);
            let bytes = unescaped(&text, place)?;
            self.longest = self.longest.max(bytes.len());
            self.count += 1;
            if 2 * self.count > self.slots.len() {
                self.grow()?;
            }
            self.put(hash(self.seed, &bytes) & !ID | id as u64)
        })?;
        self.parts = vec![0; self.tokens.len().div_ceil(64)];
        (self.tokens.len() <= 2 * self.count + 1024).then_some(())
    }

    /// Puts a token into its slot; `None` if it is there.
    fn put(&mut self, taken: u64) -> Option<()> {
        let mut at = self.slot(taken);
        while self.slots[at] != FREE {
            if self.slots[at] & !ID == taken & !ID {
                return None;
            }
            at = (at + 1) % self.slots.len();
        }
        self.slots[at] = taken;
        Some(())
    }

    /// Makes twice as many slots.
    fn grow(&mut self) -> Option<()> {
        let slots = vec![FREE; 2 * self.slots.len()];
        let before = std::mem::replace(&mut self.slots, slots);
        let mut taken = before.into_iter().filter(|&slot| slot != FREE);
        taken.try_for_each(|slot| self.put(slot))
    }

    /// The slot at which the search for a token begins.
    fn slot(&self, hash: u64) -> usize {
        // The highest bits: the lowest are no longer there.
        (hash >> (64 - self.slots.len().trailing_zeros())) as usize
    }

    /// The token with that hash. If there is none, one of another hash can be taken for it once in 2^40 times.
    fn with_hash(&self, hash: u64) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.slot(hash);
        loop {
            match self.slots[at] {
                FREE => return None,
                slot if slot & !ID == hash & !ID => return Some((slot & ID) as u32),
                _ => at = (at + 1) % self.slots.len(),
            }
        }
    }

    /// Reads the merges that follow, each two strings or one with a space between the two. `None` where one is
    /// of what is no token, or the list is not JSON.
    pub fn read_merges(&mut self, scan: &mut Scan) -> Option<()> {
        let text = self.text.clone();
        let are_pairs = scan.is_list_of_lists();
        // A merge has some 20 bytes of text. What is not written to is no memory yet.
        let _ = self.merges.try_reserve((text.len() - scan.at) / 16);
        let mut made = Vec::new();
        scan.each([b'[', b']'], |scan| match are_pairs {
            true => {
                scan.eat(b'[')?;
                let left = scan.string()?;
                scan.eat(b',')?;
                let right = scan.string()?;
                scan.eat(b']')?;
                self.add_merge(&unescaped(&text, left)?, &unescaped(&text, right)?, &mut made)
            }
            false => {
                let both = scan.string()?;
                let both = unescaped(&text, both)?;
                let space = both.iter().position(|&byte| byte == b' ')?;
                let (left, right) = (&both[..space], &both[space + 1..]);
                // The library passes over a first line with the format's version, wherever it is.
                if right.contains(&b' ') || both.starts_with(b"#version") {
                    return None;
                }
                self.add_merge(left, right, &mut made)
            }
        })
    }

    fn add_merge(&mut self, left: &[u8], right: &[u8], made: &mut Vec<u8>) -> Option<()> {
        made.clear();
        made.extend_from_slice(left);
        made.extend_from_slice(right);
        for part in [left, right] {
            let id = self.with_hash(hash(self.seed, part))?;
            self.parts[id as usize / 64] |= 1 << (id % 64);
        }
        let made = self.with_hash(hash(self.seed, made))?;
        let token = &mut self.tokens[made as usize];
        let rank = u32::try_from(self.merges.len())
            .ok()
            .filter(|&rank| rank < NONE)?;
        self.merges.push(Merge {
            left: left.len() as u32,
            earlier: std::mem::replace(&mut token.merge, rank),
        });
        Some(())
    }

    /// The number of tokens.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The number of merges.
    pub fn merges(&self) -> usize {
        self.merges.len()
    }

    /// Bytes of the longest token.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        let id = self.with_hash(hash(self.seed, token.as_bytes()))?;
        (*self.bytes(id)? == *token.as_bytes()).then_some(id)
    }

    /// The token of an id.
    pub fn token(&self, id: u32) -> Option<String> {
        String::from_utf8(self.bytes(id)?.into_owned()).ok()
    }

    fn bytes(&self, id: u32) -> Option<Cow<'_, [u8]>> {
        unescaped(&self.text, self.tokens.get(id as usize)?.place()?)
    }

    /// The ids that are tokens.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        (0u32..)
            .zip(&self.tokens)
            .filter_map(|(id, token)| token.place().map(|_| id))
    }

    /// Whether the token is one of a merge's two.
    pub fn is_part(&self, id: u32) -> bool {
        self.parts[id as usize / 64] >> (id % 64) & 1 == 1
    }

    /// The merges that make a token.
    pub fn cuts(&self, id: u32) -> impl Iterator<Item = Cut> {
        let last = self.tokens.get(id as usize).map_or(NONE, |token| token.merge);
        let merge = |rank: u32| self.merges.get(rank as usize);
        let ranks = std::iter::successors(Some(last), move |&rank| Some(merge(rank)?.earlier));
        ranks.map_while(move |rank| {
            let at = merge(rank)?.left as usize;
            Some(Cut { rank, at })
        })
    }
}

/// The bytes that a string stands for; `None` where an escape is none.
fn unescaped(text: &[u8], at: Quoted) -> Option<Cow<'_, [u8]>> {
    if !at.escaped {
        return Some(Cow::Borrowed(&text[at.start..at.end]));
    }
    let quoted = &text[at.start - 1..at.end + 1];
    let string: String = serde_json::from_slice(quoted).ok()?;
    Some(Cow::Owned(string.into_bytes()))
}
