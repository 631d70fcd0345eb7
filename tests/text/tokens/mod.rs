//! Tokens and special tokens of tokenizers of every form, as `transformers` has them: see `make.py`.

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
