//! Tokens and special tokens of tokenizers of every form, as `transformers` has them: see `make.py`.

mod listed;
mod reduced;

use std::collections::BTreeMap;
use std::path::Path;

use logit_lens::source::{self, HubOptions};
use logit_lens::text::tokens::Tokens;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Cases {
    texts: Vec<String>,
    bases: BTreeMap<String, Map<String, Value>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    files: BTreeMap<String, Value>,
    ids: Vec<Vec<u32>>,
    plain: Option<Vec<Vec<u32>>>,
    special: BTreeMap<String, String>,
}

impl Cases {
    fn read() -> Self {
        serde_json::from_str(include_str!("cases.json")).unwrap()
    }

    /// Writes a case's files as a checkpoint has them.
    fn write(&self, case: &Case, directory: &Path) {
        for (name, content) in &case.files {
            let base = || &self.bases[content["base"].as_str().unwrap()];
            let text = match name.as_str() {
                "tokenizer.json" => {
                    let mut file = base().clone();
                    file.extend(content.as_object().unwrap().clone());
                    file.remove("base");
                    Value::Object(file).to_string()
                }
                "vocab.json" => base()["model"]["vocab"].to_string(),
                "merges.txt" => {
                    let merges = base()["model"]["merges"].as_array().unwrap();
                    let pair = |pair: &Value| {
                        format!("{} {}\n", pair[0].as_str().unwrap(), pair[1].as_str().unwrap())
                    };
                    merges.iter().map(pair).collect()
                }
                _ => content.to_string(),
            };
            std::fs::write(directory.join(name), text).unwrap();
        }
        std::fs::write(directory.join("model.safetensors"), "").unwrap();
    }

    fn tokens(&self, case: &Case) -> Tokens {
        let directory = tempfile::tempdir().unwrap();
        self.write(case, directory.path());
        let path = directory.path().to_str().unwrap();
        let files = source::locate(path, &HubOptions::default()).unwrap();
        Tokens::load(&files).unwrap_or_else(|e| panic!("{}: {e:?}", case.name))
    }
}

#[test]
fn tokens_are_those_of_transformers() {
    let cases = Cases::read();
    let mut wrong = Vec::new();
    for case in &cases.cases {
        let tokens = cases.tokens(case);
        for (i, text) in cases.texts.iter().enumerate() {
            let plain = case.plain.as_ref().unwrap_or(&case.ids);
            let found = [tokens.encode(text).unwrap(), tokens.encode_plain(text).unwrap()];
            if found != [case.ids[i].clone(), plain[i].clone()] {
                wrong.push(format!(
                    "{}: {text:?}: {found:?}, transformers: {:?}, {:?}",
                    case.name, case.ids[i], plain[i]
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn special_tokens_are_those_of_transformers() {
    let cases = Cases::read();
    for case in &cases.cases {
        let tokens = cases.tokens(case);
        let named = tokens.special_tokens().named();
        let named: BTreeMap<_, _> = named.map(|(k, v)| (k.to_string(), v.to_string())).collect();
        assert_eq!(named, case.special, "{}", case.name);
    }
}

/// What a token is shown as, of every kind of vocabulary; and the token that is meant by a text.
#[test]
fn tokens_are_shown_as_what_they_stand_for() {
    let cases = Cases::read();
    let named = |name: &str| {
        let case = cases.cases.iter().find(|case| case.name == name);
        cases.tokens(case.unwrap_or_else(|| panic!("no case {name}")))
    };
    type Labels = &'static [&'static str];
    let shown: &[(&str, &str, Labels)] = &[
        // Nothing before the first word, runs of newlines as tokens of their own.
        (
            "llama2, gemma2: GemmaTokenizer",
            "The city\n\n",
            &["<s>", "T", "he", "␣city", r"\n\n"],
        ),
        // Version 1 of Mistral's has a space before the first word, version 3 too, but not after a special token.
        (
            "llama2, mistral: version 1",
            "The city",
            &["<s>", "␣The", "␣city"],
        ),
        (
            "llama2, mistral: version 3",
            "The<|im_start|>The",
            &["<s>", "␣The", "<|im_start|>", "T", "he"],
        ),
        // Bytes of what the vocabulary lacks.
        ("llama2, mistral: version 1", "é", &["<s>", "␣", r"\xC3", r"\xA9"]),
        // Tokens that take the spaces after them along; what comes then begins as a text does.
        (
            "llama2, phi3: tokens that take spaces with them",
            "The<|im_end|>  city",
            &["<s>", "␣The", "<|im_end|>", "␣city"],
        ),
        // Composed before it is cut.
        ("bytes, qwen2: Qwen2Tokenizer", "e\u{301} city", &["é", "␣city"]),
        (
            "bytes, gpt_neox: GPTNeoXTokenizer",
            "e\u{301}  city",
            &["é", "␣␣", "c", "ity"],
        ),
        (
            "bytes, phi: CodeGenTokenizer",
            "The   city",
            &["The", "␣␣␣", "c", "ity"],
        ),
        // Each digit by itself, as in Cohere's and StarCoder's; Falcon's go by three.
        (
            "bytes, cohere: CohereTokenizer",
            "12 city",
            &["<|im_start|>", "1", "2", "␣city"],
        ),
        ("bytes, gpt_bigcode: digits", "12", &["1", "2"]),
        (
            "opt vocab+merges: a BOS in front",
            "The city",
            &["</s>", "The", "␣city"],
        ),
        (
            "bytes, glm4: two tokens in front",
            "The",
            &["<|im_start|>", "<|im_end|>", "The"],
        ),
    ];
    let mut wrong = Vec::new();
    for (name, text, labels) in shown {
        let tokens = named(name);
        let ids = tokens.encode(text).unwrap();
        let found: Vec<String> = ids.iter().map(|&id| tokens.label(id)).collect();
        if found != *labels {
            wrong.push(format!("{name}: {text:?}: {found:?}, not {labels:?}"));
        }
    }
    // A target is a token with its leading space, in every spelling.
    for name in [
        "llama2, gemma2: GemmaTokenizer",
        "llama2, mistral: version 1",
        "llama2, mistral: version 3",
        "bytes, qwen2: Qwen2Tokenizer",
        "bytes, mistral: tekken",
        "bytes, cohere: CohereTokenizer",
        "bytes, falcon: fast",
        "bytes, bloom: BloomTokenizer",
    ] {
        let tokens = named(name);
        match tokens.id_of(" city") {
            Some(id) if tokens.label(id) == "␣city" && tokens.text(id) == " city" => {}
            found => wrong.push(format!("{name}: a target \" city\" is {found:?}")),
        }
        if let Some(id) = tokens.id_of("▁city") {
            wrong.push(format!("{name}: what is not in a text is {id}"));
        }
    }
    // Runs of spaces that Gemma's files list as added tokens.
    let gemma = named("llama2, gemma2: GemmaTokenizer");
    let run = gemma.id_of("  ").map(|id| gemma.label(id));
    assert_eq!(run.as_deref(), Some("␣␣"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
