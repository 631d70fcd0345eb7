//! Prompts of an exact number of tokens.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use logit_lens::source::{self, HubOptions};
use logit_lens::text::tokens::Tokens;

use crate::checkpoint::Random;
use crate::models;

const WORDS: &str =
    "the a old man sat by water and looked over boat while birds flew in his summer evening light of sea at";

/// A model's tokenizer, to write prompts for.
pub struct Prompts {
    tokens: Tokens,
    random: Random,
}

impl Prompts {
    pub fn new(model: &Path) -> Self {
        let files = source::locate(model.to_str().unwrap(), &HubOptions::default()).unwrap();
        Self {
            tokens: Tokens::load(&files).unwrap(),
            random: Random(2),
        }
    }

    /// Words that come to `count` tokens.
    pub fn of(&mut self, count: usize) -> String {
        let all: Vec<&str> = WORDS.split(' ').collect();
        let mut words: Vec<&str> = Vec::new();
        for _ in 0..100_000 {
            let text = words.join(" ");
            let have = self.tokens.encode(&text).unwrap().len();
            match have.cmp(&count) {
                Ordering::Equal => return text,
                Ordering::Greater => drop(words.pop()),
                Ordering::Less => {
                    let few = (count - have).div_ceil(8);
                    words.extend((0..few).map(|_| all[self.random.below(all.len())]));
                }
            }
        }
        panic!("this tokenizer spells no words in {count} tokens");
    }

    /// A JSON file with a list of `prompts` prompts of `tokens` tokens each.
    pub fn file(&mut self, prompts: usize, tokens: usize) -> PathBuf {
        let list: Vec<String> = (0..prompts).map(|_| self.of(tokens)).collect();
        let text = serde_json::to_string(&list).unwrap();
        write(&format!("bench-{prompts}x{tokens}.json"), &text)
    }
}

/// A file of the benchmark's own.
pub fn write(name: &str, text: &str) -> PathBuf {
    let path = models::target().join("tmp").join(name);
    std::fs::write(&path, text).unwrap();
    path
}
