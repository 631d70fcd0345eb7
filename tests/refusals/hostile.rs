//! Files that were made to do harm.

use bytes::Bytes;
use logit_lens::source::Asset;
use logit_lens::text::chat::ChatTemplate;
use logit_lens::weights::Weights;
use serde_json::{Value, json};

use crate::support::Checkpoint;
use crate::{assert_refused, prompts, refuse};

/// A safetensors file with this header, and so many bytes after it.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn tensor(shape: &Value, start: u64, end: u64) -> Value {
    json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] })
}

#[test]
fn headers_that_lie_are_refused() {
    let huge = u64::MAX / 2;
    for (what, header, data) in [
        (
            "overlapping",
            json!({ "a": tensor(&json!([2]), 0, 8), "b": tensor(&json!([2]), 4, 12) }),
            12,
        ),
        ("backwards", json!({ "a": tensor(&json!([2]), 8, 0) }), 8),
        ("past the end", json!({ "a": tensor(&json!([4]), 0, 16) }), 8),
        (
            "a hole",
            json!({ "a": tensor(&json!([1]), 0, 4), "b": tensor(&json!([1]), 8, 12) }),
            12,
        ),
        (
            "overflowing offsets",
            json!({ "a": tensor(&json!([2]), huge, huge + 8) }),
            8,
        ),
        (
            "an overflowing shape",
            json!({ "a": tensor(&json!([huge, huge, 16]), 0, 8) }),
            8,
        ),
        (
            "a shape that overflows to what is there",
            json!({ "a": tensor(&json!([1u64 << 62, 4, 2]), 0, 0) }),
            0,
        ),
        (
            "another size than the shape's",
            json!({ "a": tensor(&json!([3]), 0, 8) }),
            8,
        ),
        ("trailing bytes", json!({ "a": tensor(&json!([1]), 0, 4) }), 4000),
        (
            "a type that is none",
            json!({ "a": { "dtype": "F99", "shape": [1], "data_offsets": [0, 4] } }),
            4,
        ),
        ("no object", json!([1, 2]), 4),
    ] {
        let asset = Asset::Memory {
            name: "hostile".into(),
            bytes: Bytes::from(file(&header.to_string(), data)),
        };
        assert_refused(
            Weights::open(&[asset], None),
            &["hostile is not a whole safetensors file"],
            what,
        );
    }
    // A header that says it has 2 GB, of which nothing is there, and one of all the bytes there are.
    for length in [2u64 << 30, u64::MAX, 0, 1] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(b"{}");
        let asset = Asset::Memory {
            name: "hostile".into(),
            bytes: Bytes::from(bytes),
        };
        assert_refused(
            Weights::open(&[asset], None),
            &["hostile"],
            &format!("a header of {length}"),
        );
    }
}

#[test]
fn sizes_that_no_machine_has_are_refused_before_memory_is_asked_for() {
    let most = json!(u32::MAX - 1);
    for (name, key, value) in [
        ("llama", "head_dim", &most),
        ("llama", "num_attention_heads", &most),
        ("llama", "hidden_size", &most),
        ("llama", "intermediate_size", &most),
        ("llama", "vocab_size", &most),
        ("llama", "num_hidden_layers", &most),
        ("llama", "num_hidden_layers", &json!(1_000_000)),
        ("gpt2", "n_layer", &json!(1_000_000)),
        ("gpt2", "n_positions", &most),
        ("gpt2", "n_inner", &most),
        ("gpt2", "n_head", &json!(0)),
        ("llama", "num_attention_heads", &json!(0)),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.set(key, value.clone());
        if key == "num_attention_heads" {
            checkpoint.set("num_key_value_heads", value.clone());
        }
        refuse(&checkpoint, &[], &format!("{key} = {value}"));
    }
}

#[test]
fn an_index_leads_nowhere_else() {
    for name in [
        "../../../../etc/passwd",
        "/etc/passwd",
        "..",
        "a/../../b.safetensors",
        "/model.safetensors",
        "C:\\model.safetensors",
        "..\\model.safetensors",
        "./model.safetensors",
        "",
        "model.safetensors\0.txt",
    ] {
        let checkpoint = Checkpoint::copy_of("gpt2");
        let index = json!({ "weight_map": { "wte.weight": name } });
        checkpoint
            .remove("model.safetensors")
            .write("model.safetensors.index.json", &index.to_string());
        refuse(&checkpoint, &["model.safetensors.index.json names"], name);
    }
}

/// Whoever made the directory made its links: those to files elsewhere too, as older versions of
/// huggingface_hub made them into the hub's cache. One rule for a shard and for single weights.
#[cfg(unix)]
#[test]
fn links_in_a_directory_are_followed() {
    use std::os::unix::fs::symlink;

    let elsewhere = Checkpoint::copy_of("gpt2");
    let weights = elsewhere.file("model.safetensors");
    let single = Checkpoint::copy_of("gpt2");
    single.remove("model.safetensors");
    symlink(&weights, single.file("model.safetensors")).unwrap();
    assert!(single.load().is_ok());

    let sharded = Checkpoint::copy_of("gpt2");
    let index = json!({ "weight_map": { "wte.weight": "shard.safetensors" } });
    sharded
        .remove("model.safetensors")
        .write("model.safetensors.index.json", &index.to_string());
    symlink(&weights, sharded.file("shard.safetensors")).unwrap();
    assert!(sharded.load().is_ok());
    // One that leads nowhere is no file.
    std::fs::remove_file(&weights).unwrap();
    refuse(&sharded, &["names shard.safetensors, but"], "a dangling link");
}

#[test]
fn a_tokenizer_that_does_not_belong_to_the_model_is_said_to_be_so() {
    // Larger than the embedding: the ids past its end are refused where they come up.
    let checkpoint = Checkpoint::copy_of("llama");
    edit_tokenizer(&checkpoint, |json| {
        let added = json["added_tokens"].as_array_mut().unwrap();
        let more = (303..321).map(|id| {
            json!({ "id": id, "content": format!("<{id}>"), "special": true, "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false })
        });
        added.extend(more);
    });
    let model = checkpoint.load().unwrap();
    assert!(model.read(&["The <319>"], &prompts::request()).is_ok());
    let beyond = model.read(&["The <320>"], &prompts::request());
    assert_refused(beyond, &["token 320", "320 rows"], "more tokens");
    // Smaller: tokens that have no text are shown by their ids.
    let checkpoint = Checkpoint::copy_of("llama");
    edit_tokenizer(&checkpoint, |json| {
        json["model"]["merges"] = json!([]);
        let vocabulary = json["model"]["vocab"].as_object_mut().unwrap();
        vocabulary.retain(|_, id| id.as_u64().unwrap() < 259);
    });
    let model = checkpoint.load().unwrap();
    assert_eq!(model.tokens.label(300), "<id 300>");
    let request = logit_lens::lens::Request {
        top_k: 320,
        ..prompts::request()
    };
    let read = model.lens("The", &request).unwrap();
    assert!(
        read.output[0]
            .top
            .iter()
            .any(|c| model.tokens.label(c.id).starts_with("<id "))
    );
}

/// The library takes some parts of a tokenizer for granted, and panics where they are not so.
#[test]
fn a_tokenizer_that_the_library_panics_over_is_refused() {
    let checkpoint = Checkpoint::copy_of("llama");
    let text = std::fs::read_to_string(checkpoint.file("tokenizer.json")).unwrap();
    let decoder = text.find("\"decoder\"").unwrap();
    let (before, after) = text.split_at(decoder);
    for broken in [
        "\"trim_offsets\": tbue",
        "\"trim_offsets\": \"yes\"",
        "\"trim_offsets\": 1e999",
    ] {
        let text = format!("{before}{}", after.replacen("\"trim_offsets\": true", broken, 1));
        assert_ne!(text, format!("{before}{after}"));
        checkpoint.write("tokenizer.json", &text);
        refuse(
            &checkpoint,
            &["tokenizer.json is not a tokenizer that lens can read"],
            broken,
        );
    }
}

/// What a tokenizer.json has of training and of batching must not cut, fill or shuffle a prompt.
#[test]
fn a_prompt_is_cut_into_all_of_its_tokens_and_nothing_else() {
    let plain = Checkpoint::copy_of("llama");
    let text = "The capital of France is the city of Paris";
    let expected = plain.load().unwrap().tokens.encode(text).unwrap();
    let checkpoint = Checkpoint::copy_of("llama");
    edit_tokenizer(&checkpoint, |json| {
        json["truncation"] =
            json!({ "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0 });
        json["padding"] = json!({ "strategy": { "Fixed": 1_000_000_000_000u64 }, "direction": "Right",
            "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "!" });
    });
    assert_eq!(checkpoint.load().unwrap().tokens.encode(text).unwrap(), expected);
    edit_tokenizer(&checkpoint, |json| json["model"]["dropout"] = json!(0.5));
    refuse(&checkpoint, &["tokenizer.json", "dropout"], "a dropout");
}

#[test]
fn a_normalizer_that_makes_too_much_of_a_text_is_stopped() {
    let checkpoint = Checkpoint::copy_of("llama");
    let replace =
        |content: String| json!({ "type": "Replace", "pattern": { "String": "a" }, "content": content });
    edit_tokenizer(&checkpoint, |json| {
        let tenfold = vec![replace("a".repeat(10)); 12];
        json["normalizer"] = json!({ "type": "Sequence", "normalizers": tenfold });
    });
    let result = checkpoint.load().unwrap().tokens.encode("a capital");
    assert_refused(
        result,
        &["The tokenizer refuses the prompt", "it takes more than"],
        "a normalizer",
    );
}

/// Patterns are written for Oniguruma, whose every construct another engine does not have.
#[test]
fn a_pattern_that_cannot_be_matched_is_refused() {
    let checkpoint = Checkpoint::copy_of("llama");
    for pattern in [r"\X", r"\cA", r"(?~a)", r"(?<a>b)\g<a>", r"\p{Alnum}", "("] {
        edit_tokenizer(&checkpoint, |json| {
            json["pre_tokenizer"] = json!({ "type": "Split", "pattern": { "Regex": pattern },
                "behavior": "Isolated", "invert": false });
        });
        refuse(
            &checkpoint,
            &["tokenizer.json is not a tokenizer that lens can read"],
            pattern,
        );
    }
}

/// One name of a special token may stand for any number of ids, and a template may repeat it.
#[test]
fn a_post_processor_that_makes_too_much_of_a_text_is_refused() {
    let checkpoint = Checkpoint::copy_of("gpt2");
    let text = json!({ "Sequence": { "id": "A", "type_id": 0 } });
    let special = json!({ "SpecialToken": { "id": "x", "type_id": 0 } });
    let set = |pieces: Vec<&Value>, ids: usize| {
        edit_tokenizer(&checkpoint, |json| {
            json["post_processor"] = json!({ "type": "Sequence", "processors": [{
                "type": "TemplateProcessing", "single": pieces, "pair": [],
                "special_tokens": { "x": { "id": "x", "ids": vec![0; ids], "tokens": vec!["x"; ids] } },
            }]});
        });
        checkpoint.load().map(|model| model.tokens)
    };
    let many = [vec![&special; 200], vec![&text]].concat();
    assert_refused(
        set(many.clone(), 100_000),
        &["tokenizer.json", "its post-processor adds 20000000 tokens"],
        "special tokens",
    );
    assert_refused(
        set(vec![&text; 1000], 0),
        &["tokenizer.json", "its post-processor repeats a text 1000 times"],
        "repeats",
    );
    let twice = set(vec![&special, &text, &text], 2)
        .unwrap()
        .encode("The")
        .unwrap();
    assert_eq!(twice[..2], [0, 0]);
    assert_eq!(twice.len(), 4);
    assert_eq!(set(many, 1).unwrap().encode("The").unwrap().len(), 201);
}

fn edit_tokenizer(checkpoint: &Checkpoint, edit: impl FnOnce(&mut Value)) {
    let text = std::fs::read_to_string(checkpoint.file("tokenizer.json")).unwrap();
    let mut json = serde_json::from_str(&text).unwrap();
    edit(&mut json);
    checkpoint.write("tokenizer.json", &json.to_string());
}

#[test]
fn chat_templates_end_and_stay_small() {
    let doubling = "{% set ns = namespace(x='0123456789abcdef') %}{% for i in range(60) %}\
                    {% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x | length }}";
    let nesting =
        "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}hi";
    for (template, problem) in [
        (
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "fuel",
        ),
        ("{{ range(10000000000) | list | length }}", ""),
        ("{{ 'x' * 100000000000 }}", "too large"),
        ("{{ 'x' | indent(1000000000000) }}", "too wide"),
        ("{{ 'x' | indent(width=1000000000000) }}", "too wide"),
        ("{{ messages | tojson(indent=1000000000000) }}", "too wide"),
        ("{{ '%1000000000000d' | format(1) }}", "too wide"),
        ("{{ '%*d' | format(1000000000000, 1) }}", "too wide"),
        ("{{ '{:1000000000000}'.format(1) }}", "too wide"),
        ("{{ '{:{}}'.format(1, 1000000000000) }}", "too wide"),
        ("{{ strftime_now('%Q') }}", "no format of a date"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", ""),
        ("{% include 'x' %}", ""),
        ("{{ raise_exception('no system message') }}", "no system message"),
        (doubling, "of memory"),
        (
            "{% for i in range(1000) %}{{ 'a ' * 50000 }}{% endfor %}",
            "writes more than 4 MB",
        ),
        (nesting, "200 deep"),
        ("{% set a = namespace() %}{% set a.a = a %}{{ a }}", "into itself"),
        (
            "{% set a = namespace() %}{% set a.a = [{'x': a}] %}{{ a|tojson }}",
            "into itself",
        ),
        (
            "{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ 'x' ~ a }}",
            "into itself",
        ),
        ("{% set a = namespace(b=1) %}{% set a.b = a.items() %}{{ a }}", ""),
        ("{% set a = namespace(b=1) %}{% set a.b = a|items %}{{ a }}", ""),
        ("{{ ''.count('') }}{{ 'x'.ljust(1000000000000) }}", "too wide"),
        (
            "{% for m in messages %}{% set m.role = m %}{% endfor %}",
            "only namespaces",
        ),
    ] {
        let template_of = ChatTemplate::new(template.to_string(), []);
        let result = template_of.render(Some("Be brief."), "Where?");
        assert_refused(result, &["chat template cannot be followed", problem], template);
    }
    let template = "{{ bos_token }}{% for m in messages %}[{{ m['role'] | upper }}] {{ m.content.strip() | indent(2) }}\
                    {% endfor %}{{ '%s' | format('!') }}{{ messages | tojson(indent=1) | length }}";
    let template = ChatTemplate::new(template.to_string(), [("bos_token", "<s>")]);
    let rendered = template.render(None, " Where?\nThere? ").unwrap();
    assert!(rendered.starts_with("<s>[USER] Where?\n  There?!"), "{rendered}");
}
