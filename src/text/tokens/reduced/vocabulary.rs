//! A vocabulary as places in the bytes that it is written in, found by content and by id.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use super::hash::hash;
use super::place::{ESCAPED, Place, unescaped};
use super::scan::Scan;
use crate::source::{Storage, Texts};

/// The low bits of a slot are an id, the others those of its token's hash.
const ID: u64 = (1 << 24) - 1;
/// A slot that is not taken.
const FREE: u64 = ID;
/// The fewest slots: more than twice as many as are filled together.
const LEAST: usize = 1 << 10;
/// Tokens that are put into their slots together: what is waited for is then many places at a time.
const TOGETHER: usize = 64;
/// How often other hashes are tried, where two tokens have one: for a quarter of a million once in thirty times.
const SEEDS: usize = 4;

/// The tokens of a vocabulary.
pub struct Vocabulary {
    text: Written,
    seed: u64,
    seeds: usize,
    /// Hashes and ids of all tokens, by hash; half of them or more are free.
    slots: Vec<u64>,
    /// By id.
    places: Vec<Place>,
    /// The number of tokens.
    count: usize,
    /// Bytes of the longest token.
    longest: usize,
    /// Hashes and ids of tokens that are not in their slots yet.
    waiting: Vec<u64>,
}

/// The bytes that the tokens are written in.
enum Written {
    Json(Storage),
    Texts(Texts),
}

impl Written {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Json(text) => text,
            Self::Texts(texts) => texts.bytes(),
        }
    }
}

impl Vocabulary {
    fn new(text: Written) -> Option<Self> {
        (text.bytes().len() < ESCAPED as usize).then(|| Self {
            text,
            seed: RandomState::new().hash_one(0),
            seeds: 1,
            slots: Vec::new(),
            places: Vec::new(),
            count: 0,
            longest: 0,
            waiting: Vec::with_capacity(TOGETHER),
        })
    }

    /// One that is to be read from a JSON text in UTF-8; `None` of one that is too long.
    pub fn of_json(text: Storage) -> Option<Self> {
        Self::new(Written::Json(text))
    }

    /// Of tokens in the order of their ids. `None` where it is not what tokenizers have: a token twice, one that
    /// is not in UTF-8.
    pub fn of_texts(texts: &Texts) -> Option<Self> {
        let mut vocabulary = Self::new(Written::Texts(texts.clone()))?;
        let bytes = texts.bytes();
        if texts.len() >= ID as usize || !are_utf8(texts) {
            return None;
        }
        vocabulary.places = Vec::with_capacity(texts.len());
        vocabulary.slots = vec![FREE; (2 * texts.len()).next_power_of_two().max(LEAST)];
        for (id, place) in (0u64..).zip(texts.places()) {
            vocabulary.places.push(Place::plain(place.clone()));
            vocabulary.add(id, &bytes[place])?;
        }
        vocabulary.put_waiting()?;
        Some(vocabulary)
    }

    /// Reads the vocabulary that follows in a JSON text. `None` where it is not what tokenizers have: a token or
    /// an id twice, ids far apart, anything that is not JSON.
    pub fn read(&mut self, scan: &mut Scan) -> Option<()> {
        let Written::Json(text) = &self.text else {
            return None;
        };
        let text = text.clone();
        // Each takes four bytes at least.
        let most = ((text.len() - scan.at) / 4).min(ID as usize);
        // About what those of published files take, merges and all: little is moved as it grows, and what is not
        // written to is no memory yet.
        let _ = self.places.try_reserve((text.len() - scan.at) / 24);
        let slots = ((text.len() - scan.at) / 48).next_power_of_two();
        self.slots = vec![FREE; slots.clamp(LEAST, 1 << 20)];
        scan.each([b'{', b'}'], |scan| {
            let place = scan.string()?;
            scan.eat(b':')?;
            let id = scan.natural()? as usize;
            if id >= most {
                return None;
            }
            if id >= self.places.len() {
                self.places.resize(id + 1, Place::ABSENT);
            }
            if self.places[id].get().is_some() {
                return None;
            }
            self.places[id] = Place::quoted(place);
            self.add(id as u64, &unescaped(&text, place)?)
        })?;
        self.put_waiting()?;
        (self.places.len() <= 2 * self.count + 1024).then_some(())
    }

    /// Counts a token whose place is known; it has a slot after [`Self::put_waiting`].
    fn add(&mut self, id: u64, token: &[u8]) -> Option<()> {
        self.longest = self.longest.max(token.len());
        self.count += 1;
        self.waiting.push(self.hash(token) & !ID | id);
        match self.waiting.len() < TOGETHER {
            true => Some(()),
            false => self.put_waiting(),
        }
    }

    /// Puts the tokens that wait for it into their slots; `None` if one is there.
    fn put_waiting(&mut self) -> Option<()> {
        while 2 * self.count > self.slots.len() {
            self.grow()?;
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        self.fetch(&waiting);
        self.put_each(waiting.drain(..))?;
        self.waiting = waiting;
        Some(())
    }

    /// Puts tokens into their slots, all there are where other hashes are taken meanwhile.
    fn put_each(&mut self, taken: impl Iterator<Item = u64>) -> Option<()> {
        let seeds = self.seeds;
        for taken in taken {
            self.put(taken)?;
            if self.seeds != seeds {
                break;
            }
        }
        Some(())
    }

    /// Puts a token into its slot; `None` if it is there.
    fn put(&mut self, taken: u64) -> Option<()> {
        let mut at = self.slot(taken);
        while self.slots[at] != FREE {
            if self.slots[at] & !ID == taken & !ID {
                return self.hash_anew([taken, self.slots[at]]);
            }
            at = (at + 1) % self.slots.len();
        }
        self.slots[at] = taken;
        Some(())
    }

    /// Takes other hashes, for two tokens have the same; `None` if they are the same.
    fn hash_anew(&mut self, alike: [u64; 2]) -> Option<()> {
        let [one, other] = alike.map(|taken| self.bytes((taken & ID) as u32));
        if self.seeds == SEEDS || one? == other? {
            return None;
        }
        self.seeds += 1;
        self.seed = RandomState::new().hash_one(0);
        self.slots.fill(FREE);
        let taken = |id: u32| Some(self.hash(&self.bytes(id)?) & !ID | u64::from(id));
        let taken: Vec<u64> = self.ids().filter_map(taken).collect();
        self.put_each(taken.into_iter())
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

    /// The hash that a token is found by.
    pub fn hash(&self, token: &[u8]) -> u64 {
        hash(self.seed, token)
    }

    /// Has the slots of hashes fetched, all of them at a time, so that [`Self::with_hash`] finds them at hand.
    #[inline]
    pub fn fetch(&self, hashes: &[u64]) {
        if !self.slots.is_empty() {
            let mut all = 0;
            for &hash in hashes {
                all ^= self.slots[self.slot(hash)];
            }
            std::hint::black_box(all);
        }
    }

    /// The token with that hash. If there is none, one of another hash can be taken for it once in 2^40 times.
    pub fn with_hash(&self, hash: u64) -> Option<u32> {
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

    /// The number of tokens.
    pub fn count(&self) -> usize {
        self.count
    }

    /// One more than the highest id.
    pub fn end(&self) -> usize {
        self.places.len()
    }

    /// Bytes of the longest token.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The id of a token.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        let id = self.with_hash(self.hash(token))?;
        (*self.bytes(id)? == *token).then_some(id)
    }

    /// The token of an id.
    pub fn bytes(&self, id: u32) -> Option<Cow<'_, [u8]>> {
        unescaped(self.text.bytes(), self.places.get(id as usize)?.get()?)
    }

    /// The ids that are tokens.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        (0u32..)
            .zip(&self.places)
            .filter_map(|(id, place)| place.get().map(|_| id))
    }
}

/// Whether each of them is in UTF-8.
fn are_utf8(texts: &Texts) -> bool {
    // Where no length has a high bit, all of their bytes are exactly if each text is.
    simdutf8::basic::from_utf8(texts.bytes()).is_ok() && texts.places().all(|place| place.len() < 0x80)
        || texts.iter().all(|text| std::str::from_utf8(text).is_ok())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Other hashes are taken where two tokens have one, and a token that is there twice is found out.
    #[test]
    fn tokens_of_one_hash_are_both_found() {
        let text = br#"{"a":0,"b":1,"c":2} "d" "a""#;
        let mut vocabulary = Vocabulary::of_json(Storage::Memory(Bytes::from_static(text))).unwrap();
        vocabulary.read(&mut Scan::new(text, 0)).unwrap();
        let mut scan = Scan::new(text, 20);
        for (token, id) in [(&b"d"[..], 3), (b"a", 4)] {
            vocabulary.places.push(Place::quoted(scan.string().unwrap()));
            let put = vocabulary.put(vocabulary.hash(b"a") & !ID | id);
            assert_eq!(put.is_some(), id == 3);
            assert_eq!(vocabulary.seeds, 2);
            assert_eq!(vocabulary.bytes(id as u32).as_deref(), Some(token));
            for (token, id) in [(&b"a"[..], 0), (b"b", 1), (b"c", 2), (b"d", 3)] {
                assert_eq!(vocabulary.id(token), Some(id));
            }
        }
    }
}
