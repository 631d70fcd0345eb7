//! Everything that is written as JSON is what `lens --schema` says, and no more.

use logit_lens::report::json::Readings;
use serde_json::{Value, json};

use crate::support::run;
use crate::{GPT2, PROMPT, assert_works};

/// The schema, with every object closed: a key that it does not name is an error.
fn strict_schema() -> jsonschema::Validator {
    let printed = run(&["--schema"]);
    assert_works(&printed);
    let mut schema: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.contains_key("properties") && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_string(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn assert_valid(schema: &jsonschema::Validator, document: &Value, what: &[&str]) {
    let errors: Vec<String> = schema.iter_errors(document).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{what:?}: {errors:?}");
}

const KINDS: &[&[&str]] = &[
    &[PROMPT],
    &[PROMPT, "--positions", "all", "--stats", "all"],
    &[PROMPT, "--stats", "none", "--layers", "1"],
    &[
        PROMPT,
        "--point",
        "embed,attn_out,resid_mid,mlp_out,resid_post",
        "--positions",
        "1,-1",
    ],
    &[
        PROMPT,
        "--track",
        "id:7",
        "--track",
        "two=id:7|id:9",
        "--against",
        "id:11",
        "--generate",
        "2",
    ],
    &[PROMPT, "Another prompt", "--layers", "embed,0"],
];

/// What is no trajectory.
const TABLES: &[&[&str]] = &[
    &["-m", GPT2],
    &["-m", GPT2, PROMPT, "--tokens"],
    &[
        "-m",
        GPT2,
        PROMPT,
        "Another prompt",
        "--summary",
        "--track",
        "id:7",
        "--point",
        "embed,mlp_out",
    ],
    &["-m", GPT2, PROMPT, "--summary"],
    &[
        "-m",
        GPT2,
        "--compare",
        PROMPT,
        "Another prompt",
        "--track",
        "id:7",
        "--layers",
        "embed,1",
    ],
    &[
        "-m",
        GPT2,
        "-m",
        "tests/fixtures/llama-linear",
        PROMPT,
        "--positions",
        "all",
    ],
];

#[test]
fn every_document_is_what_the_schema_says() {
    let schema = strict_schema();
    for kind in KINDS {
        let written = run(&[kind, &["-m", GPT2, "--json"][..]].concat());
        assert_works(&written);
        let document: Value = serde_json::from_str(&written.stdout).unwrap();
        assert_valid(&schema, &document, kind);
        let lines = run(&[kind, &["-m", GPT2, "--format", "jsonl"][..]].concat());
        for line in lines.stdout.lines() {
            assert_valid(&schema, &serde_json::from_str(line).unwrap(), kind);
        }
    }
    for table in TABLES {
        let written = run(&[table, &["--json"][..]].concat());
        assert_works(&written);
        assert_valid(&schema, &serde_json::from_str(&written.stdout).unwrap(), table);
        let line = run(&[table, &["--format", "jsonl"][..]].concat()).stdout;
        assert_eq!(line.lines().count(), 1);
        assert_valid(&schema, &serde_json::from_str(&line).unwrap(), table);
    }
    let mut unknown: Value = serde_json::from_str(&run(&[PROMPT, "-m", GPT2, "--json"]).stdout).unwrap();
    unknown["surprise"] = json!(1);
    assert!(!schema.is_valid(&unknown), "the strict schema is not strict");
}

#[test]
fn what_is_read_back_is_what_was_written() {
    for kind in KINDS.iter().filter(|kind| kind.get(1) != Some(&"Another prompt")) {
        let written = run(&[kind, &["-m", GPT2, "--json"][..]].concat());
        let document: Value = serde_json::from_str(&written.stdout).unwrap();
        let read: Readings = serde_json::from_str(&written.stdout).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), document, "{kind:?}");
    }
}
