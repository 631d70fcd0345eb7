//! The prompts of a run, one after another, wherever they come from.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::Result;
use logit_lens::error::Error;
use logit_lens::run::Prompts;
use logit_lens::text::prompts::{Item, Lines};

/// The prompts, in order.
pub struct Input {
    items: Box<dyn Iterator<Item = logit_lens::error::Result<Item>>>,
    /// Whether they come through a pipe or are typed, each to be answered as it comes. Together they would
    /// be faster, but then the last bits of their numbers would depend on how fast they come.
    pub one_by_one: bool,
}

impl Input {
    /// The prompts of a run.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(prompts: &Prompts) -> Result<Self> {
        match prompts {
            Prompts::Given(items) => Ok(Self::at_hand(items.clone().into_iter().map(Ok))),
            Prompts::File(path) => Self::file(path),
            // They are taken from the documents (`explore`).
            Prompts::Earlier(_) => Ok(Self::at_hand(std::iter::empty())),
            Prompts::Stdin => Ok(Self {
                items: Box::new(Lines::new(io::stdin().lock(), "stdin".to_string())),
                one_by_one: !stdin_is_a_file(),
            }),
        }
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
                "Give a file of prompts, one a line or as JSON Lines, or - for stdin.",
            )
        })?;
        Ok(Self::at_hand(Lines::new(BufReader::new(file), name)))
    }

    fn at_hand(items: impl Iterator<Item = logit_lens::error::Result<Item>> + 'static) -> Self {
        Self {
            items: Box::new(items),
            one_by_one: false,
        }
    }
}

/// How many prompts a run has, where that is known before they are read: lines of a file that are not
/// blank are counted, which costs little beside reading them.
pub fn count(prompts: &Prompts) -> Option<usize> {
    match prompts {
        Prompts::Given(items) => Some(items.len()),
        Prompts::File(path) if path.is_file() => {
            let lines = BufReader::new(File::open(path).ok()?).split(b'\n');
            let is_prompt =
                |line: &io::Result<Vec<u8>>| line.as_ref().is_ok_and(|line| !line.trim_ascii().is_empty());
            Some(lines.filter(is_prompt).count())
        }
        Prompts::File(_) | Prompts::Stdin | Prompts::Earlier(_) => None,
    }
}

/// Whether stdin is a file (`< prompts.txt`), all of it at hand.
fn stdin_is_a_file() -> bool {
    #[cfg(unix)]
    let file = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned();
    #[cfg(windows)]
    let file = std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned();
    file.is_ok_and(|file| File::from(file).metadata().is_ok_and(|there| there.is_file()))
}

impl Iterator for Input {
    type Item = Result<Item>;

    /// The next prompt, or what is wrong with its line.
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.items.next()?.map_err(Into::into))
    }
}
