//! Means over many prompts.

use serde_json::Value;
use tempfile::TempDir;

use super::{columns, parsed, prompts_file};
use crate::support::run;
use crate::{LLAMA, PROMPT, assert_works};

#[test]
fn a_summary_says_whose_targets_it_means() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("p.jsonl");
    let file = path.to_str().unwrap();
    std::fs::write(&path, format!(r#"{{"prompt": "{PROMPT}", "targets": [" the"]}}"#)).unwrap();
    let of = |args: &[&str]| {
        let csv = run(&[args, &["-m", LLAMA, "--summary", "--format", "csv", "-q"]].concat());
        assert_works(&csv);
        columns(&csv.stdout)["prob"].clone()
    };
    // The prompt's own comes before the one tracked.
    assert_eq!(
        of(&["--prompts", file, "--track", "id:9"]),
        of(&["--prompts", file])
    );
    assert_eq!(of(&[PROMPT, "--track", " the"]), of(&["--prompts", file]));
    // What the model says in the end is followed though that row is not shown.
    assert_eq!(of(&[PROMPT, "--layers", "0,1"]), of(&[PROMPT])[1..3]);
}

#[test]
fn a_summary_is_the_mean_of_the_documents() {
    let folder = TempDir::new().unwrap();
    let (path, prompts) = prompts_file(&folder);
    let args = [
        "--prompts",
        &path,
        "-m",
        LLAMA,
        "--track",
        " the",
        "-k",
        "3",
        "-q",
    ];
    let csv = run(&[&args[..], &["--summary", "--format", "csv"]].concat());
    assert_works(&csv);
    let summary = columns(&csv.stdout);
    let documents: Vec<Value> = (run(&[&args[..], &["--format", "jsonl"]].concat()).stdout.lines())
        .map(parsed)
        .collect();
    assert_eq!(summary["layer"], ["", "0", "1", "2"]);
    assert_eq!(summary["point"][0], "embed");
    assert!(summary["n"].iter().all(|n| *n == prompts.len().to_string()));
    let n = documents.len() as f64;
    for layer in 0..3 {
        let at = |d: &Value, key: &str| -> f64 {
            let row = d[key][layer].as_array().unwrap();
            row.last().unwrap().as_f64().unwrap()
        };
        let target = |d: &Value, key: &str| at(&d["targets"][0], key);
        let id = documents[0]["targets"][0]["ids"][0].clone();
        let top1 = |d: &Value| d["topk_ids"][layer].as_array().unwrap().last().unwrap()[0].clone();
        let output = |d: &Value| d["output"]["topk_ids"].as_array().unwrap().last().unwrap()[0].clone();
        let share = |is: bool| f64::from(u8::from(is));
        type Of<'a> = &'a dyn Fn(&Value) -> f64;
        let expected: [(&str, Of); 7] = [
            ("prob", &|d| target(d, "probs")),
            ("surprisal", &|d| -target(d, "logprobs")),
            ("entropy", &|d| at(d, "entropy")),
            ("forward_kl", &|d| at(d, "forward_kl")),
            ("top1_is_target", &|d| share(top1(d) == id)),
            ("top1_is_output", &|d| share(top1(d) == output(d))),
            ("target_in_top_k", &|d| share(target(d, "ranks") <= 3.)),
        ];
        for (name, of) in expected {
            let values: Vec<f64> = documents.iter().map(of).collect();
            let mean = values.iter().sum::<f64>() / n;
            let error = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.) / n).sqrt();
            let number = |column: &str| summary[column][layer + 1].parse::<f64>().unwrap();
            // Both are sums of the same hundred numbers.
            assert!((number(name) - mean).abs() < 1e-9, "{name}");
            assert!((number(&format!("{name}_se")) - error).abs() < 1e-9, "{name}");
        }
    }
    let table = run(&[&args[..], &["--summary"]].concat());
    assert_works(&table);
    assert!(table.stdout.contains("100 prompts") && table.stdout.contains("±"));
}
