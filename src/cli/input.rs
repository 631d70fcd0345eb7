//! The prompts of a run, one after another, wherever they come from.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use anyhow::Result;
use logit_lens::error::Error;
use logit_lens::text::prompts::{Item, Lines, What};

use super::args::Args;

/// The prompts, in order.
pub struct Input {
    items: Box<dyn Iterator<Item = logit_lens::error::Result<Item>>>,
    /// Whether they are lines of stdin, each to be answered as it comes. Together they would be
    /// faster, but then the last bits of their numbers would depend on how fast they come.
    pub one_by_one: bool,
}

impl Input {
    /// The prompts that the arguments give.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(args: &Args) -> Result<Self> {
        if !args.ids.is_empty() {
            let item = Item::new(What::Ids(args.ids.clone()));
            return Ok(Self::at_hand(std::iter::once(Ok(item))));
        }
        let Some(path) = &args.prompts else {
            let several = args.given.len() > 1;
            let items = args.given.clone().into_iter().enumerate().map(move |(i, text)| {
                Ok(Item {
                    origin: several.then(|| format!("prompt {}", i + 1)),
                    ..Item::new(What::Text(text))
                })
            });
            return Ok(Self::at_hand(items));
        };
        if path == Path::new("-") {
            let lines = Lines::new(io::stdin().lock(), "stdin".to_string());
            return Ok(Self {
                items: Box::new(lines),
                one_by_one: true,
            });
        }
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
        Ok(Self::at_hand(Lines::new(BufReader::new(file), name)))
    }

    fn at_hand(items: impl Iterator<Item = logit_lens::error::Result<Item>> + 'static) -> Self {
        Self {
            items: Box::new(items),
            one_by_one: false,
        }
    }
}

impl Iterator for Input {
    type Item = Result<Item>;

    /// The next prompt, or what is wrong with its line.
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.items.next()?.map_err(Into::into))
    }
}
