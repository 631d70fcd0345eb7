//! The terminal: taken over, and given back as it was, however the explorer ends.

use std::io::{self, Stdout, Write, stdout};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{EnableBracketedPaste, EnableMouseCapture};
use ratatui::crossterm::queue;
use ratatui::crossterm::terminal::{EnterAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal};

use crate::error::{Error, Result};

/// Whose the terminal is.
#[derive(Clone, Copy, PartialEq)]
enum Owner {
    Ours,
    Theirs,
    /// Theirs for good: the process ends.
    Left,
}

/// Held while anything is written to the terminal: once it was given back, nothing comes after.
static OWNER: Mutex<Owner> = Mutex::new(Owner::Theirs);

/// How long giving back waits for what is being written; a terminal that has stalled takes nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// What gives a terminal back: no pasting, no mouse, plain text, the cursor, the screen that was there before.
const BACK: &[u8] =
    b"\x1b[?2004l\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[0m\x1b[?1049l\x1b[?25h";

/// Gives the terminal back for good where it is taken, before the process ends. It may be called at any time, from
/// any thread.
pub fn give_back() {
    leave(Owner::Left);
}

fn leave(next: Owner) {
    if let Some(mut owner) = patiently() {
        if *owner == Owner::Ours {
            // A terminal that is gone needs nothing.
            let _ = write(&mut stdout(), BACK);
            let _ = disable_raw_mode();
        }
        if *owner != Owner::Left {
            *owner = next;
        }
    } else {
        let _ = disable_raw_mode();
    }
}

/// The terminal's owner, unless it is being written to for longer than [`PATIENCE`].
fn patiently() -> Option<MutexGuard<'static, Owner>> {
    let since = Instant::now();
    loop {
        match OWNER.try_lock() {
            Ok(owner) => return Some(owner),
            Err(TryLockError::Poisoned(owner)) => return Some(owner.into_inner()),
            Err(TryLockError::WouldBlock) if since.elapsed() > PATIENCE => return None,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn owner() -> MutexGuard<'static, Owner> {
    OWNER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(terminal: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    terminal.write_all(bytes)?;
    terminal.flush()
}

fn take() -> io::Result<()> {
    let mut owner = owner();
    if *owner == Owner::Left {
        return Ok(());
    }
    // What was there before is kept by whoever takes it first.
    let _ = disable_raw_mode();
    enable_raw_mode()?;
    *owner = Owner::Ours;
    let mut taking = Vec::new();
    queue!(
        taking,
        EnterAlternateScreen,
        EnableMouseCapture,
        EnableBracketedPaste
    )?;
    write(&mut stdout(), &taking)
}

/// What is drawn: whole, and only on a terminal that is ours.
struct Ink<W> {
    drawn: Vec<u8>,
    terminal: W,
}

impl<W: Write> Ink<W> {
    fn new(terminal: W) -> Self {
        Self {
            drawn: Vec::new(),
            terminal,
        }
    }
}

impl<W: Write> Write for Ink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.drawn.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let owner = owner();
        let written = match *owner {
            Owner::Ours => write(&mut self.terminal, &self.drawn),
            Owner::Theirs | Owner::Left => Ok(()),
        };
        self.drawn.clear();
        written
    }
}

/// The terminal while it is ours. Dropped, it is given back.
pub struct Screen(Terminal<CrosstermBackend<Ink<Stdout>>>);

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// A terminal that does not allow it.
    pub fn take() -> Result<Self> {
        let taken = take().and_then(|()| Terminal::new(CrosstermBackend::new(Ink::new(stdout()))));
        taken.map(Self).map_err(|error| {
            leave(Owner::Theirs);
            failed(&error)
        })
    }

    /// Its columns and lines.
    ///
    /// # Errors
    /// A terminal that does not say.
    pub fn size(&self) -> Result<(u16, u16)> {
        let size = self.0.size().map_err(|error| failed(&error))?;
        Ok((size.width, size.height))
    }

    /// Draws what has changed.
    ///
    /// # Errors
    /// A terminal that is gone.
    pub fn draw(&mut self, screen: impl FnOnce(&mut Frame)) -> Result<()> {
        self.0.draw(screen).map(|_| ()).map_err(|error| failed(&error))
    }

    /// Draws everything anew the next time.
    ///
    /// # Errors
    /// A terminal that is gone.
    pub fn clear(&mut self) -> Result<()> {
        // ratatui's own clearing asks the terminal where its cursor is, and the answer would come among the keys.
        let size = self.0.size().map_err(|error| failed(&error))?;
        let screen = Rect::new(0, 0, size.width, size.height);
        self.0.resize(screen).map_err(|error| failed(&error))
    }

    /// Takes the terminal over again, whoever had it since.
    ///
    /// # Errors
    /// As [`Screen::take`].
    pub fn take_again(&mut self) -> Result<()> {
        take().map_err(|error| failed(&error))?;
        self.clear()
    }

    /// Writes bytes that are for the terminal itself.
    ///
    /// # Errors
    /// A terminal that is gone.
    pub fn tell(&mut self, bytes: &[u8]) -> Result<()> {
        let ink = self.0.backend_mut();
        let told = ink.write_all(bytes).and_then(|()| Write::flush(ink));
        told.map_err(|error| failed(&error))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave(Owner::Theirs);
    }
}

fn failed(error: &io::Error) -> Error {
    Error::failed(
        format!("The terminal cannot be drawn on: {error}."),
        "Try another terminal, or write a page to explore with -o lens.html.",
    )
}

/// Stops the process as Ctrl-Z does, with the terminal given back, until it is continued.
#[cfg(unix)]
pub fn suspend() {
    leave(Owner::Theirs);
    // Where it cannot be stopped it goes on.
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP);
}

/// Where nothing is suspended.
#[cfg(not(unix))]
pub fn suspend() {}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, since all of them would have the one terminal.
    #[test]
    fn what_was_given_back_is_neither_drawn_on_nor_taken() {
        let mut ink = Ink::new(Vec::new());
        let mut draw = |owned_by: Owner, bytes: &[u8]| {
            *owner() = owned_by;
            ink.write_all(bytes).unwrap();
            ink.flush().unwrap();
            ink.terminal.clone()
        };
        assert_eq!(draw(Owner::Ours, b"one "), b"one ");
        assert_eq!(draw(Owner::Theirs, b"none "), b"one ");
        assert_eq!(draw(Owner::Ours, b"two"), b"one two", "nothing is kept for later");
        assert_eq!(draw(Owner::Left, b"none"), b"one two");
        leave(Owner::Theirs);
        take().unwrap();
        assert!(*owner() == Owner::Left, "it is left for good");
    }
}
