//! Whole runs: their bits on any number of threads, and whole vocabularies.

use serde_json::Value;

use crate::support::{fixture, run};

/// The JSON of a run, without the time at which it was made.
fn json(model: &str, threads: &str) -> (String, Value) {
    let prompt = "The Eiffel Tower is in the city of Paris, the capital of France.";
    let run = run(&[
        prompt,
        "-m",
        model,
        "--positions",
        "all",
        "--json",
        "--stats",
        "all",
        "--threads",
        threads,
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let mut json: Value = serde_json::from_str(&run.stdout).unwrap();
    json["meta"].as_object_mut().unwrap().remove("timestamp");
    (json.to_string(), json)
}

/// Every number of `ours` beside the one at the same place of `theirs`.
fn assert_close(ours: &Value, theirs: &Value, place: &str) {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{place}");
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                assert_close(a, b, &format!("{place}[{i}]"));
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(
                a.keys().collect::<Vec<_>>(),
                b.keys().collect::<Vec<_>>(),
                "{place}"
            );
            for (key, a) in a {
                assert_close(a, &b[key], &format!("{place}.{key}"));
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            // What float32 sums in another order differ by.
            assert!((a - b).abs() <= 1e-5 * (1. + b.abs()), "{place}: {a} {b}");
        }
        _ => assert_eq!(ours, theirs, "{place}"),
    }
}

#[test]
fn the_same_input_gives_the_same_bits_and_other_threads_nearly_the_same() {
    let fixture = fixture("llama");
    for model in ["demo", fixture.to_str().unwrap()] {
        let (one, one_json) = json(model, "1");
        for threads in ["1", "2", "3", "7"] {
            let (first, first_json) = json(model, threads);
            let (second, _) = json(model, threads);
            assert!(first == second, "{model} on {threads} threads, twice");
            assert_close(&first_json, &one_json, threads);
            assert!(threads != "1" || first == one);
        }
    }
}

#[test]
fn the_likeliest_tokens_of_a_whole_vocabulary_sum_to_1() {
    let run = run(&[
        "The capital of France is",
        "--positions",
        "all",
        "-k",
        "2560",
        "--json",
    ]);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    let rows = json["topk_probs"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap());
    let mut seen = 0;
    for probs in rows {
        let sum: f64 = probs
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_f64().unwrap())
            .sum();
        assert!((sum - 1.).abs() <= 1e-6, "{sum}");
        seen += 1;
    }
    assert_eq!(seen, 10 * 5);
}
