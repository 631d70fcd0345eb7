//! The terminal: taken over, and given back as it was, however the explorer ends.

use std::io::{self, Stdout, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{EnableBracketedPaste, EnableMouseCapture};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal};

use crate::error::{Error, Result};

/// Whether the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What gives a terminal back: no pasting, no mouse, plain text, the cursor, the screen that was there before.
const BACK: &[u8] =
    b"\x1b[?2004l\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[0m\x1b[?1049l\x1b[?25h";

/// Gives the terminal back where it is taken; otherwise does nothing. It may be called at any time, from any
/// thread.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing.
        let mut out = stdout();
        let _ = out.write_all(BACK);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(
        stdout(),
        EnterAlternateScreen,
        EnableMouseCapture,
        EnableBracketedPaste
    )
}

/// The terminal while it is ours. Dropped, it is given back.
pub struct Screen(Terminal<CrosstermBackend<Stdout>>);

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// A terminal that does not allow it.
    pub fn take() -> Result<Self> {
        let taken = take().and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        taken.map(Self).map_err(|error| {
            give_back();
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
        // What was there before is kept by whoever takes it first.
        let _ = disable_raw_mode();
        take().map_err(|error| failed(&error))?;
        self.clear()
    }
}

impl Screen {
    /// Writes bytes that are for the terminal itself.
    ///
    /// # Errors
    /// A terminal that is gone.
    pub fn tell(&mut self, bytes: &[u8]) -> Result<()> {
        let mut out = stdout();
        let told = out.write_all(bytes).and_then(|()| out.flush());
        told.map_err(|error| failed(&error))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
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
    give_back();
    // Where it cannot be stopped it goes on.
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP);
}

/// Where nothing is suspended.
#[cfg(not(unix))]
pub fn suspend() {}
