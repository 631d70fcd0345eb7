//! Which lenses are wanted, as they are written: `logit`, `tuned=DIR`, `jacobian=FILE`.

use std::str::FromStr;
use std::sync::Arc;

use super::{Lens, LogitLens, Subject, jacobian, tuned};
use crate::error::{Error, Result, meant};
use crate::source::{HubOptions, LensFiles};

/// A lens that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LensChoice {
    Logit,
    /// The directory of a tuned lens; `None` for the one that is published for the model.
    Tuned(Option<String>),
    /// The file of a Jacobian lens, or its directory; `None` for the one that is published for the model.
    Jacobian(Option<String>),
}

impl LensChoice {
    /// The lens, made for the model that it is to read.
    ///
    /// # Errors
    /// Files that are not there, are no such lens, or one of another model.
    pub fn load(&self, subject: &Subject, options: &HubOptions) -> Result<Arc<dyn Lens>> {
        match self {
            Self::Logit => Ok(Arc::new(LogitLens)),
            Self::Tuned(Some(path)) => tuned::load(&LensFiles::tuned(path, options)?, subject),
            Self::Jacobian(Some(path)) => jacobian::load(&LensFiles::jacobian(path, options)?, subject),
            Self::Tuned(None) => {
                let files = LensFiles::published_tuned(self.hub_id(subject)?, options)?;
                tuned::load(&files, subject)
            }
            Self::Jacobian(None) => {
                let files = LensFiles::published_jacobian(self.hub_id(subject)?, options)?;
                jacobian::load(&files, subject)
            }
        }
    }

    /// The id of a model of the hub.
    fn hub_id<'a>(&self, subject: &Subject<'a>) -> Result<&'a str> {
        match subject.revision {
            Some(_) => Ok(subject.name),
            None => Err(Error::usage(
                format!(
                    "{} is no model of the hub, and only for those a {} lens is looked up.",
                    subject.name,
                    self.name()
                ),
                format!("Name one that was fitted on it: --lens {0}=PATH.", self.name()),
            )),
        }
    }

    /// Its name as an option and in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Logit => "logit",
            Self::Tuned(_) => "tuned",
            Self::Jacobian(_) => "jacobian",
        }
    }

    fn parse(item: &str) -> std::result::Result<Self, String> {
        let (name, value) = match item.split_once('=') {
            Some((name, value)) => (name, Some(value.trim()).filter(|value| !value.is_empty())),
            None => (item, None),
        };
        match (name.trim(), value) {
            ("logit", None) if !item.contains('=') => Ok(Self::Logit),
            ("logit", _) => Err("the logit lens has no file: write logit".to_string()),
            ("tuned" | "jacobian", None) if item.contains('=') => Err(format!(
                "{item:?} names no file: leave out the = for the published lens"
            )),
            ("tuned", path) => Ok(Self::Tuned(path.map(str::to_string))),
            ("jacobian", path) => Ok(Self::Jacobian(path.map(str::to_string))),
            (other, _) => Err(format!(
                "unknown lens {other:?}{}; use some of: logit, tuned, tuned=DIR, jacobian, jacobian=FILE",
                meant(other, &["logit", "tuned", "jacobian"])
            )),
        }
    }
}

/// The lenses that are wanted, the first of them the one that everything is about: a comma-separated list.
/// By default the logit lens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LensChoices(Vec<LensChoice>);

impl Default for LensChoices {
    fn default() -> Self {
        Self(vec![LensChoice::Logit])
    }
}

impl LensChoices {
    /// Each of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &LensChoice> {
        self.0.iter()
    }
}

impl FromStr for LensChoices {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut items: Vec<String> = Vec::new();
        for piece in text.split(',') {
            match items.last_mut() {
                // A comma in a path is part of it.
                Some(last) if last.contains('=') && !begins_a_lens(piece) => {
                    last.push(',');
                    last.push_str(piece);
                }
                _ => items.push(piece.to_string()),
            }
        }
        let mut choices: Vec<LensChoice> = Vec::new();
        for item in &items {
            let choice = LensChoice::parse(item)?;
            if choices.iter().any(|other| other.name() == choice.name()) {
                return Err(format!("the {} lens is named twice", choice.name()));
            }
            choices.push(choice);
        }
        Ok(Self(choices))
    }
}

/// Whether a piece of a list is a lens of its own.
fn begins_a_lens(piece: &str) -> bool {
    let name = piece.split('=').next().unwrap_or_default().trim();
    matches!(name, "logit" | "tuned" | "jacobian")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenses_are_read_as_written() {
        let choices: LensChoices = "logit, tuned=a dir,jacobian=x,y.pt".parse().unwrap();
        assert_eq!(
            choices.0,
            [
                LensChoice::Logit,
                LensChoice::Tuned(Some("a dir".to_string())),
                LensChoice::Jacobian(Some("x,y.pt".to_string()))
            ]
        );
        assert_eq!("logit".parse(), Ok(LensChoices::default()));
        for text in [
            "",
            "x",
            "logit=a",
            "logit=",
            "tuned=",
            "logit,",
            "logit,logit",
            "tuned=a,tuned=b",
        ] {
            assert!(text.parse::<LensChoices>().is_err(), "{text:?}");
        }
    }
}
