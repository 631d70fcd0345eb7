//! The explorer in a terminal: what is typed, what is seen, and what is left behind.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[expect(dead_code, reason = "text is made a picture of elsewhere")]
#[path = "../../readme/pictures.rs"]
mod pictures;

mod given_back;
mod listed;

use crate::PROMPT;
use crate::support::signals::heed;
use crate::support::terminal::terminal;
use crate::support::{Checkpoint, lens};

/// How long anything is waited for; a busy machine is slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run in a terminal of its own.
struct Session {
    child: Child,
    keyboard: File,
    terminal: OwnedFd,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Session {
    fn start(columns: u16, lines: u16, args: &[&str]) -> Self {
        let (session, mut shown) = Self::unseen(columns, lines, args);
        let filled = Arc::clone(&session.screen);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = shown.read(&mut piece) {
                filled.lock().unwrap().process(&piece[..n]);
            }
        });
        session
    }

    /// A run whose terminal shows nothing until what is written to it is read.
    fn unseen(columns: u16, lines: u16, args: &[&str]) -> (Self, File) {
        let (shown, terminal) = terminal(columns, lines);
        let keyboard = shown.try_clone().unwrap();
        let side = || Stdio::from(terminal.try_clone().unwrap());
        let mut command = lens();
        let child = heed(&mut command)
            .args(args)
            .env("TERM", "xterm-256color")
            .env("COLORTERM", "truecolor")
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .unwrap();
        let session = Self {
            child,
            keyboard,
            terminal,
            screen: Arc::new(Mutex::new(vt100::Parser::new(lines, columns, 0))),
        };
        (session, shown)
    }

    fn open(columns: u16, lines: u16) -> Self {
        let session = Self::start(columns, lines, &["--explore", PROMPT]);
        session.wait("␣Paris  ");
        session
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen has `text`.
    fn wait(&self, text: &str) {
        self.until(text, |session| session.text().contains(text));
    }

    /// Waits until every cell has been read.
    fn wait_for_all(&self) {
        self.until("all is read", |session| {
            let text = session.text();
            // The last line is of the run: `demo · resid_post`.
            let cells = text.rsplit_once('\n').map_or("", |(above, _)| above);
            // A long token ends in an ellipsis, what is awaited is one alone.
            !cells.is_empty() && !cells.contains(" …") && !cells.contains(" · ")
        });
    }

    fn until(&self, what: &str, there: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !there(self) {
            assert!(since.elapsed() < PATIENCE, "{what}:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The terminal's modes: raw, or as a shell has it.
    fn is_raw(&self) -> bool {
        use rustix::termios::{LocalModes, tcgetattr};
        let modes = tcgetattr(self.terminal.as_fd()).unwrap().local_modes;
        !modes.contains(LocalModes::ICANON) && !modes.contains(LocalModes::ECHO)
    }

    fn is_given_back(&self) -> bool {
        let screen = self.screen.lock().unwrap();
        let screen = screen.screen();
        !self.is_raw()
            && !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    fn assert_left(&mut self) -> std::process::ExitStatus {
        let status = self.ended();
        self.until("the terminal is given back", Self::is_given_back);
        status
    }

    /// How the run ended; one that hangs is to fail its test.
    fn ended(&mut self) -> std::process::ExitStatus {
        let since = Instant::now();
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status,
                None if since.elapsed() > PATIENCE => panic!("it goes on:\n{}", self.text()),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(killed.unwrap().success());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn one_explores_and_leaves() {
    let mut session = Session::open(120, 30);
    assert!(session.is_raw());
    session.wait("layer 9, after 11 ␣of");
    session.wait("99.6%");
    // Down to layer 5, and two positions back.
    session.keys("jjjj\x1b[D\x1b[D");
    session.wait("layer 5, after 9 ␣the");
    session.keys("\r");
    session.wait("pinned tokens");
    session.keys("c");
    session.wait("· target");
    session.keys("/paris\r");
    session.wait("place 1 of");
    session.keys("?");
    session.wait("search:");
    session.keys("\x1b");
    session.until("the help is closed", |session| {
        !session.text().contains("search:")
    });
    session.keys("t Rome\r");
    session.wait("b ␣Rome");
    session.keys("tnotoneword\r");
    session.wait("\"notoneword\" is");
    session.keys("p");
    session.wait("resid_mid");
    session.wait("9_mid");
    session.keys("q");
    assert!(session.assert_left().success());
}

#[test]
fn the_prompt_is_read_again_as_one_types() {
    let mut session = Session::open(120, 30);
    session.keys("e");
    session.wait("prompt: The Eiffel");
    // France's capital for the city of the tower.
    session.keys("\x15The capital of Japan is");
    session.wait("␣Tokyo");
    session.keys("\x1b");
    session.wait("12 tokens");
    session.wait("␣Paris");
    session.keys("+");
    session.wait("13 tokens");
    session.wait("city of Paris");
    session.keys("--");
    session.wait("11 tokens");
    session.wait("after 10 ␣city");
    session.keys("q");
    assert!(session.assert_left().success());
}

#[test]
fn the_view_goes_to_a_file_and_to_the_clipboard() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("view.svg");
    let mut session = Session::open(160, 30);
    session.keys(&format!("co\x15{}\r", file.display()));
    session.wait("is written.");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.contains("probability of the model") && written.contains("Paris"));
    session.keys(&format!("o\x15{}\r", file.display()));
    session.wait("Enter replaces it");
    session.keys("\x1b");
    session.until("the line is closed", |session| session.text().contains("? keys"));
    session.keys("o\x15/nowhere/at/all.svg\r");
    session.wait("directory is not there");
    session.keys("y");
    session.wait("--heatmap --color-by target");
    session.keys("xq");
    assert!(session.assert_left().success());
}

#[test]
fn a_second_prompt_stands_beside_the_first() {
    let mut session = Session::open(120, 30);
    session.keys("a\x15The capital of Japan is\r");
    session.wait("2 The capital of Japan is");
    session.wait("␣Tokyo");
    session.keys("d");
    session.wait("KL from the first to the second");
    session.wait("1‖2: KL");
    session.keys("n");
    session.wait("where the top tokens differ");
    session.keys("y");
    session.wait("--compare");
    session.keys("xAq");
    assert!(session.assert_left().success());
}

#[test]
fn two_models_stand_beside_each_other() {
    let args = ["--explore", PROMPT, "-m", "demo", "-m", "demo"];
    let mut session = Session::start(120, 30, &args);
    session.wait("2 The Eiffel");
    session.keys("e, and");
    // Both have the longer prompt.
    session.wait("1 layer 9, after 13 ␣and");
    session.wait("2 layer 9, after 13 ␣and");
    session.keys("\rq");
    assert!(session.assert_left().success());
}

/// A file of prompts, as JSON Lines.
/// The README's picture; LENS_BLESS=1 draws it anew.
#[test]
fn the_picture_is_what_one_sees() {
    let mut session = Session::open(110, 29);
    session.keys("t Rome\r");
    session.wait("a ␣Rome");
    session.keys("t Paris\r");
    session.wait("b ␣Paris");
    session.keys("jj");
    session.wait("layer 7");
    session.wait("? keys");
    session.wait_for_all();
    let screen = session.screen.lock().unwrap();
    let drawn = pictures::picture(screen.screen());
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/pictures/explore.svg");
    if std::env::var_os("LENS_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(path, drawn).unwrap();
    } else {
        assert!(
            std::fs::read_to_string(path).unwrap() == drawn,
            "LENS_BLESS=1 draws what is new"
        );
    }
}

#[test]
fn what_is_explored_can_be_verified() {
    let mut session = Session::start(120, 30, &["--explore", PROMPT, "--verify"]);
    session.wait("␣Paris  ");
    session.keys("q");
    assert!(session.assert_left().success());
    session.wait("verified: against the plain float64 computation the output differs");
}

#[test]
fn what_is_not_verified_is_not_explored() {
    let model = Checkpoint::of_huge_logits();
    let args = ["--explore", PROMPT, "--verify", "-m", model.path()];
    let mut session = Session::start(120, 30, &args);
    assert_eq!(session.assert_left().code(), Some(1));
    session.wait("NOT verified: \"The Eiffel Tower is in the city of\": against");
    session.wait("Leave --verify out to explore it all the same.");
}

#[test]
fn a_click_goes_to_its_cell() {
    let mut session = Session::open(120, 30);
    // What is read decides how wide the columns are.
    session.wait_for_all();
    session.keys("\x1b[<0;10;2M\x1b[<0;10;2m");
    session.wait("layer 9, after 1 ␣E");
    session.keys("\x1b[<65;10;2M");
    session.wait("layer 8, after 1 ␣E");
    session.keys("\x03");
    assert!(session.assert_left().success());
}

#[test]
fn a_resized_terminal_is_filled_anew() {
    let session = Session::open(80, 24);
    let size = rustix::termios::Winsize {
        ws_row: 20,
        ws_col: 60,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    session.screen.lock().unwrap().screen_mut().set_size(20, 60);
    rustix::termios::tcsetwinsize(&session.terminal, size).unwrap();
    session.signal("WINCH");
    session.until("the status line is the last of 20", |session| {
        let screen = session.screen.lock().unwrap();
        let last = screen.screen().rows(0, 60).nth(19);
        last.is_some_and(|line| line.contains("demo · resid_post"))
    });
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let output = lens().args(["--explore", PROMPT]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("--heatmap") && said.contains("-o lens.html"),
        "{said}"
    );
    assert!(output.stdout.is_empty());
}
