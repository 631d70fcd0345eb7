//! Prompts as arguments, from files and from stdin.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use super::{OTHER, parsed, prompts_file};
use crate::support::{lens, run};
use crate::{GPT2, LLAMA, PROMPT, assert_fails, assert_works};

/// A document without the time at which it was made.
fn timeless(mut document: Value) -> Value {
    document["meta"]["timestamp"].take();
    document
}

#[test]
fn several_prompts_give_what_each_gives_alone() {
    let both = run(&[PROMPT, OTHER, "-m", GPT2, "--json"]);
    assert_works(&both);
    let both = parsed(&both.stdout);
    assert_eq!(both.as_array().unwrap().len(), 2);
    for (document, prompt) in both.as_array().unwrap().iter().zip([PROMPT, OTHER]) {
        let alone = parsed(&run(&[prompt, "-m", GPT2, "--json"]).stdout);
        assert_eq!(document["topk_ids"], alone["topk_ids"]);
        let probs = |d: &Value| {
            d["topk_probs"][2].as_array().unwrap().last().unwrap()[0]
                .as_f64()
                .unwrap()
        };
        // The kernels for few rows sum in another order than those for many.
        assert!((probs(document) - probs(&alone)).abs() < 1e-6);
    }
    let tables = run(&[PROMPT, OTHER, "-m", GPT2]).stdout;
    assert_eq!(tables.matches("Output: ").count(), 2);
    assert_eq!(
        tables.matches("parameters").count(),
        1,
        "the model is introduced once"
    );
}

#[test]
fn a_file_of_prompts_comes_out_in_order() {
    let folder = TempDir::new().unwrap();
    let (path, prompts) = prompts_file(&folder);
    let lines = run(&["--prompts", &path, "-m", LLAMA, "--format", "jsonl"]);
    assert_works(&lines);
    let documents: Vec<Value> = lines.stdout.lines().map(parsed).collect();
    let read: Vec<&str> = documents
        .iter()
        .map(|d| d["meta"]["prompt"].as_str().unwrap())
        .collect();
    assert_eq!(read, prompts);
    let array = run(&["--prompts", &path, "-m", LLAMA, "--json"]).stdout;
    let array: Vec<Value> = parsed(&array).as_array().unwrap().clone();
    let timeless = |documents: Vec<Value>| documents.into_iter().map(timeless).collect::<Vec<_>>();
    assert_eq!(timeless(array), timeless(documents));
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let none = run(&["--prompts", empty.to_str().unwrap(), "-m", LLAMA, "--json"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "[]\n"));
}

#[test]
fn stdin_is_read_as_it_comes() {
    let mut child = lens()
        .args(["--prompts", "-", "-m", LLAMA, "--format", "jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // Each answer is there before the next prompt is given.
    for prompt in [PROMPT, OTHER] {
        writeln!(stdin, "{prompt}").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(parsed(&line)["meta"]["prompt"], prompt);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn no_bit_of_an_answer_depends_on_how_fast_stdin_comes() {
    let prompts = [
        PROMPT,
        OTHER,
        "The",
        "The capital of France is",
        PROMPT,
        "a b c d e f",
    ];
    let answers = |together: bool| {
        let mut child = lens()
            .args([
                "--prompts",
                "-",
                "-m",
                LLAMA,
                "--format",
                "csv",
                "--positions",
                "all",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut answers = String::new();
        if together {
            stdin.write_all(prompts.join("\n").as_bytes()).unwrap();
        } else {
            for prompt in prompts {
                writeln!(stdin, "{prompt}").unwrap();
                // The next one is given when this one is being answered.
                stdout.read_line(&mut answers).unwrap();
            }
        }
        drop(stdin);
        stdout.read_to_string(&mut answers).unwrap();
        assert!(child.wait().unwrap().success());
        answers
    };
    assert_eq!(answers(true), answers(false));
}

#[test]
fn tokens_of_several_prompts_are_a_line_of_json_each() {
    let lines = run(&[PROMPT, OTHER, "-m", GPT2, "--tokens", "--format", "jsonl"]);
    assert_works(&lines);
    let documents: Vec<Value> = lines.stdout.lines().map(parsed).collect();
    assert_eq!(documents.len(), 2);
    for (number, (document, prompt)) in documents.iter().zip([PROMPT, OTHER]).enumerate() {
        assert_eq!(document["meta"]["prompts"], serde_json::json!([prompt]));
        let rows = document["rows"].as_array().unwrap();
        let text: String = rows.iter().map(|row| row["text"].as_str().unwrap()).collect();
        assert_eq!((text.as_str(), &rows[0]["prompt"]), (prompt, &number.into()));
    }
}

#[test]
fn lines_that_are_no_records_are_refused_and_good_ones_before_them_are_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("p.jsonl");
    let file = path.to_str().unwrap();
    std::fs::write(&path, "{\"text\": \"The\"}\n").unwrap();
    assert_fails(&run(&["--prompts", file, "-m", LLAMA]), 1, "line 1: ");
    std::fs::write(
        &path,
        "{\"prompt\": \"The\", \"target\": \" the\"}\n  \n{\"prompt\": 3}\n",
    )
    .unwrap();
    let run_on = run(&["--prompts", file, "-m", LLAMA, "--format", "jsonl"]);
    assert_eq!((run_on.code, run_on.stdout.lines().count()), (Some(1), 1));
    assert_eq!(parsed(&run_on.stdout)["targets"][0]["tokens"][0], " the");
    assert!(run_on.stderr.contains("p.jsonl, line 3: "));
    let short = run(&[
        PROMPT,
        "The",
        "-m",
        LLAMA,
        "--positions",
        "3",
        "--format",
        "jsonl",
    ]);
    assert_eq!((short.code, short.stdout.lines().count()), (Some(2), 1));
    assert!(short.stderr.contains("prompt 2: There is no position 3"));
}
