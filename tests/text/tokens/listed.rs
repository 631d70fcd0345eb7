//! A vocabulary that stays as lists in its file, against the tokenizer.json that says the same, made whole.

use std::path::{Path, PathBuf};

use logit_lens::error::Error;
use logit_lens::source::{self, Asset, HubOptions, ModelFiles, gguf};
use logit_lens::text::tokens::Tokens;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::reduced::Both;
use crate::files::{Value, with_tokenizer};

/// Letters that make many merges, characters without a token, and what stands for such.
const TEXTS: &str = "[ab▁é <>x0C3A9unk東]{0,24}";

fn files_of(file: Vec<u8>) -> Result<ModelFiles, Error> {
    let asset = Asset::Memory {
        name: "a file".into(),
        bytes: file.into(),
    };
    gguf::model("a file", vec![asset])
}

/// The converted fixtures, each with its vocabulary.
fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gguf");
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "gguf"))
        .collect();
    files.sort();
    assert!(files.len() > 30, "{files:?}");
    files
}

#[test]
fn the_tokenizers_of_converted_files_are_the_same_listed_and_whole() {
    for path in fixtures() {
        let files = source::locate(path.to_str().unwrap(), &HubOptions::default()).unwrap();
        let both = Both::listed(&path.display().to_string(), &files).unwrap();
        assert!(both.is_reduced(), "{}", path.display());
        both.agree(24);
    }
}

/// A vocabulary with scores.
#[derive(Debug, Clone)]
struct Scored {
    tokens: Vec<(String, i8, i32)>,
    unknown: u64,
    /// Whether a space is put before a text.
    prefix: bool,
}

impl Scored {
    fn any() -> impl Strategy<Value = Self> {
        let token = prop_oneof![
            8 => "[ab▁é]{1,4}",
            1 => prop::sample::select(vec!["<unk>", "<0xC3>", "<0xA9>", "<0xE6>", "<0x61>", "<", ">", "a<unk>", "<0xC3><0xA9>", "<0xA9>a", "東", ""])
                .prop_map(String::from),
        ];
        // Normal ones, control, user-defined and byte.
        let kind = prop::sample::select(vec![1, 1, 1, 1, 1, 1, 3, 4, 6]);
        let tokens = prop::collection::vec((token, -2..3i8, kind), 1..48);
        let own = (tokens, prop::bool::weighted(0.1), 0..4u64, any::<bool>());
        own.prop_map(|(mut tokens, twice, unknown, prefix)| {
            let mut seen = std::collections::HashSet::new();
            tokens.retain(|(token, ..)| seen.insert(token.clone()) || twice);
            Self {
                tokens,
                unknown,
                prefix,
            }
        })
    }

    fn has_one_twice(&self) -> bool {
        let mut seen = std::collections::HashSet::new();
        !self.tokens.iter().all(|(token, ..)| seen.insert(token))
    }

    fn file(&self) -> Vec<u8> {
        let scores = self.tokens.iter().map(|(_, score, _)| (*score).into());
        with_tokenizer(vec![
            ("model", "llama".into()),
            (
                "tokens",
                Value::texts(self.tokens.iter().map(|(token, ..)| token)),
            ),
            ("scores", Value::Numbers(scores.collect())),
            (
                "token_type",
                Value::Integers(self.tokens.iter().map(|(.., kind)| *kind).collect()),
            ),
            ("unknown_token_id", self.unknown.into()),
            ("add_space_prefix", Value::Flag(self.prefix)),
        ])
    }
}

/// A vocabulary with merges.
#[derive(Debug, Clone)]
struct Merged {
    tokens: Vec<String>,
    merges: Vec<String>,
    pre: &'static str,
}

impl Merged {
    fn any() -> impl Strategy<Value = Self> {
        let tokens = prop::collection::hash_set("[abĠÃ©]{1,4}", 1..40);
        let pair = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
        let merges = prop::collection::vec(pair, 0..200);
        let own = (tokens, merges, prop::bool::weighted(0.1), any::<bool>());
        own.prop_map(|(tokens, merges, any_merge, whole_first)| {
            let tokens: Vec<String> = tokens.into_iter().collect();
            let merges = merges.iter().filter_map(|(left, right)| {
                let (left, right) = (left.get(&tokens), right.get(&tokens));
                let is_one = tokens.contains(&format!("{left}{right}"));
                (is_one || any_merge).then(|| format!("{left} {right}"))
            });
            Self {
                merges: merges.collect(),
                tokens,
                pre: if whole_first { "llama-bpe" } else { "gpt-2" },
            }
        })
    }

    fn file(&self) -> Vec<u8> {
        with_tokenizer(vec![
            ("model", "gpt2".into()),
            ("pre", self.pre.into()),
            ("tokens", Value::texts(&self.tokens)),
            ("merges", Value::texts(&self.merges)),
        ])
    }
}

fn run<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
    test: impl Fn(T) -> Result<(), TestCaseError>,
) {
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    runner.run(&strategy, test).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn vocabularies_with_scores_are_the_same_listed_and_whole() {
    run(
        (Scored::any(), prop::collection::vec(TEXTS, 4)),
        |(scored, texts)| {
            let Ok(files) = files_of(scored.file()) else {
                return Ok(());
            };
            let Some(both) = Both::listed("scored", &files) else {
                return Ok(());
            };
            prop_assert_eq!(both.is_reduced(), !scored.has_one_twice());
            both.agree_on_all_ids();
            texts.iter().try_for_each(|text| both.agree_on(text))
        },
    );
}

#[test]
fn vocabularies_with_merges_are_the_same_listed_and_whole() {
    run(
        (Merged::any(), prop::collection::vec("[ab é東]{0,24}", 4)),
        |(merged, texts)| {
            let Some(both) = Both::listed("merged", &files_of(merged.file()).unwrap()) else {
                return Ok(());
            };
            prop_assert!(both.is_reduced());
            both.agree_on_all_ids();
            texts.iter().try_for_each(|text| both.agree_on(text))
        },
    );
}

/// Of merges with one score, and left parts of one length, the one with the longer right part comes first.
#[test]
fn longer_parts_are_put_together_first() {
    let files = files_of(with_tokenizer(vec![
        ("model", "llama".into()),
        ("tokens", Value::texts(["a", "b", "c", "ab", "bcc", "cc"])),
        ("scores", Value::Numbers(vec![0., 0., 0., 0., 0., 1.])),
        ("add_space_prefix", Value::Flag(false)),
    ]))
    .unwrap();
    let tokens = Tokens::load(&files).unwrap();
    assert!(tokens.is_reduced());
    assert_eq!(tokens.encode_plain("abcc").unwrap(), [0, 4]);
    Both::listed("parts", &files).unwrap().agree_on("abcc").unwrap();
}

/// What the lists are not proven for is made whole, or refused, as it is where it is whole from the beginning.
#[test]
fn what_is_odd_is_the_same_listed_and_whole() {
    let scored = |tokens: &[&[u8]]| {
        files_of(with_tokenizer(vec![
            ("model", "llama".into()),
            ("tokens", Value::texts(tokens)),
            ("scores", Value::Numbers(vec![0.; tokens.len()])),
        ]))
        .unwrap()
    };
    let long = "é".repeat(100);
    for (tokens, is_reduced) in [
        (&[&b"a"[..], b"b", b"ab"][..], true),
        (&[b"a", b"b", b"ab", b"a"], false),
        (&[b"a", b"b", b"\xC3"], false),
        // Whole UTF-8 only over the end of a text.
        (&[b"a", b"\xC3", b"\xA9"], false),
        (&[], true),
        (&[b"a", long.as_bytes()], true),
    ] {
        let both = Both::listed("odd", &scored(tokens)).unwrap();
        assert_eq!(both.is_reduced(), is_reduced, "{tokens:?}");
        both.agree_on_all_ids();
        both.agree_on(&format!("abab\u{fffd} {long}")).unwrap();
    }
    let merged = |merges: &[&[u8]]| {
        let file = with_tokenizer(vec![
            ("model", "gpt2".into()),
            ("pre", "gpt-2".into()),
            ("tokens", Value::texts(["a", "b", "ab", "aab"])),
            ("merges", Value::texts(merges)),
        ]);
        Both::listed("odd", &files_of(file).unwrap())
    };
    assert!(merged(&[b"a b", b"a ab"]).unwrap().is_reduced());
    let versioned = merged(&[b"#version: 0.2", b"a b"]).unwrap();
    assert!(!versioned.is_reduced());
    versioned.agree_on("aabab").unwrap();
    for merges in [
        &[&b"a c"[..]][..],
        &[b"a a"],
        &[b"ab"],
        &[b""],
        &[b"a b b"],
        &[b"a \xFF"],
    ] {
        assert!(merged(merges).is_none(), "{merges:?}");
    }
}

/// A long text, and many texts, take the whole vocabulary at some time.
#[test]
fn long_texts_are_the_same() {
    let path = fixtures().into_iter().find(|path| path.ends_with("gemma2.gguf"));
    let files = source::locate(path.unwrap().to_str().unwrap(), &HubOptions::default()).unwrap();
    let both = Both::listed("gemma2", &files).unwrap();
    for text in [
        "The city of Paris ".repeat(300),
        "a".repeat(5000),
        "é東".repeat(700),
    ] {
        both.agree_on(&text).unwrap();
        both.agree_on(&text[..30]).unwrap();
    }
}

/// Any other that is given, as for tokenizer.json: `LENS_TEST_TOKENIZERS=dir:file.gguf`.
#[test]
fn given_files_are_the_same_listed_and_whole() {
    let given = std::env::var_os("LENS_TEST_TOKENIZERS").unwrap_or_default();
    for path in std::env::split_paths(&given).filter(|path| gguf::is_gguf(path)) {
        let files = source::locate(path.to_str().unwrap(), &HubOptions::default()).unwrap();
        let both = Both::listed(&path.display().to_string(), &files).unwrap();
        assert!(both.is_reduced(), "{}", path.display());
        both.agree(Config::default().cases);
    }
}
