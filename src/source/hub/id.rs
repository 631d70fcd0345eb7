//! The names a person gives: a model's id and a revision.

use std::fmt;

use crate::error::{Error, Result};

/// Models that had no owner once, and the names they have now.
const LEGACY: [(&str, &str, &str); 5] = [
    ("gpt2", "openai-community", "gpt2"),
    ("gpt2-medium", "openai-community", "gpt2-medium"),
    ("gpt2-large", "openai-community", "gpt2-large"),
    ("gpt2-xl", "openai-community", "gpt2-xl"),
    ("distilgpt2", "distilbert", "distilgpt2"),
];

/// The names that stand for a model without its owner.
pub fn short_names() -> impl Iterator<Item = &'static str> {
    LEGACY.iter().map(|(short, ..)| *short)
}

/// A model on the hub.
#[derive(Debug, PartialEq, Eq)]
pub struct Id {
    pub owner: String,
    pub name: String,
    /// The short name under which the cache may know the model too.
    pub legacy: Option<&'static str>,
}

impl Id {
    /// `owner/name`, or a legacy short name.
    pub fn parse(id: &str) -> Result<Self> {
        let (owner, name) = match id.split_once('/') {
            Some(pair) => pair,
            None => match LEGACY.iter().find(|(short, ..)| *short == id) {
                Some((_, owner, name)) => (*owner, *name),
                None => return Err(no_owner(id)),
            },
        };
        if !is_plain(owner) || !is_plain(name) {
            return Err(malformed(id));
        }
        let known = LEGACY.iter().find(|(_, o, n)| (*o, *n) == (owner, name));
        Ok(Self {
            owner: owner.to_string(),
            name: name.to_string(),
            legacy: known.map(|(short, ..)| *short),
        })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The hub's own rule for one half of an id. `--` would be ambiguous in the cache's folder names.
fn is_plain(part: &str) -> bool {
    let edge = |c: char| c == '-' || c == '.';
    (1..=96).contains(&part.len())
        && part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !part.starts_with(edge)
        && !part.ends_with(edge)
        && !part.contains("--")
        && !part.contains("..")
}

fn no_owner(id: &str) -> Error {
    Error::usage(
        format!("{id:?} is neither a directory here nor a model id of the form owner/name."),
        "Give a model directory, or a hub id such as openai-community/gpt2 (gpt2 for short).",
    )
}

fn malformed(id: &str) -> Error {
    Error::usage(
        format!("{id:?} is neither a directory here nor a model id that the hub could have."),
        "A hub id is owner/name, in letters, digits, '-', '_' and '.', such as openai-community/gpt2.",
    )
}

/// Which version of a model.
#[derive(Debug, PartialEq, Eq)]
pub enum Revision {
    /// A full commit hash, which never means anything else tomorrow.
    Commit(String),
    /// A branch, a tag, or whatever else the hub resolves.
    Name(String),
}

impl Revision {
    /// The default branch when nothing is given.
    pub fn parse(revision: Option<&str>) -> Result<Self> {
        let revision = revision.unwrap_or("main");
        if is_commit(revision) {
            return Ok(Self::Commit(revision.to_ascii_lowercase()));
        }
        if !is_ref(revision) {
            return Err(Error::usage(
                format!("{revision:?} cannot be the name of a revision."),
                "Give a branch, a tag or a commit hash, such as main.",
            ));
        }
        Ok(Self::Name(revision.to_string()))
    }

    pub fn is_commit(&self) -> bool {
        matches!(self, Self::Commit(_))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(name) | Self::Name(name) => f.write_str(name),
        }
    }
}

/// Whether `text` is a full commit hash.
pub fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// git's rule for names, which also keeps the name inside the cache's `refs` folder.
fn is_ref(name: &str) -> bool {
    name.len() <= 250
        && !name.starts_with('-')
        && !name.contains(|c: char| c.is_control() || c.is_whitespace() || "\\~^:?*[".contains(c))
        && name
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains(".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_names_have_owners() {
        assert_eq!(Id::parse("gpt2").unwrap().to_string(), "openai-community/gpt2");
        assert_eq!(
            Id::parse("distilgpt2").unwrap().to_string(),
            "distilbert/distilgpt2"
        );
        assert_eq!(
            Id::parse("openai-community/gpt2-xl").unwrap().legacy,
            Some("gpt2-xl")
        );
        assert_eq!(Id::parse("a/b").unwrap().legacy, None);
    }

    #[test]
    fn odd_ids_are_refused() {
        for id in [
            "", "gpt3", "a/", "/b", "a/b/c", "a b/c", "a/..", "a/b--c", "é/b", "a/b?x", "-a/b", "a/b\n",
        ] {
            let error = Id::parse(id).unwrap_err();
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn revisions_stay_in_their_folder() {
        assert_eq!(Revision::parse(None).unwrap().to_string(), "main");
        assert_eq!(
            Revision::parse(Some("refs/pr/1")).unwrap().to_string(),
            "refs/pr/1"
        );
        assert!(Revision::parse(Some(&"A".repeat(40))).unwrap().is_commit());
        for name in [
            "", "..", "../x", "/etc", "a/../b", "a//b", "a b", "-x", "a\\b", "x/",
        ] {
            assert!(Revision::parse(Some(name)).is_err(), "{name}");
        }
    }
}
