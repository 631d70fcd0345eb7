//! Lists of prompts.

use std::process::Stdio;

use super::Session;
use crate::support::lens;

/// A file of so many prompts.
fn prompts(folder: &tempfile::TempDir, count: usize) -> String {
    let lines = [
        r#"{"id": "paris", "prompt": "The Eiffel Tower is in the city of", "targets": [" Paris"]}"#,
        r#"{"id": "tokyo", "prompt": "The capital of Japan is", "targets": [" Paris"]}"#,
        r#"{"id": "none", "prompt": "Hello"}"#,
    ];
    let path = folder.path().join("prompts.jsonl");
    std::fs::write(&path, lines[..count].join("\n")).unwrap();
    path.display().to_string()
}

#[test]
fn a_list_of_prompts_is_gone_through() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut session = Session::start(120, 30, &["--explore", "--prompts", &prompts(&folder, 3)]);
    session.wait("3 prompts · in order");
    session.wait("␣Tokyo");
    session.keys("s");
    session.wait("worst first");
    session.keys("\r");
    session.wait("prompt 2 of 3 · tokyo");
    session.wait("after 4 ␣is");
    session.wait("pinned tokens");
    session.keys("[");
    session.wait("The list ends here");
    session.keys("]");
    session.wait("prompt 1 of 3 · paris");
    session.keys("\x1b");
    session.wait("3 prompts · worst first");
    session.keys("q");
    assert!(session.assert_left().success());
}

#[test]
fn an_earlier_run_is_opened() {
    let folder = tempfile::TempDir::new().unwrap();
    let run = folder.path().join("run.json").display().to_string();
    let prompts = prompts(&folder, 2);
    let status = lens()
        .args(["--prompts", &prompts, "-m", "demo", "-o", &run])
        .args(["--assert", "rank(target) <= 1"])
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(3));
    let mut session = Session::start(120, 30, &["--explore", "--load", &run]);
    session.wait("2 prompts");
    session.wait("✗tokyo");
    session.keys("s");
    session.wait("failed: rank(target) <= 1");
    session.keys("\r");
    session.wait("prompt 2 of 2");
    session.wait("␣Tokyo");
    session.keys("q");
    assert!(session.assert_left().success());
}
