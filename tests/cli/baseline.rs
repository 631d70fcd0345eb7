//! `--baseline`: a run held against the JSON of an earlier one.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::run;

const FRANCE: &str = "The capital of France is";
const ITALY: &str = "The capital of Italy is";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Two prompts read and written to `before.json`, and their documents.
fn before(folder: &TempDir, options: &[&str]) -> (String, Value) {
    let path = folder.path().join("before.json").display().to_string();
    let written = run(&[&[FRANCE, ITALY, "-q", "-o", &path], options].concat());
    assert_eq!(written.code, Some(0), "{written:?}");
    let document = parsed(&std::fs::read_to_string(&path).unwrap());
    (path, document)
}

fn save(path: impl AsRef<Path>, document: &Value) {
    std::fs::write(path, document.to_string()).unwrap();
}

#[test]
fn a_run_is_within_the_tolerance_of_itself() {
    let folder = TempDir::new().unwrap();
    let (path, document) = before(&folder, &[]);
    let same = run(&[FRANCE, ITALY, "--baseline", &path]);
    assert_eq!(same.code, Some(0), "{same:?}");
    for quantity in ["prob", "kl", "entropy"] {
        assert!(
            same.stderr.contains(&format!("against the baseline, {quantity}")),
            "{}",
            same.stderr
        );
    }
    assert!(!same.stderr.contains("moved:"));
    // JSON Lines, smaller documents, other positions and layers are compared where they have something in common.
    let lines = folder.path().join("before.jsonl");
    let text: Vec<String> = document
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    std::fs::write(&lines, text.join("\n")).unwrap();
    for options in [
        &["--baseline", lines.to_str().unwrap()][..],
        &["--baseline", &path, "--positions", "all", "--layers", "4,9"],
        &["--baseline", &path, "-k", "2", "--threads", "1"],
    ] {
        let run = run(&[&[FRANCE, ITALY, "-q"], options].concat());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{options:?}");
    }
    // The model's numbers in other company differ by less than the default tolerance.
    let file = folder.path().join("many.jsonl");
    let facts = std::fs::read_to_string("src/demo/facts.jsonl").unwrap();
    let facts: Vec<&str> = facts.lines().take(60).collect();
    std::fs::write(&file, facts.join("\n")).unwrap();
    let together = folder.path().join("together.json").display().to_string();
    let file = file.to_str().unwrap();
    assert_eq!(run(&["--prompts", file, "-q", "-o", &together]).code, Some(0));
    let alone: Vec<String> = (facts.iter())
        .map(|fact| parsed(fact)["prompt"].as_str().unwrap().to_string())
        .map(|prompt| run(&[&prompt, "-q", "--format", "jsonl"]).stdout)
        .collect();
    let one_by_one = folder.path().join("alone.jsonl");
    std::fs::write(&one_by_one, alone.concat()).unwrap();
    let held = run(&[
        "--prompts",
        file,
        "-q",
        "--baseline",
        one_by_one.to_str().unwrap(),
    ]);
    assert_eq!((held.code, held.stderr.as_str()), (Some(0), ""));
}

#[test]
fn what_moved_most_is_said_with_its_place() {
    let folder = TempDir::new().unwrap();
    let (path, document) = before(&folder, &[]);
    // One probability and one KL are made others, each where it is known.
    let mut changed = document.clone();
    let prob = document[1]["topk_probs"][6][4][0].as_f64().unwrap();
    changed[1]["topk_probs"][6][4][0] = json!(prob - 0.01);
    let kl = document[0]["forward_kl"][3][4].as_f64().unwrap();
    changed[0]["forward_kl"][3][4] = json!(kl + 0.5);
    save(&path, &changed);
    let moved = run(&[FRANCE, ITALY, "--baseline", &path, "-q"]);
    assert_eq!(moved.code, Some(3), "{moved:?}");
    let lines: Vec<&str> = moved.stderr.lines().collect();
    let [prob_line, kl_line] = lines[..] else {
        panic!("{moved:?}")
    };
    let token = document[1]["topk"][6][4][0].as_str().unwrap().replace(' ', "␣");
    assert!(
        prob_line.starts_with(&format!("moved: prob of {token} moved by 1.00e-2 at most: from ")),
        "{prob_line}"
    );
    assert!(
        prob_line.contains("at layer 6, position 4, prompt 2: \"The capital of Italy is\""),
        "{prob_line}"
    );
    assert!(prob_line.ends_with("the tolerance is 1e-4"), "{prob_line}");
    assert!(kl_line.contains("kl moved by 5.00e-1") && kl_line.contains("at layer 3, position 4, prompt 1"));
    assert!(
        moved.stdout.contains("␣Paris"),
        "the results are there all the same"
    );
    let tolerated = ["--tolerance", "prob=0.02,kl=0.6"];
    let within = run(&[&[FRANCE, ITALY, "--baseline", &path, "-q"], &tolerated[..]].concat());
    assert_eq!((within.code, within.stderr.as_str()), (Some(0), ""));
    // A token that took another's place among the top moved at least as far as it must have.
    let mut other = document.clone();
    other[0]["topk_ids"][9][4][0] = json!(7);
    save(&path, &other);
    let replaced = run(&[FRANCE, ITALY, "--baseline", &path, "-q"]);
    assert!(
        replaced.code == Some(3) && replaced.stderr.contains("layer 9, position 4"),
        "{replaced:?}"
    );
}

#[test]
fn targets_are_compared_too() {
    let folder = TempDir::new().unwrap();
    let (path, mut document) = before(&folder, &["--track", " Oslo"]);
    let prob = document[0]["targets"][0]["probs"][9][4].as_f64().unwrap();
    document[0]["targets"][0]["probs"][9][4] = json!(prob + 0.25);
    save(&path, &document);
    let moved = run(&[FRANCE, ITALY, "--track", " Oslo", "--baseline", &path, "-q"]);
    assert_eq!(moved.code, Some(3));
    assert!(
        moved.stderr.contains("prob of ␣Oslo moved by 2.50e-1"),
        "{}",
        moved.stderr
    );
    // Where it is not read now, it does not count.
    assert_eq!(run(&[FRANCE, ITALY, "--baseline", &path, "-q"]).code, Some(0));
}

#[test]
fn a_summary_is_no_baseline_and_is_called_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("summary.json").display().to_string();
    let options = [FRANCE, ITALY, "-q"];
    let written = run(&[&options[..], &["--summary", "-o", &path]].concat());
    assert_eq!(written.code, Some(0), "{written:?}");
    let refused = run(&[&options[..], &["--baseline", &path]].concat());
    crate::assert_fails(&refused, 1, "it is a summary or another table");
    let refused = run(&[&options[..], &["--summary", "--baseline", &path]].concat());
    crate::assert_fails(&refused, 2, "--baseline cannot be used with --summary");
}

#[test]
fn what_is_no_earlier_run_of_these_prompts_is_refused() {
    let folder = TempDir::new().unwrap();
    let (path, document) = before(&folder, &["--layers", "0,1"]);
    for (args, problem) in [
        (&[FRANCE, FRANCE][..], "its tokens are not those of prompt 1"),
        (&[FRANCE, ITALY, ITALY], "it has no document for prompt 2"),
        (&[FRANCE], "The baseline has 2 prompts, and this run 1"),
        (&[FRANCE, ITALY, "--layers", "4"], "no layer and position"),
    ] {
        let refused = run(&[args, &["--baseline", &path, "-q"]].concat());
        assert_eq!(refused.code, Some(1), "{args:?} {refused:?}");
        assert!(refused.stderr.contains(problem), "{}", refused.stderr);
    }
    let missing = run(&[FRANCE, "--baseline", "nowhere.json", "-q"]);
    assert!(missing.code == Some(1) && missing.stderr.contains("nowhere.json cannot be read"));
    let summary = folder.path().join("summary.json");
    save(&summary, &json!({"meta": document[0]["meta"], "rows": []}));
    let wrong = run(&[FRANCE, "--baseline", summary.to_str().unwrap(), "-q"]);
    assert!(
        wrong.code == Some(1) && wrong.stderr.contains("is no baseline"),
        "{wrong:?}"
    );
    let replaced = run(&[FRANCE, "--baseline", &path, "-o", &path, "-q"]);
    assert!(
        replaced.code == Some(2) && replaced.stderr.contains("is read by this run"),
        "{replaced:?}"
    );
    let tolerance = run(&[FRANCE, "--baseline", &path, "--tolerance", "rank=3"]);
    assert!(
        tolerance.code == Some(2) && tolerance.stderr.contains("prob=1e-3"),
        "{tolerance:?}"
    );
}
