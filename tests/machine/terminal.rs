//! Runs whose stderr is a terminal.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use crate::PROMPT;
use crate::support::lens;
use crate::support::terminal::terminal;

/// What is read of `shown` until `enough`, until nobody writes to it any more, or until a minute without
/// anything: a run that hangs is to fail its test.
fn read_until(mut shown: File, enough: impl Fn(&str) -> bool) -> String {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        // A terminal that nobody writes to any more is an error to read.
        while let Ok(n @ 1..) = shown.read(&mut piece) {
            if send.send(piece[..n].to_vec()).is_err() {
                break;
            }
        }
    });
    let mut all = Vec::new();
    while let Ok(piece) = receive.recv_timeout(Duration::from_secs(60)) {
        all.extend(piece);
        if enough(&String::from_utf8_lossy(&all)) {
            break;
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn progress_over_many_prompts_says_how_many_are_done_and_how_long_they_take_yet() {
    let prompts = tempfile::NamedTempFile::new().unwrap();
    // More than can be done before anyone looks.
    std::fs::write(prompts.path(), format!("{PROMPT}\n\n").repeat(300_000)).unwrap();
    let (shown, written) = terminal(100, 24);
    let mut child = lens()
        .args(["--summary", "--prompts", prompts.path().to_str().unwrap()])
        .env("TERM", "xterm")
        .stdout(Stdio::null())
        .stderr(written)
        .spawn()
        .unwrap();
    // Lines that are blank are no prompts.
    let is_progress = |text: &str| text.contains("/300000 eta ");
    let text = read_until(shown, is_progress);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_progress(&text), "{text}");
    assert!(text.contains("prompts ") && !text.contains("blocks"), "{text}");
}

#[test]
fn what_is_said_is_cut_between_words_to_fit_the_terminal() {
    for (args, code, begins, of) in [
        (
            &["--layers", "0"][..],
            0,
            "note: using the bundled demo model; for GPT-2, add --model gpt2",
            "note:",
        ),
        (
            &["-m", "demo", "--verify"],
            0,
            "verified: against the plain float64 computation the output differs by at most",
            "verified:",
        ),
        (
            &["-m", "demo", "--assert", "rank(\" Paris\") > 5"],
            3,
            "failed: \"The Eiffel Tower is in the city of\": rank(\" Paris\") > 5",
            "\u{1b}[1m\u{1b}[31mfailed:\u{1b}[0m \"The Eiffel",
        ),
    ] {
        let (shown, written) = terminal(40, 24);
        let child = lens()
            .arg(PROMPT)
            .args(args)
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdout(Stdio::null())
            .stderr(written)
            .spawn();
        let text = read_until(shown, |_| false);
        assert_eq!(child.unwrap().wait().unwrap().code(), Some(code), "{text}");
        assert!(text.contains(of), "{text:?}");
        let plain = anstream::adapter::strip_str(&text).to_string();
        let lines: Vec<&str> = plain.lines().collect();
        assert!(
            lines.len() > 1 && lines.iter().all(|line| line.len() <= 40),
            "{lines:?}"
        );
        let said = lines.join(" ");
        assert!(said.starts_with(begins), "{said}");
    }
}
