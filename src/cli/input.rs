//! The prompts of a run, one after another, wherever they come from.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::Result;
use logit_lens::error::Error;
use logit_lens::run::Prompts;
use logit_lens::text::prompts::{Item, Lines};

/// How long a batch that has begun waits for stdin's next line.
const PATIENCE: Duration = Duration::from_millis(100);
/// Lines of stdin that are read ahead.
const AHEAD: usize = 1024;

/// What comes next.
pub enum Next {
    Item(Item),
    /// Nothing yet: what is there should be done first.
    NotYet,
    End,
}

/// The prompts, in order.
pub enum Input {
    Ready(Box<dyn Iterator<Item = logit_lens::error::Result<Item>>>),
    /// Lines of stdin as they come.
    Live(Receiver<logit_lens::error::Result<Item>>),
}

impl Input {
    /// The prompts of a run.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(prompts: &Prompts) -> Result<Self> {
        match prompts {
            Prompts::Given(items) => Ok(Self::Ready(Box::new(items.clone().into_iter().map(Ok)))),
            Prompts::File(path) => Self::file(path),
            Prompts::Stdin => Self::stdin(),
        }
    }

    fn stdin() -> Result<Self> {
        let (sender, receiver) = sync_channel(AHEAD);
        let started = std::thread::Builder::new().spawn(move || {
            let lines = Lines::new(io::stdin().lock(), "stdin".to_string());
            // Sending fails when the run is over.
            for item in lines {
                if sender.send(item).is_err() {
                    break;
                }
            }
        });
        started.map_err(|e| {
            Error::failed(
                format!("The system gives no thread to read stdin with: {e}."),
                "Give --prompts a file, or raise the limits (ulimit -u, ulimit -v).",
            )
        })?;
        Ok(Self::Live(receiver))
    }

    fn file(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).and_then(|file| {
            let is_file = !file.metadata()?.is_dir();
            is_file.then_some(file).ok_or(io::ErrorKind::IsADirectory.into())
        });
        let file = file.map_err(|e| {
            Error::failed(
                format!("{name} cannot be read: {e}."),
                "Give --prompts a file of prompts, one a line, or - for stdin.",
            )
        })?;
        Ok(Self::Ready(Box::new(Lines::new(BufReader::new(file), name))))
    }

    /// The next prompt. With `hurry`, stdin is not waited for long.
    ///
    /// # Errors
    /// A line that is no prompt.
    pub fn next(&mut self, hurry: bool) -> Result<Next> {
        let item = match self {
            Self::Ready(items) => items.next(),
            Self::Live(items) if hurry => match items.recv_timeout(PATIENCE) {
                Err(RecvTimeoutError::Timeout) => return Ok(Next::NotYet),
                other => other.ok(),
            },
            Self::Live(items) => items.recv().ok(),
        };
        match item {
            Some(item) => Ok(Next::Item(item?)),
            None => Ok(Next::End),
        }
    }
}
