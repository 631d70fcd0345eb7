//! The metadata by key, the architecture's own under its name.

use super::header::Value;
use super::list::{List, Numbers};
use super::{Header, Part};
use crate::error::{Error, Result};
use crate::source::{Storage, Texts};

/// A file's metadata.
#[derive(Clone, Copy)]
pub struct Metadata<'a> {
    file: &'a Storage,
    header: &'a Header,
    name: &'a str,
}

impl<'a> Metadata<'a> {
    pub fn of(part: &'a Part) -> Self {
        Self {
            file: &part.file,
            header: &part.header,
            name: &part.name,
        }
    }

    /// `general.architecture`.
    ///
    /// # Errors
    /// A file without it.
    pub fn architecture(self) -> Result<&'a str> {
        self.text("general.architecture")
            .ok_or_else(|| self.lacks("general.architecture"))
    }

    /// The error for a key that is needed and absent, or has another kind of value.
    pub fn lacks(self, key: &str) -> Error {
        Error::failed(
            format!("{} says no {key} that lens can read.", self.name),
            "Download the file again, or convert the model anew.",
        )
    }

    /// The error for a vocabulary that cannot be meant.
    pub fn broken(self, why: &str) -> Error {
        Error::failed(
            format!(
                "The tokenizer in {} is none that lens can read: {why}.",
                self.name
            ),
            "Download the file again, or convert the model anew.",
        )
    }

    /// The error for a value that lens does not follow.
    pub fn unsupported(self, key: &str, value: &str, supported: &str) -> Error {
        let value: String = value.chars().take(80).collect();
        Error::failed(
            format!("{} has {key} = {value}, which lens does not support.", self.name),
            format!("Supported: {supported}."),
        )
    }

    /// The file's name.
    pub fn name(self) -> &'a str {
        self.name
    }

    /// A value of whatever kind.
    pub fn get(self, key: &str) -> Option<&'a Value> {
        self.header.metadata.get(key)
    }

    pub fn text(self, key: &str) -> Option<&'a str> {
        match self.header.metadata.get(key)? {
            Value::Text(range) => std::str::from_utf8(self.file.get(range.clone())?).ok(),
            _ => None,
        }
    }

    pub fn integer(self, key: &str) -> Option<u64> {
        match self.header.metadata.get(key)? {
            Value::Integer(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    pub fn number(self, key: &str) -> Option<f64> {
        match self.header.metadata.get(key)? {
            Value::Integer(n) => Some(*n as f64),
            Value::Float(x) => Some(*x),
            _ => None,
        }
    }

    pub fn flag(self, key: &str) -> Option<bool> {
        match self.header.metadata.get(key)? {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    fn list(self, key: &str) -> Option<&'a List> {
        match self.header.metadata.get(key)? {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The texts of a list.
    pub fn texts(self, key: &str) -> Option<Texts> {
        self.list(key)?.texts(self.file)
    }

    /// The numbers of a list.
    pub fn numbers(self, key: &str) -> Option<impl Iterator<Item = f64> + 'a> {
        self.list(key)?.numbers(self.file)
    }

    /// The numbers of a list, to be read one by one.
    pub fn listed_numbers(self, key: &str) -> Option<Numbers> {
        Numbers::new(self.file, self.list(key)?)
    }
}
