//! A tokenizer of which only as much is made as a text needs, against the same one made whole.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use logit_lens::error::Error;
use logit_lens::source::{self, Asset, HubOptions, ModelFiles, TokenizerFiles};
use logit_lens::text::tokens::Tokens;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::Cases;

/// A field that no reader needs to know, its name written so that a tokenizer.json with it is read whole.
const WHOLE: &str = r#"{"\u0078": 0, "#;

/// A checkpoint's tokenizer as it is loaded, and made whole.
pub struct Both {
    name: String,
    reduced: Tokens,
    whole: Tokens,
}

impl Both {
    /// Of the files in a directory; `None` where the two are refused.
    fn load(name: &str, directory: &Path) -> Option<Self> {
        let load = |directory: &Path| {
            let files = source::locate(directory.to_str().unwrap(), &HubOptions::default()).unwrap();
            Tokens::load(&files)
        };
        let other = tempfile::tempdir().unwrap();
        for entry in directory.read_dir().unwrap().map(Result::unwrap) {
            if entry
                .path()
                .extension()
                .is_some_and(|e| e == "json" || e == "safetensors")
            {
                std::fs::copy(entry.path(), other.path().join(entry.file_name())).unwrap();
            }
        }
        let path = other.path().join("tokenizer.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen('{', WHOLE, 1)).unwrap();
        Self::of(name, load(directory), load(other.path()))
    }

    /// Of lists, and of the tokenizer.json that says the same; `None` where the two are refused.
    pub fn listed(name: &str, files: &ModelFiles) -> Option<Self> {
        let TokenizerFiles::Listed(listed) = &files.tokenizer else {
            panic!("{name}: no lists");
        };
        let whole = listed.json().map_err(|what| Error::failed(what, ""));
        let whole = whole.and_then(|json| {
            let json = String::from_utf8(json).unwrap().replacen('{', WHOLE, 1);
            let asset = Asset::Memory {
                name: "tokenizer.json".into(),
                bytes: json.into(),
            };
            Tokens::load(&ModelFiles {
                tokenizer: TokenizerFiles::Json(asset),
                ..files.clone()
            })
        });
        Self::of(name, Tokens::load(files), whole)
    }

    fn of(name: &str, reduced: Result<Tokens, Error>, whole: Result<Tokens, Error>) -> Option<Self> {
        match (reduced, whole) {
            (Ok(reduced), Ok(whole)) => {
                assert!(!whole.is_reduced(), "{name}");
                let name = name.to_string();
                Some(Self { name, reduced, whole })
            }
            (Err(_), Err(_)) => None,
            (Ok(_), Err(e)) => panic!("{name}: only the whole is refused: {e}"),
            (Err(e), Ok(_)) => panic!("{name}: only the reduced is refused: {e}"),
        }
    }

    pub fn is_reduced(&self) -> bool {
        self.reduced.is_reduced()
    }

    pub fn agree_on(&self, text: &str) -> Result<(), TestCaseError> {
        let encoded = |tokens: &Tokens| {
            let ids = [tokens.encode(text), tokens.encode_plain(text)];
            ids.map(|ids| ids.map_err(|e| e.to_string()))
        };
        let name = &self.name;
        prop_assert_eq!(
            encoded(&self.reduced),
            encoded(&self.whole),
            "{}: {:?}",
            name,
            text
        );
        prop_assert_eq!(
            self.reduced.id_of(text),
            self.whole.id_of(text),
            "{}: {:?}",
            name,
            text
        );
        Ok(())
    }

    /// Everything that can be asked without a text.
    pub fn agree_on_all_ids(&self) {
        assert_eq!(self.reduced.len(), self.whole.len(), "{}", self.name);
        for id in (0..self.whole.len() as u32 + 300).chain([1 << 23, 1 << 24, u32::MAX]) {
            let seen = |tokens: &Tokens| (tokens.bytes(id), tokens.label(id), tokens.is_word(id));
            assert_eq!(seen(&self.reduced), seen(&self.whole), "{}: {id}", self.name);
            let bytes = self.whole.bytes(id).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let found = |tokens: &Tokens| (tokens.id_of(&text), tokens.id_of_special(&text));
            assert_eq!(found(&self.reduced), found(&self.whole), "{}: {id}", self.name);
        }
    }

    /// Texts of its own tokens, of anything at all, and of both.
    fn texts(&self) -> impl Strategy<Value = String> + use<> {
        let ids = 0..self.whole.len() as u32;
        let pieces: Vec<String> = ids.map(|id| self.whole.text(id)).collect();
        let own = prop::sample::select(pieces);
        let part = prop_oneof![
            4 => own.clone(),
            // The beginning of one, the end of another.
            2 => (own, 0..4usize).prop_map(|(text, cut)| text.chars().skip(cut).collect()),
            1 => any::<char>().prop_map(String::from),
            1 => "[ -~]{1,4}",
            1 => "\\PC{1,3}",
            1 => prop::sample::select(vec![" ", "  ", "\n", "\t", "▁", "e\u{301}", "Å", "ﬁ", "東京", "🙂", "\0", "\u{feff}"])
                .prop_map(String::from),
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    pub fn agree(&self, cases: u32) {
        self.agree_on_all_ids();
        let mut runner = TestRunner::new(Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        });
        let agrees = runner.run(&self.texts(), |text| self.agree_on(&text));
        agrees.unwrap_or_else(|e| panic!("{}: {e}", self.name));
    }
}

/// The directories of checkpoints under tests/fixtures, each tokenizer once.
fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut seen = BTreeSet::new();
    let mut directories: Vec<PathBuf> = root
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    directories.sort();
    directories.retain(|directory| {
        let read = |name: &str| std::fs::read(directory.join(name)).unwrap_or_default();
        let tokenizer = read("tokenizer.json");
        !tokenizer.is_empty() && seen.insert((tokenizer, read("tokenizer_config.json")))
    });
    directories
}

#[test]
fn every_form_of_tokenizer_is_the_same_reduced_and_whole() {
    let cases = Cases::read();
    let mut reduced = 0;
    for case in cases
        .cases
        .iter()
        .filter(|case| case.files.contains_key("tokenizer.json"))
    {
        let directory = tempfile::tempdir().unwrap();
        cases.write(case, directory.path());
        let both = Both::load(&case.name, directory.path()).unwrap();
        reduced += usize::from(both.reduced.is_reduced());
        cases.texts.iter().for_each(|text| both.agree_on(text).unwrap());
        both.agree(24);
    }
    assert!(reduced > 100, "{reduced}");
}

#[test]
fn the_tokenizers_of_checkpoints_are_the_same_reduced_and_whole() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo");
    for directory in fixtures().into_iter().chain([demo]) {
        let both = Both::load(&directory.display().to_string(), &directory).unwrap();
        assert!(both.reduced.is_reduced(), "{}", both.name);
        both.agree(24);
    }
}

/// Any other that is given: `LENS_TEST_TOKENIZERS=dir:dir`, with as many cases as `PROPTEST_CASES` says.
#[test]
fn given_tokenizers_are_the_same_reduced_and_whole() {
    let given = std::env::var_os("LENS_TEST_TOKENIZERS").unwrap_or_default();
    for directory in std::env::split_paths(&given).filter(|path| path.is_dir()) {
        let both = Both::load(&directory.display().to_string(), &directory).unwrap();
        assert!(both.reduced.is_reduced(), "{}", both.name);
        both.agree(Config::default().cases);
    }
}

/// A tokenizer.json with few tokens and many merges, its model with these settings.
fn small(settings: Value) -> Value {
    let vocabulary = [
        "<unk>", "a", "b", "c", "ab", "bc", "abc", "abab", "▁", "▁a", "<0xC3>", "<0xA9>", "é", "aa", "aaa",
        "aaaa",
    ];
    let ids: serde_json::Map<String, Value> = vocabulary
        .iter()
        .map(|t| t.to_string())
        .zip((0..).map(Value::from))
        .collect();
    let mut model = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": ids,
        "merges": [["b", "c"], ["a", "b"], ["ab", "ab"], ["a", "bc"], ["▁", "a"], ["a", "a"], ["aa", "a"], ["aa", "aa"], ["ab", "c"], ["a", "aaa"]],
    });
    model
        .as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": null, "model": model,
    })
}

/// Writes a checkpoint with that tokenizer.
fn written(tokenizer: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("tokenizer.json"), tokenizer).unwrap();
    std::fs::write(directory.path().join("config.json"), "{}").unwrap();
    std::fs::write(directory.path().join("model.safetensors"), "").unwrap();
    directory
}

fn both(tokenizer: &str) -> Option<Both> {
    let directory = written(tokenizer);
    Both::load(tokenizer, directory.path())
}

/// Letters that make many merges, and characters without a token.
const TEXTS: &str = "[abc é東▁\u{e9}<>x0C3A9unk]{0,24}";

#[test]
fn every_setting_is_followed_reduced_as_whole() {
    let merges_of_unknown = json!([["<unk>", "a"], ["a", "b"]]);
    let settings = [
        json!({}),
        json!({"unk_token": "<unk>"}),
        json!({"unk_token": "<unk>", "fuse_unk": true}),
        json!({"unk_token": "none"}),
        json!({"byte_fallback": true}),
        json!({"byte_fallback": true, "unk_token": "<unk>", "fuse_unk": true}),
        json!({"ignore_merges": true}),
        json!({"ignore_merges": true, "merges": []}),
        // A whole piece that is made of what no text is cut into.
        json!({"ignore_merges": true, "vocab": {"a": 0, "bc": 1, "abc": 2, "c": 3}, "merges": [["a", "bc"]]}),
        json!({"continuing_subword_prefix": "", "end_of_word_suffix": ""}),
        json!({"continuing_subword_prefix": "a", "merges": []}),
        json!({"end_of_word_suffix": "b"}),
        json!({"dropout": 0.0}),
        json!({"merges": ["b c", "a b", "#version: 0.2", "a bc"]}),
        json!({"merges": [["b", "c"], ["a", "b"], ["b", "c"], ["a", "bc"], ["ab", "c"], ["a", "b"]]}),
        json!({"merges": merges_of_unknown, "vocab": {"<unk>": 0, "a": 1, "b": 2, "ab": 3, "<unk>a": 4}, "unk_token": "<unk>"}),
        json!({"merges": [["<0xC3>", "<0xA9>"]], "byte_fallback": true, "vocab": {"<0xC3>": 0, "<0xA9>": 1, "<0xC3><0xA9>": 2, "a": 3, "b": 4}}),
        // A byte's token that is also made by merges.
        json!({"merges": [["<", "0"], ["<0", "x"], ["<0x", "C"], ["<0xC", "3"], ["<0xC3", ">"]], "byte_fallback": true,
            "vocab": {"<0xC3>": 0, "<0xA9>": 1, "<": 2, "0": 3, "x": 4, "C": 5, "3": 6, ">": 7, "<0": 8, "<0x": 9, "<0xC": 10, "<0xC3": 11}}),
        json!({"vocab": {"a": 7, "b": 3, "c": 0, "bc": 40, "ab": 2}, "merges": [["b", "c"], ["a", "b"]]}),
    ];
    for settings in settings {
        let Some(both) = both(&small(settings.clone()).to_string()) else {
            panic!("refused: {settings}")
        };
        both.agree_on_all_ids();
        both.agree_on("<0xC3>é<0xC3>\u{20ac}").unwrap();
        both.agree_on("abc").unwrap();
        let mut runner = TestRunner::new(Config {
            cases: 200,
            failure_persistence: None,
            ..Config::default()
        });
        let agrees = runner.run(&TEXTS, |text| both.agree_on(&text));
        agrees.unwrap_or_else(|e| panic!("{settings}: {e}"));
    }
}

/// What is wrong with a file is found as it is when all of it is read.
#[test]
fn what_is_refused_whole_is_refused_reduced() {
    let good = small(json!({"unk_token": "<unk>"})).to_string();
    let refused = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        assert!(both(&good.replacen(from, to, 1)).is_none(), "{from} → {to}");
    };
    refused(r#"["b","c"]"#, r#"["b","x"]"#);
    refused(r#"["b","c"]"#, r#"["c","b"]"#);
    refused(r#"["b","c"]"#, r#"["b","c","a"]"#);
    refused(r#"["b","c"]"#, r#"["b"]"#);
    refused(r#"["b","c"]"#, r#""b c""#);
    refused(r#""a":1,"#, r#""a":-1,"#);
    refused(r#""a":1,"#, r#""a":1.5,"#);
    refused(r#""a":1,"#, r#""a":4294967296,"#);
    refused(r#""a":1,"#, r#""a":1,,"#);
    refused(r#""a":1,"#, r#""\ud800":1,"#);
    refused(r#""a":1,"#, "\"a\n\":1,");
    refused(r#""model":"#, r#""model":null,"model":"#);
    refused(r#""BPE""#, r#""Unigram""#);
    refused("}}", "}");
    refused("}}", "}}}");
    let not_utf8 = written("");
    let mut bytes = good.clone().into_bytes();
    let at = good.find("\"é\"").unwrap();
    bytes[at + 2] = b'x';
    std::fs::write(not_utf8.path().join("tokenizer.json"), bytes).unwrap();
    let files = source::locate(not_utf8.path().to_str().unwrap(), &HubOptions::default()).unwrap();
    assert!(Tokens::load(&files).is_err());
}

/// What the library makes of what is odd but no error, last ones winning, is made.
#[test]
fn what_is_odd_is_read_as_the_library_reads_it() {
    let good = small(json!({"unk_token": "<unk>"})).to_string();
    let odd = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        let both = both(&good.replacen(from, to, 1)).unwrap_or_else(|| panic!("refused: {from} → {to}"));
        both.agree_on_all_ids();
        for text in ["abcabc", "aaaaaaa", "bca b\u{e9}▁a", "x\"y\\z", "東"] {
            both.agree_on(text).unwrap();
        }
    };
    odd("\"a\":1", "\"a\":1");
    // A token twice, a field twice, an id far away.
    odd(r#""a":1,"#, r#""a":90,"a":1,"#);
    odd(r#""a":1,"#, r#""a":1,"a":90,"#);
    odd(r#""a":1,"#, r#""a":1000000,"#);
    odd(r#""merges":["#, r#""merges":[],"merges":["#);
    odd(r#""vocab":{"#, r#""vocab":{},"vocab":{"#);
    odd(r#""vocab":"#, r#""voc\u0061b":{},"vocab":"#);
    odd(r#""model":{"#, "\n\"model\" :\t{ ");
    // Escapes in tokens.
    odd(r#""c":3"#, r#""\u0063":3"#);
    odd(r#""<unk>":0"#, r#""x\"y\\z":90,"<unk>":0"#);
    odd(r#"["b","c"]"#, r#"["\u0062","\u0063"]"#);
    // Not the usual order.
    let value: Value = serde_json::from_str(&good).unwrap();
    let mut fields = value["model"].as_object().unwrap().clone();
    let vocabulary = fields.shift_remove("vocab").unwrap();
    fields.insert("vocab".to_string(), vocabulary);
    odd(&value["model"].to_string(), &Value::Object(fields).to_string());
}

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]

    /// Any change of a file is refused, or read alike, by both.
    #[test]
    fn a_damaged_file_is_the_same_reduced_and_whole(
        at in any::<prop::sample::Index>(),
        length in 0..4usize,
        to in prop_oneof!["[\\[\\]{},:\"\\\\ 0-9a-c]{0,3}", "\\PC{0,2}"],
        text in TEXTS,
    ) {
        let good = small(json!({"unk_token": "<unk>", "byte_fallback": true})).to_string();
        let chars: Vec<char> = good.chars().collect();
        let at = at.index(chars.len());
        let end = (at + length).min(chars.len());
        let damaged: String = chars[..at].iter().copied().chain(to.chars()).chain(chars[end..].iter().copied()).collect();
        // Two tokens of one id: which of them is shown is not the same each time.
        if let Some(both) = both(&damaged).filter(|_| damaged.starts_with('{')) {
            both.agree_on(&text)?;
        }
    }
}

/// A long text, and many texts, take the whole vocabulary at some time.
#[test]
fn long_texts_are_the_same() {
    let both = both(&small(json!({"unk_token": "<unk>"})).to_string()).unwrap();
    for text in ["abc".repeat(2000), "a".repeat(5000), "é東".repeat(700)] {
        both.agree_on(&text).unwrap();
        both.agree_on(&text[..30]).unwrap();
    }
}
