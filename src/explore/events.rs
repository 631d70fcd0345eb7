//! What the loop waits for, and the threads that it comes from.

use std::sync::mpsc::Sender;

use ratatui::crossterm::event::{self, Event};

use super::reader::Answer;
use crate::error::{Error, Result};

/// What the loop waits for.
pub enum Happening {
    Terminal(Event),
    Answer(Answer),
    /// The system wants the process to stop for a while.
    Suspend,
    /// It was stopped, and goes on.
    Continue,
    /// The terminal says nothing any more.
    Lost(std::io::Error),
}

/// Starts to wait for the terminal and for signals, on threads that end with the process.
pub fn listen(send: Sender<Happening>) -> Result<()> {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGCONT, SIGTSTP};
        let send = send.clone();
        if let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGTSTP, SIGCONT]) {
            let forward = move || {
                for signal in signals.forever() {
                    let happening = match signal {
                        SIGTSTP => Happening::Suspend,
                        _ => Happening::Continue,
                    };
                    if send.send(happening).is_err() {
                        return;
                    }
                }
            };
            let thread = std::thread::Builder::new().spawn(forward);
            thread.map_err(|error| no_thread(&error))?;
        }
    }
    let read = move || loop {
        let (happening, is_last) = match event::read() {
            Ok(event) => (Happening::Terminal(event), false),
            Err(error) => (Happening::Lost(error), true),
        };
        if send.send(happening).is_err() || is_last {
            return;
        }
    };
    let thread = std::thread::Builder::new().spawn(read);
    thread.map(|_| ()).map_err(|error| no_thread(&error))
}

/// The error for a system that gives no thread.
pub fn no_thread(error: &std::io::Error) -> Error {
    Error::failed(
        format!("The system gives lens no thread to read with: {error}."),
        "Raise its limits (ulimit -u, ulimit -v).",
    )
}
