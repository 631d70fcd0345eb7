//! Byte-pair encodings of which only as much is made as a text can reach.
//!
//! A tokenizer has hundreds of thousands of tokens and merges, and a prompt needs a few hundred. Here they stay where
//! they are written, in a tokenizer.json or as lists, behind an index; for each piece of a text the library gets a
//! model of those tokens that are substrings of the piece, and of the merges that make them. What it makes of the
//! piece is what it would make with all of them: whatever it looks up is one of those. A file that this is not proven
//! for is read whole, by the library.

mod hash;
mod index;
mod model;
mod place;
mod ranked;
mod scan;
mod scored;
mod vocabulary;

use std::ops::Range;

pub use index::Index;
pub use model::{Model, Reduced};

use crate::source::Storage;
use ranked::Ranked;
use scan::Scan;
use vocabulary::Vocabulary;

/// Takes the vocabulary and the merges out of a tokenizer.json: their index, and the file without them. `None`
/// where it is no byte-pair encoding, or anything in it is not as tokenizers have it.
pub fn split(text: &Storage) -> Option<(Index, Vec<u8>)> {
    simdutf8::basic::from_utf8(text).ok()?;
    let mut found = Found::new(text, Vocabulary::of_json(text.clone())?);
    let mut scan = Scan::new(text, 0);
    scan.fields(|scan, name| match name {
        b"model" => found.model(scan),
        _ => scan.skip(),
    })?;
    scan.is_done().then_some(())?;
    found.finish()
}

/// What is found of a model. A part that is there twice is for the library to judge.
struct Found<'a> {
    text: &'a [u8],
    tokens: Vocabulary,
    ranked: Option<Ranked>,
    models: usize,
    kinds: usize,
    vocabulary: Option<Range<usize>>,
    merges: Option<Range<usize>>,
}

impl<'a> Found<'a> {
    fn new(text: &'a [u8], tokens: Vocabulary) -> Self {
        Self {
            text,
            tokens,
            ranked: None,
            models: 0,
            kinds: 0,
            vocabulary: None,
            merges: None,
        }
    }

    fn model(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.models += 1;
        scan.fields(|scan, name| match name {
            b"vocab" if self.vocabulary.is_none() => {
                let start = scan.at;
                self.tokens.read(scan)?;
                self.vocabulary = Some(start..scan.at);
                Some(())
            }
            b"merges" if self.merges.is_none() => {
                let start = scan.at;
                match self.vocabulary {
                    Some(_) => self.ranked = Some(Ranked::read(&self.tokens, self.text, scan)?),
                    None => scan.skip()?,
                }
                self.merges = Some(start..scan.at);
                Some(())
            }
            b"vocab" | b"merges" => None,
            b"type" => {
                self.kinds += 1;
                scan.plain_string().filter(|kind| *kind == b"BPE").map(drop)
            }
            _ => scan.skip(),
        })
    }

    fn finish(self) -> Option<(Index, Vec<u8>)> {
        let (vocabulary, merges, text) = (self.vocabulary?, self.merges?, self.text);
        if (self.models, self.kinds) != (1, 1) {
            return None;
        }
        let parts = match vocabulary.start < merges.start {
            true => [
                &text[..vocabulary.start],
                b"{}",
                &text[vocabulary.end..merges.start],
                b"[]",
                &text[merges.end..],
            ],
            false => [
                &text[..merges.start],
                b"[]",
                &text[merges.end..vocabulary.start],
                b"{}",
                &text[vocabulary.end..],
            ],
        };
        let ranked = match self.ranked {
            Some(ranked) => ranked,
            None => Ranked::read(&self.tokens, text, &mut Scan::new(text, merges.start))?,
        };
        Some((Index::new(self.tokens, ranked), parts.concat()))
    }
}
