//! The library's model of a vocabulary: whole, or made anew for each piece of a text.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer, Merges, Vocab};
use tokenizers::{Model as _, ModelWrapper, Result, Token};

use super::index::{Cut, Index};

/// A vocabulary, and how a piece of a text is cut into its tokens.
pub enum Model {
    Whole(Box<ModelWrapper>),
    Reduced(Box<Reduced>),
}

/// A byte-pair encoding whose vocabulary and merges are made as far as a text needs them.
pub struct Reduced {
    index: Index,
    /// Its settings, and no token.
    settings: BPE,
    /// All of it, made once the texts are long enough for that to be worth while.
    whole: OnceLock<BPE>,
    /// Those of the tokens that stand for characters without one that are parts of merges.
    merged: OnceLock<HashSet<u32>>,
    /// How many substrings and merges were looked at so far.
    looked_at: AtomicUsize,
}

/// Substrings and merges, for each token and merge there is, that take about as long to look at as to make all of it.
const WORTH: usize = 4;

impl Reduced {
    /// The encoding of that index with these settings, which [`Reduced::suits`].
    pub fn new(index: Index, settings: BPE) -> Self {
        Self {
            index,
            settings,
            whole: OnceLock::new(),
            merged: OnceLock::new(),
            looked_at: AtomicUsize::new(0),
        }
    }

    /// Whether an encoding with these settings can be reduced: tokens are then what is written in the text.
    pub fn suits(settings: &BPE) -> bool {
        let affixes = [&settings.continuing_subword_prefix, &settings.end_of_word_suffix];
        affixes.into_iter().flatten().all(String::is_empty)
    }

    fn tokenize(&self, piece: &str) -> Result<Vec<Token>> {
        let reduced = match self.whole.get() {
            Some(_) => None,
            None => self.reduce(piece),
        };
        match reduced {
            Some(bpe) => bpe?.tokenize(piece),
            None => self.whole()?.tokenize(piece),
        }
    }

    /// The encoding with all that the library looks up for `piece`; `None` where that would not be less than all.
    fn reduce(&self, piece: &str) -> Option<Result<BPE>> {
        let mut reach = Reach::default();
        if self.settings.ignore_merges
            && let Some(id) = self.index.id(piece)
        {
            // Nothing is put together then: parts of it may be no tokens.
            reach.vocabulary.insert(piece.to_string(), id);
            return Some(self.made(reach));
        }
        let mut seen = String::with_capacity(piece.len());
        for character in piece.split_inclusive(|_| true) {
            if self.index.id(character).is_some() || self.add_for_unknown(character, &mut reach)? {
                seen.push_str(character);
            }
        }
        let mut looked_at = 0;
        for (start, _) in seen.char_indices() {
            let ends = seen[start..].char_indices().map(|(at, c)| at + c.len_utf8());
            for end in ends.take_while(|end| *end <= self.index.longest()) {
                let substring = &seen[start..][..end];
                looked_at += 1;
                if let Some(id) = self.index.id(substring) {
                    looked_at += reach.add(&self.index, id, substring);
                }
            }
        }
        let before = self.looked_at.fetch_add(looked_at, Ordering::Relaxed);
        let all = self.index.count() + self.index.merges();
        (before + looked_at <= WORTH * all + 1000).then(|| self.made(reach))
    }

    /// Adds the tokens that stand for a character without one, and says whether there are any: what stands on
    /// both sides of one without any comes together. `None` where there are merges of these tokens.
    fn add_for_unknown(&self, character: &str, reach: &mut Reach) -> Option<bool> {
        let mut add = |token: String| match self.index.id(&token) {
            Some(id) if self.merged().contains(&id) => None,
            Some(id) => {
                reach.unknown.push((token, id));
                Some(true)
            }
            None => Some(false),
        };
        let mut stands = self.settings.byte_fallback;
        for byte in character.bytes().filter(|_| self.settings.byte_fallback) {
            stands &= add(token_of(byte))?;
        }
        if let Some(unknown) = &self.settings.unk_token {
            add(unknown.clone())?;
            stands = true;
        }
        Some(stands)
    }

    /// Those of the tokens that stand for characters without one that are parts of merges.
    fn merged(&self) -> &HashSet<u32> {
        self.merged.get_or_init(|| {
            let bytes = (0..=u8::MAX).filter(|_| self.settings.byte_fallback);
            let tokens = bytes.map(token_of).chain(self.settings.unk_token.clone());
            let ids: Vec<u32> = tokens.filter_map(|token| self.index.id(&token)).collect();
            self.index.parts_among(&ids)
        })
    }

    /// All of the encoding.
    fn whole(&self) -> Result<&BPE> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole);
        }
        let mut all = Reach::default();
        for id in self.index.ids() {
            if let Some(token) = self.index.token(id) {
                all.add(&self.index, id, &token);
            }
        }
        let whole = self.made(all)?;
        Ok(self.whole.get_or_init(|| whole))
    }

    fn made(&self, reach: Reach) -> Result<BPE> {
        let settings = &self.settings;
        let (vocabulary, merges) = reach.sorted();
        let mut bpe = BPE::builder()
            .vocab_and_merges(vocabulary, merges)
            .cache_capacity(0)
            .build()?;
        bpe.unk_token.clone_from(&settings.unk_token);
        bpe.fuse_unk = settings.fuse_unk;
        bpe.byte_fallback = settings.byte_fallback;
        bpe.ignore_merges = settings.ignore_merges;
        Ok(bpe)
    }
}

/// The token that stands for a byte.
fn token_of(byte: u8) -> String {
    format!("<{byte:#04X}>")
}

/// Tokens and merges that may be needed.
#[derive(Default)]
struct Reach {
    vocabulary: Vocab,
    /// Tokens that stand for characters without one. Nothing is merged into them here.
    unknown: Vec<(String, u32)>,
    merges: Vec<(Cut, String)>,
}

impl Reach {
    /// Adds a token and the merges that make it, and returns how many these are.
    fn add(&mut self, index: &Index, id: u32, token: &str) -> usize {
        if self.vocabulary.insert(token.to_string(), id).is_some() {
            return 0;
        }
        let before = self.merges.len();
        self.merges.extend(
            index
                .cuts(id, token)
                .into_iter()
                .map(|cut| (cut, token.to_string())),
        );
        self.merges.len() - before
    }

    /// The vocabulary, and the merges in their order.
    fn sorted(mut self) -> (Vocab, Merges) {
        self.merges.sort_unstable_by_key(|(cut, _)| cut.rank);
        let merges = self.merges.into_iter().filter_map(|(cut, token)| {
            let (left, right) = token.split_at_checked(cut.at)?;
            Some((left.to_string(), right.to_string()))
        });
        let merges = merges.collect();
        self.vocabulary.extend(self.unknown);
        (self.vocabulary, merges)
    }
}

impl tokenizers::Model for Model {
    type Trainer = TrainerWrapper;

    fn tokenize(&self, piece: &str) -> Result<Vec<Token>> {
        match self {
            Self::Whole(model) => model.tokenize(piece),
            Self::Reduced(model) => model.tokenize(piece),
        }
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        match self {
            Self::Whole(model) => model.token_to_id(token),
            Self::Reduced(model) => model.index.id(token),
        }
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        match self {
            Self::Whole(model) => model.id_to_token(id),
            Self::Reduced(model) => model.index.token(id),
        }
    }

    fn get_vocab(&self) -> HashMap<String, u32> {
        match self {
            Self::Whole(model) => model.get_vocab(),
            Self::Reduced(model) => {
                let tokens = model.index.ids().map(|id| (model.index.token(id), id));
                tokens.filter_map(|(token, id)| Some((token?, id))).collect()
            }
        }
    }

    fn get_vocab_size(&self) -> usize {
        match self {
            Self::Whole(model) => model.get_vocab_size(),
            Self::Reduced(model) => model.index.count(),
        }
    }

    fn save(&self, folder: &Path, prefix: Option<&str>) -> Result<Vec<PathBuf>> {
        match self {
            Self::Whole(model) => model.save(folder, prefix),
            Self::Reduced(model) => model.whole()?.save(folder, prefix),
        }
    }

    fn get_trainer(&self) -> TrainerWrapper {
        match self {
            Self::Whole(model) => model.get_trainer(),
            Self::Reduced(_) => BpeTrainer::default().into(),
        }
    }
}
