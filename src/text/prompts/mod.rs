//! Prompts as they are given, and as a file has them: one a line, or a JSON record a line.

mod lines;
mod record;

use crate::error::{Error, Kind};

pub use lines::Lines;

/// One prompt as it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub what: What,
    /// What its file calls it.
    pub id: Option<String>,
    /// Tokens that its file wants followed, as texts.
    pub targets: Vec<String>,
    /// Tokens to be held beside the targets in an evaluation.
    pub controls: Vec<String>,
    /// The position that an evaluation reads, from the end where it is negative; the last without.
    pub position: Option<i64>,
    /// Where it stands among several, for messages.
    pub origin: Option<String>,
    /// Whether that is in a file, which holds what it holds.
    pub in_file: bool,
}

/// The prompt itself.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Text(String),
    Ids(Vec<u32>),
}

impl Item {
    /// A prompt of which nothing more is known.
    pub fn new(what: What) -> Self {
        Self {
            what,
            id: None,
            targets: Vec::new(),
            controls: Vec::new(),
            position: None,
            origin: None,
            in_file: false,
        }
    }

    /// `error` with the place of the prompt it is about.
    pub fn locate(&self, error: Error) -> Error {
        match &self.origin {
            Some(origin) => Error {
                kind: if self.in_file { Kind::Failed } else { error.kind },
                problem: format!("{origin}: {}", error.problem),
                ..error
            },
            None => error,
        }
    }
}
