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
fn a_note_is_cut_between_words_to_fit_the_terminal() {
    let (shown, written) = terminal(40, 24);
    let child = lens()
        .args([PROMPT, "--layers", "0"])
        .env("TERM", "xterm")
        .stdout(Stdio::null())
        .stderr(written)
        .spawn();
    let text = read_until(shown, |_| false);
    assert!(child.unwrap().wait().unwrap().success());
    let plain = anstream::adapter::strip_str(&text).to_string();
    let lines: Vec<&str> = plain.lines().collect();
    assert!(
        lines.len() > 1 && lines.iter().all(|line| line.len() <= 40),
        "{lines:?}"
    );
    let note = lines.join(" ");
    assert!(
        note.starts_with("note: using the bundled demo model; for GPT-2, add --model gpt2"),
        "{note}"
    );
}
