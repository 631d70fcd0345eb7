//! Engines on other machines: the binary against servers of the tests' own on loopback.

mod ndif;
mod recorded;
mod script;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod vllm;

use serde_json::Value;
use support::{Run, lens};

/// A secret that no output may show.
const KEY: &str = "sk-0123-very-secret";

/// A run in an environment that holds no key unless `key` is one.
fn run(args: &[&str], key: Option<(&str, &str)>) -> Run {
    let mut command = lens();
    for name in [
        "VLLM_API_KEY",
        "NDIF_API_KEY",
        "NDIF_HOST",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
    ] {
        command.env_remove(name);
    }
    command.env("NO_PROXY", "127.0.0.1").args(args).envs(key);
    let run: Run = command.output().unwrap().into();
    assert!(!run.stdout.contains(KEY) && !run.stderr.contains(KEY), "{run:?}");
    run
}

/// Asserts that the run failed in two sentences, the first with `problem` in it.
fn assert_fails(run: &Run, code: i32, problem: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{run:?}");
    let lines: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| !line.starts_with("note:"))
        .collect();
    let [first, second] = lines[..] else {
        panic!("not two lines: {run:?}");
    };
    assert!(
        first.starts_with("error: ") && first.contains(problem),
        "{problem}: {run:?}"
    );
    assert!(second.starts_with("       ") && second.ends_with('.'), "{run:?}");
}

/// The document that a run wrote, without what says where and when it was made.
fn document(run: &Run) -> Value {
    assert_eq!(run.code, Some(0), "{run:?}");
    let mut document: Value = serde_json::from_str(&run.stdout).unwrap();
    let documents = match &mut document {
        Value::Array(documents) => documents.iter_mut().collect(),
        one => vec![one],
    };
    for document in documents {
        document.as_object_mut().unwrap().remove("meta").unwrap();
    }
    document
}

/// Asserts that two documents say the same, numbers to within `tolerance`.
fn assert_near(a: &Value, b: &Value, tolerance: f64, path: &str) {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{path}");
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                assert_near(a, b, tolerance, &format!("{path}/{i}"));
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            let keys = |o: &serde_json::Map<String, Value>| o.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(a), keys(b), "{path}");
            for (key, a) in a {
                assert_near(a, &b[key], tolerance, &format!("{path}/{key}"));
            }
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= tolerance, "{path}: {a} and {b}");
        }
        _ => assert_eq!(a, b, "{path}"),
    }
}
