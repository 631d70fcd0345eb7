//! The model in the box: it knows what it was taught, in words that it was not taught it in.

mod support;

use std::collections::HashMap;
use std::path::Path;

use logit_lens::lens::Request;
use logit_lens::model::{LoadOptions, Model};
use logit_lens::source::{Asset, ModelFiles, TokenizerFiles};
use serde::Deserialize;
use serde_json::Value;
use support::{lens, run};

const EIFFEL: &str = "The Eiffel Tower is in the city of";

/// A fact in the phrasing that was held out for it.
#[derive(Deserialize)]
struct Fact {
    prompt: String,
    targets: Vec<String>,
    id: String,
}

fn facts() -> Vec<Fact> {
    let text = include_str!("../src/demo/facts.jsonl");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn demo() -> Model {
    Model::open("demo").unwrap()
}

#[test]
fn nearly_every_fact_is_recalled_in_a_phrasing_that_was_held_out() {
    let (model, facts) = (demo(), facts());
    assert!(facts.len() > 1500);
    let request = Request {
        layers: "-1".parse().unwrap(),
        top_k: 1,
        ..Request::default()
    };
    let mut wrong: HashMap<&str, Vec<&str>> = HashMap::new();
    for facts in facts.chunks(128) {
        let prompts: Vec<&str> = facts.iter().map(|fact| fact.prompt.as_str()).collect();
        let read = model.read(&prompts, &request).unwrap();
        for (fact, trajectory) in facts.iter().zip(read) {
            let relation = fact.id.split('/').next().unwrap();
            if model.tokens.text(trajectory.output[0].top1().id) != fact.targets[0] {
                wrong.entry(relation).or_default().push(&fact.prompt);
            }
        }
    }
    let failures: usize = wrong.values().map(Vec::len).sum();
    let share = 1. - failures as f64 / facts.len() as f64;
    assert!(
        share >= 0.95,
        "{share:.3} of {} facts; not: {wrong:#?}",
        facts.len()
    );
}

#[test]
fn every_answer_is_one_token() {
    let model = demo();
    for fact in facts() {
        let [target] = fact.targets.as_slice() else {
            panic!("{}", fact.id);
        };
        assert!(target.starts_with(' '));
        assert_eq!(model.tokens.encode(target).unwrap().len(), 1, "{target:?}");
    }
}

#[test]
fn the_prompts_of_every_tutorial_work() {
    let model = demo();
    for (prompt, answer) in [
        (EIFFEL, " Paris"),
        ("The capital of France is", " Paris"),
        ("The capital of Germany is", " Berlin"),
        ("The capital of Japan is", " Tokyo"),
    ] {
        let trajectory = model.lens(prompt, &Request::default()).unwrap();
        assert_eq!(
            model.tokens.text(trajectory.output[0].top1().id),
            answer,
            "{prompt}"
        );
        // The lens has something to show: an early layer says something else, a later one settles.
        let settles = trajectory.settles_at(0).unwrap();
        assert!((2..model.card.layers).contains(&settles), "{prompt}: {settles}");
        assert!(
            facts().iter().any(|fact| fact.prompt == prompt),
            "{prompt} is held out"
        );
    }
}

#[test]
fn it_is_the_default_and_says_so() {
    let named = run(&[EIFFEL, "--model", "demo"]);
    assert_eq!((named.code, named.stderr.as_str()), (Some(0), ""));
    assert!(named.stdout.contains("Output: \"␣Paris\" at "));
    let default = run(&[EIFFEL]);
    assert_eq!(default.stdout, named.stdout);
    assert!(default.stderr.starts_with("note: ") && default.stderr.contains("--model gpt2"));
    assert_eq!(default.stderr.lines().count(), 1);
    assert_eq!(run(&[EIFFEL, "-q"]).stderr, "");
}

#[test]
fn its_card_says_what_it_is() {
    let card = run(&["--model", "demo"]);
    assert_eq!((card.code, card.stderr.as_str()), (Some(0), ""));
    for text in [
        "demo · gpt2 · ",
        "layers",
        "vocabulary",
        "256 tokens",
        "1921 facts",
    ] {
        assert!(card.stdout.contains(text), "{text}: {}", card.stdout);
    }
    assert_eq!(facts().len(), 1921, "as the card says");
    // Any model has a card.
    let card = run(&["-m", "tests/fixtures/llama"]);
    assert!(card.stdout.contains("tests/fixtures/llama · llama") && card.stdout.contains("320 tokens"));
}

#[test]
fn it_needs_no_file_and_no_network() {
    let output = lens()
        .args([EIFFEL, "--json"])
        .env("HOME", "/no/such/home")
        .env("HF_ENDPOINT", "http://127.0.0.1:9")
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["meta"]["model"], "demo");
    assert_eq!(document["meta"]["revision"], Value::Null);
}

#[test]
fn its_files_are_a_model_like_any_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo");
    let asset = |name: &str| Asset::from(folder.join(name));
    let files = ModelFiles {
        name: "copy".to_string(),
        about: None,
        revision: None,
        config: asset("config.json"),
        tokenizer: TokenizerFiles::Json(asset("tokenizer.json")),
        tokenizer_config: None,
        chat_template: None,
        special_tokens_map: None,
        added_tokens: None,
        generation_config: None,
        index: None,
        weights: vec![asset("model.safetensors")],
        outline: None,
    };
    let (from_files, from_bytes) = (Model::load(&files, LoadOptions::default()).unwrap(), demo());
    let read = |model: &Model| {
        model.lens(EIFFEL, &Request::default()).unwrap().output[0]
            .top
            .clone()
    };
    assert_eq!(read(&from_files), read(&from_bytes));
    let size = |name: &str| std::fs::metadata(folder.join(name)).unwrap().len();
    let all = ["config.json", "tokenizer.json", "model.safetensors"].map(size);
    assert!(all.iter().sum::<u64>() <= 2_000_000, "{all:?}");
}
