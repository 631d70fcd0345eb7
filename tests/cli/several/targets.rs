//! Targets that prompts bring, and the line that each prompt has.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;

use super::{OTHER, columns, parsed};
use crate::support::run;
use crate::{LLAMA, PROMPT, assert_works};

#[test]
fn json_lines_bring_their_own_targets() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("p.jsonl");
    let lines = [
        format!(r#"{{"prompt": "{PROMPT}", "targets": [" the"], "id": "tower"}}"#),
        format!(r#"{{"prompt": "{OTHER}", "id": 2}}"#),
    ];
    std::fs::write(&path, lines.join("\n")).unwrap();
    let path = path.to_str().unwrap();
    let found = run(&["--prompts", path, "-m", LLAMA, "--format", "jsonl"]).stdout;
    let documents: Vec<Value> = found.lines().map(parsed).collect();
    assert_eq!(
        (&documents[0]["id"], &documents[1]["id"]),
        (&"tower".into(), &"2".into())
    );
    assert_eq!(documents[0]["targets"][0]["tokens"][0], " the");
    assert!(documents[1].get("targets").is_none());
}

/// A file of prompts with targets, the second of which the model does not have.
fn targets_file(folder: &TempDir) -> String {
    let path = folder.path().join("p.jsonl");
    let lines = [
        format!(r#"{{"prompt": "{PROMPT}", "targets": [" the"], "id": "tower"}}"#),
        r#"{"prompt": "x", "targets": ["id:99999"]}"#.to_string(),
        format!(r#"{{"prompt": "{OTHER}", "targets": [" the"]}}"#),
    ];
    std::fs::write(&path, lines.join("\n")).unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn a_target_that_cannot_be_used_is_skipped_and_counted() {
    let folder = TempDir::new().unwrap();
    let path = targets_file(&folder);
    let args = ["--prompts", &path, "-m", LLAMA, "--format", "jsonl"];
    let skipped = run(&args);
    assert_eq!((skipped.code, skipped.stdout.lines().count()), (Some(0), 3));
    assert!(
        skipped
            .stderr
            .contains("p.jsonl, line 2: There is no token 99999"),
        "{}",
        skipped.stderr
    );
    let strict = run(&[&args[..], &["--targets", "error"]].concat());
    assert_eq!((strict.code, strict.stdout.lines().count()), (Some(1), 1));
    assert!(strict.stderr.contains("p.jsonl, line 2: There is no token 99999"));
    let summary = parsed(&run(&[&args[..4], &["--summary", "--json", "-q"]].concat()).stdout);
    assert_eq!(summary["meta"]["prompts_without_usable_target"], 1);
    assert_eq!(summary["meta"]["prompts_with_target"], 2);
    assert_eq!(
        (&summary["rows"][0]["n"], &summary["rows"][0]["target_n"]),
        (&3.into(), &2.into())
    );
}

#[test]
fn a_prompts_target_belongs_to_its_last_position() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("p.jsonl");
    std::fs::write(&path, format!(r#"{{"prompt": "{PROMPT}", "targets": [" the"]}}"#)).unwrap();
    let path = path.to_str().unwrap();
    let args = ["--prompts", path, "-m", LLAMA, "-q"];
    let summary = |more: &[&str]| {
        let csv = run(&[&args[..], &["--summary", "--format", "csv"], more].concat());
        assert_works(&csv);
        columns(&csv.stdout)
    };
    let last = summary(&[]);
    let all = summary(&["--positions", "all"]);
    let one = run(&[
        &args[..],
        &["--positions", "all", "--format", "jsonl", "--stats", "all"],
    ]
    .concat());
    let one = parsed(&one.stdout);
    let positions = one["input"].as_array().unwrap().len();
    for layer in 0..3 {
        // The surprisal of each next token, and of the target at the last position.
        let next = one["cross_entropy"][layer].as_array().unwrap();
        let next: f64 = next[..positions - 1].iter().map(|x| x.as_f64().unwrap()).sum();
        let of =
            |summary: &BTreeMap<String, Vec<String>>| summary["surprisal"][layer + 1].parse::<f64>().unwrap();
        // A batch of other rows sums in another order.
        assert!((of(&all) - (next + of(&last)) / positions as f64).abs() < 1e-4);
    }
    // One prompt is one sample, however many positions it has.
    assert_eq!((all["n"][0].as_str(), all["prob_se"][0].as_str()), ("1", ""));
    assert_eq!(all["readings"][0], positions.to_string());
}

#[test]
fn many_prompts_have_a_line_each_unless_more_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let path = targets_file(&folder);
    let args = ["--prompts", &path, "-m", LLAMA, "-q"];
    let table = run(&args);
    assert_works(&table);
    let lines: Vec<&str> = table.stdout.lines().collect();
    let heading = lines.iter().position(|line| line.starts_with("prompt ")).unwrap();
    assert!(lines[heading].ends_with("settles at"), "{}", table.stdout);
    assert!(lines[heading + 1].starts_with("tower  The Eiffel") && lines[heading + 1].contains("␣the"));
    // What is no token of the model has neither probability nor rank.
    assert!(lines[heading + 2].contains("id:99999") && lines[heading + 2].contains("–"));
    let document = parsed(
        run(&[&args[..], &["--format", "jsonl"]].concat())
            .stdout
            .lines()
            .next()
            .unwrap(),
    );
    let rank = document["targets"][0]["ranks"][2]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .to_string();
    assert!(lines[heading + 1].split_whitespace().any(|word| word == rank));
    assert!(
        table
            .stdout
            .contains("of the 2 prompts with a usable target, of 3")
    );
    let markdown = run(&[&args[..], &["--format", "markdown"]].concat());
    assert_eq!(
        markdown
            .stdout
            .lines()
            .filter(|line| line.starts_with("| "))
            .count(),
        5
    );
    for more in [&["--each"][..], &["-k", "2"], &["--positions", "all"]] {
        let tables = run(&[&args[..], more].concat()).stdout;
        assert!(
            !tables.contains("settles at  ") && tables.matches("Output: ").count() >= 3,
            "{more:?}"
        );
    }
    let arguments = ["a", "b", "c", "d", "-m", LLAMA, "-q"];
    assert!(run(&arguments).stdout.contains("settles at"));
    assert!(!run(&arguments[1..]).stdout.contains("settles at"));
}
