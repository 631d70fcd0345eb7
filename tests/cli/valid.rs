//! Everything that is written as JSON is what `lens --schema` says, and no more.

use logit_lens::report::json::Readings;
use serde_json::{Value, json};

use crate::support::run;
use crate::{GPT2, PROMPT, assert_works};

/// A schema among those that were compiled.
struct Strict {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Strict {
    fn errors(&self, document: &Value) -> Option<String> {
        let found = self.schemas.validate(document, self.index);
        found.err().map(|error| format!("{error:#}"))
    }
}

/// The schema, with every object closed: a key that it does not name is an error.
fn strict_schema() -> Strict {
    let printed = run(&["--schema"]);
    assert_works(&printed);
    let mut schema: Value = serde_json::from_str(&printed.stdout).unwrap();
    close(&mut schema);
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.set_default_draft(boon::Draft::V2020_12);
    compiler.add_resource("lens.json", schema).unwrap();
    // Compiling holds the schema itself against its draft's.
    let index = compiler.compile("lens.json", &mut schemas).unwrap();
    Strict { schemas, index }
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

fn assert_valid(schema: &Strict, document: &Value, what: &[&str]) {
    if let Some(errors) = schema.errors(document) {
        panic!("{what:?}: {errors}");
    }
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
    &[PROMPT, "--lean", "--positions", "all", "--point", "embed,mlp_out"],
    &[PROMPT, "--lean", "--track", "id:7", "--stats", "entropy"],
    &[PROMPT, "--lens", "tuned=tests/fixtures/lenses/gpt2/tuned"],
    &[
        PROMPT, "-q", "--lens", LENSES, "--track", "id:7", "--stats", "all",
    ],
    &[PROMPT, "-q", "--lens", LENSES, "--lean"],
    &[PROMPT, "Another prompt", "--layers", "embed,0"],
    &[PROMPT, "Another prompt", "--lean"],
    &[
        PROMPT,
        "--assert",
        "entropy > 0",
        "--assert",
        "agrees == true",
        "--assert",
        "top1 != id:7",
    ],
];

const LENSES: &str =
    "logit,tuned=tests/fixtures/lenses/gpt2/tuned,jacobian=tests/fixtures/lenses/gpt2/jacobian.pt";

/// What is no trajectory.
const TABLES: &[&[&str]] = &[
    &["--families"],
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
    &["-m", GPT2, PROMPT, "--summary", "-q", "--lens", LENSES],
    &[
        "-m",
        GPT2,
        "--compare",
        PROMPT,
        "Another prompt",
        "-q",
        "--lens",
        LENSES,
    ],
    &[
        "-m",
        "demo",
        "--eval",
        "src/demo/facts.jsonl",
        "--layers",
        "embed,4,9",
    ],
    &[
        "-m",
        GPT2,
        "-m",
        "tests/fixtures/gpt2-untied",
        PROMPT,
        "Another prompt",
        "--summary",
        "--track",
        "id:7",
    ],
    &["-m", GPT2, PROMPT, "--summary", "--assert", "prob@0 > 0"],
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
    assert!(
        schema.errors(&unknown).is_some(),
        "the strict schema is not strict"
    );
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
