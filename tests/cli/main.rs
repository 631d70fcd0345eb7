//! The binary, run as a user runs it: what it says where, and with which exit code.

mod assertions;
mod baseline;
#[path = "../source/bench.rs"]
#[expect(dead_code, reason = "the hub's own tests use more")]
mod bench;
mod compare;
mod compare_many;
mod completions;
mod evaluate;
mod failures;
mod families;
mod formats;
mod given;
mod hostile;
mod json;
mod lean;
mod lenses;
mod narrow;
mod options;
mod output;
mod pairs;
mod pictures;
mod prompts;
mod published;
#[cfg(unix)]
mod release;
mod rows;
mod schema;
mod sequences;
#[path = "../source/server.rs"]
#[expect(dead_code, reason = "the hub's own tests use more")]
mod server;
mod several;
mod stream;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod targets;
mod valid;
mod verified;
#[path = "../source/wire.rs"]
mod wire;
mod words;

use support::Run;

const PROMPT: &str = "The Eiffel Tower is in the city of";
const GPT2: &str = "tests/fixtures/gpt2";
const LLAMA: &str = "tests/fixtures/llama";

/// Asserts that the run failed as all runs fail: with the exit code, nothing on stdout, and on
/// stderr the problem and below it the remedy.
fn assert_fails(run: &Run, code: i32, problem: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{run:?}");
    let lines: Vec<&str> = run.stderr.lines().collect();
    let [first, second] = lines[..] else {
        panic!("not two lines: {run:?}");
    };
    assert!(
        first.starts_with("error: ") && first.contains(problem),
        "{problem}: {run:?}"
    );
    assert!(
        second.starts_with("       ") && second.trim().len() > 10,
        "{run:?}"
    );
}

fn assert_works(run: &Run) {
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    assert!(!run.stdout.is_empty());
}
