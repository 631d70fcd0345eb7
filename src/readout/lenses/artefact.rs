//! Where a fitted lens comes from, and what it was fitted on.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::Subject;
use crate::error::{Error, Result, cut};
use crate::source::{LensFiles, Likeness, likeness, same_name};

/// The branch that a model has where none is named.
const MAIN: &str = "main";

/// The files of a fitted lens, and what they say of themselves.
#[derive(Debug)]
pub struct Artefact {
    /// The path as given.
    pub name: String,
    /// The commit hash of one from the hub.
    pub revision: Option<String>,
    pub fitted: Fitted,
    /// Whether it was found as the lens that is published for the model that it is to read.
    is_published_for_it: bool,
    /// Where its files lie, that of the matrices first.
    paths: Vec<PathBuf>,
    sha256: OnceLock<Option<String>>,
}

/// What a lens was fitted on, as far as it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitted {
    pub model: Option<String>,
    pub model_revision: Option<String>,
    /// The texts.
    pub dataset: Option<String>,
    /// How many prompts.
    pub prompts: Option<u64>,
    /// The positions at the beginning of each prompt that were left out.
    pub skipped: Option<u64>,
    /// Whether the prompts began with the BOS token.
    pub bos: Option<bool>,
}

impl Artefact {
    pub(super) fn new(files: &LensFiles, fitted: Fitted) -> Self {
        Self {
            name: files.name.clone(),
            revision: files.revision.clone(),
            fitted: Fitted {
                model: fitted.model.or_else(|| files.published_for.clone()),
                ..fitted
            },
            is_published_for_it: files.published_for.is_some(),
            paths: files.paths().map(PathBuf::from).collect(),
            sha256: match &files.sha256 {
                Some(known) => Some(known.clone()).into(),
                None => OnceLock::new(),
            },
        }
    }

    /// Where its files lie.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(PathBuf::as_path)
    }

    /// The SHA-256 of the file of matrices, which is read for it; `None` where it cannot be.
    pub fn sha256(&self) -> Option<&str> {
        let hash = || {
            let mut hasher = Sha256::new();
            let mut file = File::open(self.paths.first()?).ok()?;
            let mut buffer = vec![0; 1 << 20];
            loop {
                match file.read(&mut buffer).ok()? {
                    0 => break,
                    n => hasher.update(&buffer[..n]),
                }
            }
            let digest = hasher.finalize();
            Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
        };
        self.sha256.get_or_init(hash).as_deref()
    }

    /// Compares the model that the lens was fitted on with the one that it is to read. What cannot be known is
    /// a doubt.
    ///
    /// # Errors
    /// A model of the hub by another name, or at another revision than the file of a lens that was named says.
    pub(super) fn check_model(&self, subject: &Subject) -> Result<Vec<String>> {
        let Some(fitted_on) = &self.fitted.model else {
            return Ok(vec![format!(
                "{} does not say which model it was fitted on: only its sizes could be checked.",
                self.name
            )]);
        };
        let fitted_on = cut(fitted_on);
        match (likeness(&fitted_on, subject.name), subject.revision) {
            (Likeness::Same, Some(revision)) => self.check_revision(revision),
            (Likeness::Namesake, Some(_)) => Ok(vec![format!(
                "{} was fitted on {fitted_on}; whether that is {} cannot be known by its name.",
                self.name, subject.name
            )]),
            (Likeness::Other, Some(_)) => Err(Error::usage(
                format!(
                    "{} was fitted on {fitted_on}, and the model is {}.",
                    self.name, subject.name
                ),
                format!("Read --model {fitted_on}, or use a lens that was fitted on this model."),
            )),
            // A copy on disk that is called as the model is.
            (_, None) if same_name(&fitted_on, subject.name) => Ok(Vec::new()),
            (_, None) => Ok(vec![format!(
                "{} was fitted on {fitted_on}; whether {} has the same weights cannot be known.",
                self.name, subject.name
            )]),
        }
    }

    /// Compares the revision that it was fitted on with that of the model. A branch may have had other weights
    /// then; a lens that is published for the model may be used with its later revisions.
    fn check_revision(&self, revision: &str) -> Result<Vec<String>> {
        let Some(fitted_on) = &self.fitted.model_revision else {
            return Ok(Vec::new());
        };
        let is_commit = fitted_on.len() == 40 && fitted_on.bytes().all(|b| b.is_ascii_hexdigit());
        let [theirs, ours] = [fitted_on, revision].map(|revision| revision.get(..8).unwrap_or(revision));
        match is_commit {
            _ if fitted_on.eq_ignore_ascii_case(revision) || fitted_on == MAIN => Ok(Vec::new()),
            true if self.is_published_for_it => Ok(vec![format!(
                "{} was fitted on revision {theirs} of the model, and this is {ours}: their weights may differ.",
                self.name
            )]),
            true => Err(Error::usage(
                format!(
                    "{} was fitted on revision {theirs} of the model, and this is {ours}.",
                    self.name
                ),
                format!("Read it with --revision {fitted_on}, or use a lens that was fitted on this one."),
            )),
            false => Ok(vec![format!(
                "{} was fitted on the revision {} of the model; whether {ours} has the same weights cannot be \
                 known.",
                self.name,
                cut(fitted_on)
            )]),
        }
    }
}
