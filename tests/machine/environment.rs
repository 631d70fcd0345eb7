//! A bare environment, closed streams.

use std::process::Command;

use crate::PROMPT;
use crate::support::lens;

/// What a shell says that runs `script` with the binary as its first parameter.
fn shell(script: &str) -> std::process::Output {
    Command::new("sh")
        .args(["-c", script])
        .arg("sh")
        .args([lens().get_program().to_str().unwrap(), PROMPT])
        .output()
        .unwrap()
}

#[test]
fn closed_streams_are_no_crash() {
    for (streams, code) in [
        (">&-", 1),
        ("--help >&-", 1),
        ("--version >&-", 1),
        ("-o /dev/null >&-", 0),
        ("2>&-", 0),
        ("<&-", 0),
        (">&- 2>&- <&-", 1),
        ("--model ./nowhere 2>&-", 1),
        ("--no-such-option >&- 2>&-", 2),
    ] {
        let output = shell(&format!("\"$1\" \"$2\" {streams}"));
        assert_eq!(output.status.code(), Some(code), "{streams}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked") && !said.contains("defect"), "{said}");
    }
    // Of a full device there is something to say.
    if cfg!(target_os = "linux") {
        for args in ["\"$2\"", "--help", "--version", "--man"] {
            let output = shell(&format!("\"$1\" {args} > /dev/full"));
            assert_eq!(output.status.code(), Some(1), "{args}");
            assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be written to stdout"));
        }
    }
}

#[test]
fn no_home_no_locale_and_a_dumb_terminal_are_enough() {
    let expected = lens().arg(PROMPT).output().unwrap();
    for variables in [
        &[][..],
        &[("TERM", "dumb")],
        &[("HOME", "/nonexistent")],
        &[("LC_ALL", "C")],
    ] {
        let mut command = lens();
        command.env_clear().envs(variables.iter().copied()).arg(PROMPT);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{variables:?}: {output:?}");
        assert_eq!(output.stdout, expected.stdout, "{variables:?}");
    }
    // Without a home there is no cache to look in, and that is said.
    let mut command = lens();
    command.env_clear().args([PROMPT, "-m", "gpt2", "--offline"]);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: ") && !said.contains("defect"), "{said}");
}

#[test]
fn one_core_says_the_same() {
    let expected = lens().arg(PROMPT).output().unwrap();
    let one = lens().args([PROMPT, "--threads", "1"]).output().unwrap();
    assert_eq!(one.stdout, expected.stdout);
    if cfg!(target_os = "linux") {
        let bound = Command::new("taskset")
            .args(["-c", "0", lens().get_program().to_str().unwrap(), PROMPT])
            .output();
        // Not every system has the tool.
        if let Ok(bound) = bound {
            assert_eq!(bound.stdout, expected.stdout, "{bound:?}");
        }
    }
}
