//! However a run ends or is suspended, the terminal is as it was before.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use super::{PATIENCE, Session};
use crate::PROMPT;

#[test]
fn the_terminal_is_given_back_whatever_ends_the_run() {
    for (name, number) in [("TERM", 15), ("HUP", 1), ("INT", 2), ("QUIT", 3)] {
        let mut session = Session::open(80, 24);
        session.signal(name);
        assert_eq!(session.assert_left().signal(), Some(number), "{name}");
    }
}

#[test]
fn nothing_is_drawn_on_a_terminal_that_was_given_back() {
    // Where the signal falls in a drawing is chance, so it falls in many.
    for _ in 0..20 {
        let mut session = Session::open(80, 24);
        let mut keyboard = session.keyboard.try_clone().unwrap();
        let typing = std::thread::spawn(move || {
            for key in "jk".repeat(200).bytes() {
                keyboard.write_all(&[key]).unwrap();
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        session.signal("TERM");
        session.assert_left();
        typing.join().unwrap();
    }
}

#[test]
fn a_run_that_is_ended_while_suspended_does_not_come_back() {
    for _ in 0..5 {
        let mut session = Session::open(80, 24);
        session.keys("\x1a");
        session.until("the terminal is given back", Session::is_given_back);
        // As a shell's `kill %1` does it, whether it has stopped by now or not.
        session.signal("TERM");
        let since = Instant::now();
        while session.child.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "it goes on");
            session.signal("CONT");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(session.assert_left().signal(), Some(15));
    }
}

#[test]
fn a_terminal_that_has_stalled_keeps_no_run() {
    let args = ["--explore", PROMPT];
    let (mut session, _shown) = Session::unseen(400, 100, &args);
    session.until("the terminal is taken", Session::is_raw);
    // As many drawings as no terminal takes ahead.
    for key in ["j", "k"].repeat(1000) {
        session.keys(key);
        std::thread::sleep(Duration::from_micros(500));
    }
    session.signal("TERM");
    assert_eq!(session.ended().signal(), Some(15));
    assert!(!session.is_raw());
}

#[test]
fn it_is_suspended_and_comes_back() {
    let mut session = Session::open(80, 24);
    session.keys("jj");
    session.wait("layer 7");
    // Drawn anew, it asks the terminal nothing.
    session.keys("\x0ck");
    session.wait("layer 8");
    session.keys("j\x1a");
    session.until("the terminal is given back", Session::is_given_back);
    let id = session.child.id();
    let state = || std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    if cfg!(target_os = "linux") {
        session.until("the process is stopped", |_| state().contains(") T "));
    }
    session.signal("CONT");
    session.until("the terminal is taken again", |session| {
        session.is_raw() && session.text().contains("layer 7")
    });
    session.keys("q");
    assert!(session.assert_left().success());
}
