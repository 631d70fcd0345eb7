//! What is generated, as JSON Lines: a document as soon as each token is there.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::{lens, run};

const FRANCE: &str = "The capital of France is";

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn each_token_has_a_document_with_the_readings_that_predicted_it() {
    let args = [FRANCE, "--generate", "3", "-q"];
    let whole: Value = serde_json::from_str(&run(&[&args[..], &["--json"]].concat()).stdout).unwrap();
    let documents = lines(&run(&[&args[..], &["--format", "jsonl"]].concat()).stdout);
    assert_eq!(documents.len(), 3);
    for (nth, document) in documents.iter().enumerate() {
        let at = 4 + nth;
        assert_eq!(document["generated"], nth + 1);
        let ids = document["input_ids"].as_array().unwrap();
        assert_eq!(ids[..], whole["input_ids"].as_array().unwrap()[..at + 2]);
        assert_eq!(document["positions"].as_array().unwrap()[..], [at]);
        assert_eq!(document["output"]["topk_ids"][at][0], ids[at + 1]);
        for layer in 0..10 {
            assert_eq!(document["topk_ids"][layer][at], whole["topk_ids"][layer][at]);
            let kl = |document: &Value| document["forward_kl"][layer][at].as_f64().unwrap();
            assert!((kl(document) - kl(&whole)).abs() < 1e-4);
        }
    }
}

#[test]
fn the_first_is_there_before_the_last() {
    let mut child = lens()
        .args([FRANCE, "--generate", "40", "--format", "jsonl", "-q"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    // The others do not fit into a pipe: it still writes.
    assert_eq!(child.try_wait().unwrap(), None);
    assert_eq!(lines(&line)[0]["generated"], 1);
    // A reader that goes away is no failure.
    drop(reader);
    assert!(child.wait().unwrap().success());
}

#[test]
fn other_outputs_positions_and_prompts_are_as_they_were() {
    let folder = tempfile::TempDir::new().unwrap();
    let [streamed, whole] = ["a.jsonl", "a.json"].map(|name| folder.path().join(name).display().to_string());
    let written = run(&[
        FRANCE,
        "The capital of Italy is",
        "--generate",
        "2",
        "--positions",
        "5",
        "-o",
        &streamed,
        "-o",
        &whole,
        "-q",
    ]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let whole: Value = serde_json::from_str(&read(&whole)).unwrap();
    assert_eq!(whole.as_array().unwrap().len(), 2);
    let documents = lines(&read(&streamed));
    let prompts: Vec<&str> = documents
        .iter()
        .map(|d| d["meta"]["prompt"].as_str().unwrap())
        .collect();
    assert_eq!(
        prompts,
        [
            FRANCE,
            FRANCE,
            "The capital of Italy is",
            "The capital of Italy is"
        ]
    );
    // Position 5 is there from the first token on.
    assert!(documents.iter().all(|document| document["positions"][0] == 5));
    let late = run(&[
        FRANCE,
        "--generate",
        "2",
        "--positions",
        "6",
        "--format",
        "jsonl",
        "-q",
    ]);
    assert_eq!(lines(&late.stdout).len(), 1);
    let never = run(&[
        FRANCE,
        "--generate",
        "2",
        "--positions",
        "9",
        "--format",
        "jsonl",
        "-q",
    ]);
    assert_eq!(never.code, Some(2), "{never:?}");
}
