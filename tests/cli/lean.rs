//! JSON without what follows from the rest.

use serde_json::Value;

use crate::support::{self, run};
use crate::{GPT2, PROMPT};

/// The keys that a lean document leaves out.
const FULL_ONLY: [&str; 10] = [
    "tracked",
    "tracked_ids",
    "followed_ids",
    "topk_logprobs",
    "topk_logits",
    "entropy",
    "forward_kl",
    "reverse_kl",
    "cross_entropy",
    "agrees",
];

/// Asserts that `lean` is `full` without [`FULL_ONLY`], and with numbers of at most 6 significant digits.
fn assert_lean(lean: &Value, full: &Value, path: &str) {
    match (lean, full) {
        (Value::Object(lean), Value::Object(full)) => {
            let kept = full.keys().filter(|key| !FULL_ONLY.contains(&key.as_str()));
            assert_eq!(
                lean.keys().collect::<Vec<_>>(),
                kept.collect::<Vec<_>>(),
                "{path}"
            );
            for (key, value) in lean.iter().filter(|(key, _)| *key != "timestamp") {
                assert_lean(value, &full[key], &format!("{path}/{key}"));
            }
        }
        (Value::Array(lean), Value::Array(full)) => {
            assert_eq!(lean.len(), full.len(), "{path}");
            let pairs = lean.iter().zip(full);
            pairs.for_each(|(lean, full)| assert_lean(lean, full, path));
        }
        (Value::Number(lean), Value::Number(full)) if full.is_f64() => {
            let (rounded, exact) = (lean.as_f64().unwrap(), full.as_f64().unwrap());
            // Half a unit of the sixth digit is at most 5e-6 of the number.
            assert!(
                (rounded - exact).abs() <= 5e-6 * exact.abs(),
                "{path}: {lean} {full}"
            );
            let digits = format!("{rounded:e}");
            assert!(
                digits.split('e').next().unwrap().trim_start_matches('-').len() <= 7,
                "{path}: {lean}"
            );
        }
        _ => assert_eq!(lean, full, "{path}"),
    }
}

#[test]
fn a_lean_document_is_the_full_one_less_what_follows_from_it() {
    let options = [
        "--positions",
        "all",
        "--point",
        "embed,mlp_out,resid_post",
        "--track",
        "id:7",
    ];
    for format in ["json", "jsonl"] {
        let args = [&[PROMPT, "-m", GPT2, "--format", format], &options[..]].concat();
        let (full, lean) = (run(&args), run(&[&args[..], &["--lean"]].concat()));
        assert!(lean.stdout.len() * 2 < full.stdout.len(), "{}", lean.stdout.len());
        let parsed = |run: &support::Run| serde_json::from_str(&run.stdout).unwrap();
        assert_lean(&parsed(&lean), &parsed(&full), "");
    }
    let named = run(&[PROMPT, "-m", GPT2, "--json", "--lean", "--stats", "entropy"]);
    let named: Value = serde_json::from_str(&named.stdout).unwrap();
    assert!(named["entropy"].is_array() && named.get("agrees").is_none());
}
