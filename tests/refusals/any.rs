//! Whatever a file or an argument holds, there is an answer or an error, and never a panic.

use std::sync::LazyLock;

use bytes::Bytes;
use logit_lens::analysis::statistics::Statistics;
use logit_lens::decoder::{self, Config};
use logit_lens::lens::{Layers, Points, Positions};
use logit_lens::source::{Asset, DEMO, HubOptions, ModelFiles, TokenizerFiles, locate, shard_names};
use logit_lens::text::prompts::Lines;
use logit_lens::text::targets::TargetSpec;
use logit_lens::text::tokens::Tokens;
use logit_lens::weights::Weights;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::fixture;

/// The files of a fixture.
struct Files {
    config: Map<String, Value>,
    weights: Bytes,
    tokenizer: Value,
}

static FIXTURES: LazyLock<[Files; 3]> = LazyLock::new(|| {
    ["gpt2", "gpt2-untied", "llama"].map(|name| {
        let read = |file: &str| std::fs::read(fixture(name).join(file)).unwrap();
        Files {
            config: serde_json::from_slice(&read("config.json")).unwrap(),
            weights: read("model.safetensors").into(),
            tokenizer: serde_json::from_slice(&read("tokenizer.json")).unwrap(),
        }
    })
});

fn asset(bytes: impl Into<Bytes>) -> Asset {
    Asset::Memory {
        name: "a file".into(),
        bytes: bytes.into(),
    }
}

/// The files of a tokenizer whose config is that.
fn tokenizer_files(tokenizer: &Value, config: &Value) -> ModelFiles {
    ModelFiles {
        tokenizer: TokenizerFiles::Json(asset(tokenizer.to_string().into_bytes())),
        tokenizer_config: Some(asset(config.to_string().into_bytes())),
        ..locate(DEMO, &HubOptions::default()).unwrap()
    }
}

/// What a model's files say of its special and added tokens.
fn settings() -> Value {
    let token = |text: &str, special: bool| {
        json!({ "content": text, "single_word": false, "lstrip": true, "rstrip": false,
            "normalized": false, "special": special })
    };
    json!({
        "bos_token": "<s>", "eos_token": token("</s>", true), "pad_token": null, "image_token": "<image>",
        "extra_special_tokens": ["<a>", token("<b>", false)], "additional_special_tokens": ["<c>"],
        "added_tokens_decoder": { "302": token("<d>", true), "303": token("the", false) },
        "add_prefix_space": true, "legacy": false, "split_special_tokens": false,
        "tokenizer_class": "LlamaTokenizer",
    })
}

/// A value that a field of JSON may have been given.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0..40u64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            Just("gpt2"),
            Just("llama"),
            Just("llama3"),
            Just("linear"),
            Just("silu"),
            Just("")
        ]
        .prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("(rope_type|factor|rope_theta|[a-z]{1,4})", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// All that a path through JSON leads to, as pointers.
fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        // Of a vocabulary's many entries some are enough.
        Value::Object(fields) => fields.iter().take(40).for_each(|(key, inner)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            pointers(inner, format!("{at}/{key}"), found);
        }),
        Value::Array(items) => items.iter().take(20).enumerate().for_each(|(i, inner)| {
            pointers(inner, format!("{at}/{i}"), found);
        }),
        _ => {}
    }
    found.push(at);
}

/// Puts each value in a place.
fn edit(json: &mut Value, edits: impl IntoIterator<Item = (prop::sample::Index, Value)>) {
    for (index, value) in edits {
        let mut found = Vec::new();
        pointers(json, String::new(), &mut found);
        *json.pointer_mut(&found[index.index(found.len())]).unwrap() = value;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_config(which in 0..3usize, edits in proptest::collection::vec((any::<prop::sample::Index>(), value()), 1..4)) {
        let files = &FIXTURES[which];
        let mut config = files.config.clone();
        let names: Vec<String> = config.keys().cloned().chain(["rope_scaling".into(), "head_dim".into()]).collect();
        for (index, value) in edits {
            config.insert(index.get(&names).clone(), value);
        }
        let text = Value::Object(config).to_string();
        let config = Config::parse(text.as_bytes(), "config.json".to_string()).unwrap();
        let weights = Weights::open(&[asset(files.weights.clone())], None).unwrap();
        let _ = decoder::load(&config, &weights);
    }

    #[test]
    fn any_safetensors(
        which in 0..3usize,
        cut in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cuts in any::<bool>(),
    ) {
        let files = &FIXTURES[which];
        let mut bytes = files.weights.to_vec();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for (index, byte) in edits {
            bytes[index.index(header)] = byte;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(weights) = Weights::open(&[asset(bytes)], None) {
            let config = Value::Object(files.config.clone()).to_string();
            let config = Config::parse(config.as_bytes(), "config.json".to_string()).unwrap();
            let _ = decoder::load(&config, &weights);
        }
    }

    #[test]
    fn any_tokenizer(
        which in 0..3usize,
        class in prop_oneof![Just("PreTrainedTokenizerFast"), Just("GPT2Tokenizer"), Just("CodeLlamaTokenizer")],
        edits in proptest::collection::vec((any::<prop::sample::Index>(), value()), 1..3),
    ) {
        let mut json = FIXTURES[which].tokenizer.clone();
        edit(&mut json, edits);
        if let Ok(tokens) = Tokens::load(&tokenizer_files(&json, &json!({ "tokenizer_class": class }))) {
            for id in tokens.encode("The city of Paris \u{202e}東\n").into_iter().flatten() {
                prop_assert!(!tokens.label(id).contains(char::is_control));
            }
            let _ = tokens.id_of(" the");
        }
    }

    #[test]
    fn any_tokenizer_config(
        which in 0..3usize,
        whole in any::<bool>(),
        edits in proptest::collection::vec((0..3usize, any::<prop::sample::Index>(), value()), 0..4),
    ) {
        let mut siblings = [settings(), settings(), json!({ "<e>": 305, "<f>": 400, "the": 1 })];
        if !whole {
            // The older files count where this is absent.
            siblings[0].as_object_mut().unwrap().remove("added_tokens_decoder");
        }
        for (file, index, value) in edits {
            edit(&mut siblings[file], [(index, value)]);
        }
        let sibling = |i: usize| Some(asset(siblings[i].to_string().into_bytes()));
        let files = ModelFiles {
            special_tokens_map: sibling(1),
            added_tokens: sibling(2),
            ..tokenizer_files(&FIXTURES[which].tokenizer, &siblings[0])
        };
        if let Ok(tokens) = Tokens::load(&files) {
            for id in tokens.encode("<s>The city <d> of Paris \u{202e}東\n").into_iter().flatten() {
                prop_assert!(!tokens.label(id).contains(char::is_control));
            }
        }
    }

    #[test]
    fn any_index(names in proptest::collection::vec("[a-z./\\\\~:]{0,12}(\\.safetensors)?", 1..4)) {
        let map: Map<String, Value> = (names.iter().enumerate()).map(|(i, name)| (i.to_string(), json!(name))).collect();
        let index = json!({ "weight_map": map }).to_string();
        for name in shard_names(&index, "index").into_iter().flatten() {
            prop_assert!(!name.starts_with('/') && !name.split('/').any(|part| part == "..") && !name.contains('\\'));
        }
    }

    #[test]
    fn any_prompts(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'{'), Just(b'"')], 0..200)) {
        for name in ["p.txt", "p.jsonl"] {
            let items: Vec<_> = Lines::new(&bytes[..], name.to_string()).collect();
            let wrong = items.iter().position(Result::is_err);
            prop_assert!(wrong.is_none_or(|at| at + 1 == items.len()));
        }
    }

    #[test]
    fn any_selection(text in "[-0-9a-z:, =|]{0,20}", count in 1..100usize) {
        if let Some(chosen) = text.parse::<Layers>().ok().and_then(|l| l.resolve(count).ok()) {
            prop_assert!(chosen.is_sorted() && chosen.iter().all(|&layer| layer < count));
        }
        if let Some(chosen) = text.parse::<Positions>().ok().and_then(|p| p.resolve(count).ok()) {
            prop_assert!(!chosen.is_empty() && chosen.is_sorted() && chosen.iter().all(|&at| at < count));
        }
        let _ = (text.parse::<Points>(), text.parse::<TargetSpec>(), text.parse::<Statistics>());
    }
}
