//! Where a fitted lens comes from, and what it was fitted on.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::Subject;
use crate::error::{Error, Result};
use crate::source::{LensFiles, names_one_model};

/// The files of a fitted lens, and what they say of themselves.
#[derive(Debug)]
pub struct Artefact {
    /// The path as given.
    pub name: String,
    /// The commit hash of one from the hub.
    pub revision: Option<String>,
    pub fitted: Fitted,
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
    /// A model of the hub by another name.
    pub(super) fn check_model(&self, subject: &Subject) -> Result<Vec<String>> {
        let Some(fitted_on) = &self.fitted.model else {
            return Ok(vec![format!(
                "{} does not say which model it was fitted on: only its sizes could be checked.",
                self.name
            )]);
        };
        let is_one = names_one_model(fitted_on, subject.name);
        match (is_one, subject.revision) {
            (true, Some(revision)) => Ok(self.other_revision(revision).into_iter().collect()),
            (true, None) => Ok(Vec::new()),
            (false, Some(_)) => Err(Error::usage(
                format!(
                    "{} was fitted on {fitted_on}, and the model is {}.",
                    self.name, subject.name
                ),
                format!("Read --model {fitted_on}, or use a lens that was fitted on this model."),
            )),
            (false, None) => Ok(vec![format!(
                "{} was fitted on {fitted_on}; whether {} has the same weights cannot be known.",
                self.name, subject.name
            )]),
        }
    }

    fn other_revision(&self, revision: &str) -> Option<String> {
        let fitted_on = self.fitted.model_revision.as_ref()?;
        let is_commit = fitted_on.len() == 40 && fitted_on.bytes().all(|b| b.is_ascii_hexdigit());
        let differs = is_commit && !fitted_on.eq_ignore_ascii_case(revision);
        differs.then(|| {
            format!(
                "{} was fitted on revision {} of the model, and this is {}: their weights may differ.",
                self.name,
                &fitted_on[..8],
                revision.get(..8).unwrap_or(revision)
            )
        })
    }
}
