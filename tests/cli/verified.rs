//! `--verify`: what it says, and of what.

use std::fs;

use crate::support::{Checkpoint, run};
use crate::{GPT2, LLAMA, PROMPT, assert_works};

#[test]
fn verify_says_what_it_found_on_stderr() {
    for args in [
        &["-m", GPT2][..],
        &["-m", LLAMA],
        &["-m", GPT2, "--dtype", "bf16"],
    ] {
        let plain = run(&[&[PROMPT], args].concat());
        let args = [&[PROMPT, "--verify"], args].concat();
        let verified = run(&args);
        assert_eq!(verified.code, Some(0));
        assert_eq!(verified.stdout, plain.stdout);
        assert!(verified.stderr.starts_with("verified: "), "{:?}", verified.stderr);
        assert_eq!(verified.stderr.lines().count(), 1);
        let quiet = run(&[&args[..], &["--quiet"]].concat());
        assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
    }
    // On the CPU nothing is verified unasked.
    for args in [&[PROMPT, "-m", GPT2][..], &[PROMPT, "-m", GPT2, "--verify=off"]] {
        assert_eq!(run(args).stderr, "");
    }
    assert_eq!(run(&[PROMPT, "--verify=sometimes"]).code, Some(2));
}

#[test]
fn everything_that_is_read_can_be_verified() {
    let folder = tempfile::tempdir().unwrap();
    let facts = folder.path().join("facts.jsonl");
    std::fs::write(&facts, "{\"prompt\": \"The\", \"targets\": [\" a\"]}\n".repeat(3)).unwrap();
    let facts = facts.to_str().unwrap();
    let models = ["-m", GPT2, "-m", LLAMA];
    for (args, lines, of) in [
        (
            &[PROMPT, "-m", GPT2, "-m", LLAMA][..],
            2,
            "the output of \"tests/fixtures/llama\" in bfloat16 differs",
        ),
        (
            &[PROMPT, "-m", GPT2, "-m", GPT2, "--dtype", "f32,bf16"],
            2,
            "the output of \"tests/fixtures/gpt2\" in bfloat16 differs",
        ),
        (
            &["--compare", PROMPT, "The capital"],
            1,
            "the outputs of 2 prompts differ",
        ),
        (
            &[&["--prompts", facts, "--summary"], &models[..]].concat(),
            2,
            "the outputs of 3 prompts of \"tests/fixtures/gpt2\" in float32 differ",
        ),
        (
            &["--prompts", facts, "--summary"],
            1,
            "the outputs of 3 prompts differ",
        ),
        (&["--prompts", facts], 1, "the outputs of 3 prompts differ"),
        (&["--eval", facts], 1, "the outputs of 3 prompts differ"),
    ] {
        let plain = run(args);
        let verified = run(&[args, &["--verify"]].concat());
        assert_eq!(
            (verified.code, &verified.stdout),
            (Some(0), &plain.stdout),
            "{args:?}"
        );
        let said = verified
            .stderr
            .lines()
            .filter(|line| line.starts_with("verified: "));
        assert_eq!(said.count(), lines, "{args:?}: {}", verified.stderr);
        assert!(verified.stderr.contains(of), "{args:?}: {}", verified.stderr);
    }
}

#[test]
fn what_is_not_verified_fails_whatever_reads_it() {
    let model = Checkpoint::of_huge_logits();
    let facts = model.file("facts.jsonl");
    // What a prompt has of a terminal's own language is said, not spoken.
    fs::write(&facts, r#"{"prompt": "The\u001b[7m", "targets": ["id:5"]}"#).unwrap();
    let (model, facts) = (model.path(), facts.to_str().unwrap());
    for (args, of) in [
        (
            &[PROMPT, "-m", model][..],
            "\"The Eiffel Tower is in the city of\"",
        ),
        (
            &["--compare", PROMPT, "The capital", "-m", model],
            "2 of 2: against the plain float64 computation the outputs of 2 prompts differ",
        ),
        (
            &["--prompts", facts, "--summary", "-m", model],
            r#"facts.jsonl, line 1: "The\u{1b}[7m""#,
        ),
        (
            &["--prompts", facts, "--summary", "-m", GPT2, "-m", model],
            r#"facts.jsonl, line 1: "The\u{1b}[7m""#,
        ),
        (
            &["--eval", facts, "-m", model],
            r#"facts.jsonl, line 1: "The\u{1b}[7m""#,
        ),
    ] {
        let plain = run(args);
        assert_works(&plain);
        let failed = run(&[args, &["--verify"]].concat());
        assert_eq!(
            (failed.code, &failed.stdout),
            (Some(1), &plain.stdout),
            "{args:?}"
        );
        let said =
            (failed.stderr.lines()).find(|line| line.starts_with("NOT verified: ") && line.contains(of));
        assert!(said.is_some(), "{args:?}: {}", failed.stderr);
        assert!(!failed.stderr.contains('\u{1b}'), "{args:?}: {}", failed.stderr);
    }
}
