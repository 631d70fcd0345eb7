//! Files of a repository that is no model: a fitted lens, from the cache or downloaded.

use std::path::PathBuf;

use super::HubOptions;
use super::cache::Folder;
use super::failure::{About, Failure, Outcome};
use super::http::Http;
use super::id::{Id, Revision};
use super::repository::Repository;
use super::settings::Settings;
use crate::error::{Error, Result};

/// Some files of a repository at a revision.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `owner/name`.
    pub id: String,
    /// Whether it is a space, not a model.
    pub is_space: bool,
    /// A branch, a tag or a commit hash.
    pub revision: String,
    /// Their paths in the repository.
    pub names: Vec<String>,
    /// One that may be there beside them, and is had with them if it is.
    pub beside: Option<String>,
}

/// The files, all at hand, in the order in which they were wanted.
pub struct Found {
    pub commit: String,
    pub paths: Vec<PathBuf>,
    /// What was wanted beside them, if it is there.
    pub beside: Option<PathBuf>,
}

/// The files of a repository; `None` where it does not have one of them.
///
/// # Errors
/// No such repository or revision, or what is not in the cache and cannot be downloaded.
pub fn lens_files(wanted: &Wanted, options: &HubOptions) -> Result<Option<Found>> {
    let id = Id::parse(&wanted.id)?.to_string();
    let settings = Settings::new(options);
    let address = match wanted.is_space {
        true => format!("spaces/{id}"),
        false => id.clone(),
    };
    let fetch = Fetch {
        folder: match wanted.is_space {
            true => Folder::of_space(&settings.cache, &id),
            false => Folder::new(&settings.cache, &id),
        },
        revision: Revision::parse(Some(&wanted.revision))?,
        about: About {
            id: address,
            revision: wanted.revision.clone(),
            hub: settings.shown_hub(),
            has_token: settings.token.is_some(),
            cache: settings.cache.clone(),
        },
        settings,
        wanted,
        options,
    };
    fetch.run()
}

struct Fetch<'a> {
    folder: Folder,
    revision: Revision,
    about: About,
    settings: Settings,
    wanted: &'a Wanted,
    options: &'a HubOptions,
}

impl Fetch<'_> {
    fn run(&self) -> Result<Option<Found>> {
        let cached = self.cached();
        if cached.is_some() && (!self.options.update || self.revision.is_commit()) {
            return Ok(cached);
        }
        if self.settings.offline {
            return match cached {
                Some(cached) => Ok(Some(cached)),
                None => Err(Error::failed(
                    format!(
                        "{} of {} {} not in the cache, and lens is offline.",
                        self.wanted.names.join(" and "),
                        self.about.id,
                        if self.wanted.names.len() > 1 { "are" } else { "is" }
                    ),
                    "Run the same command once without --offline (and without HF_HUB_OFFLINE) to download it.",
                )),
            };
        }
        match self.download() {
            Err(Failure::NoSuchFile) => Ok(None),
            Err(failure) if failure.is_silence() && cached.is_some() => {
                eprintln!(
                    "note: {} The cached version is used.",
                    failure.explain(&self.about).problem
                );
                Ok(cached)
            }
            other => other.map_err(|failure| failure.explain(&self.about)),
        }
    }

    fn cached(&self) -> Option<Found> {
        let commit = self.folder.commit(&self.revision)?;
        let paths = self.wanted.names.iter();
        let paths = paths
            .map(|name| self.folder.lookup(&commit, name))
            .collect::<Option<_>>()?;
        let beside = self.wanted.beside.as_ref();
        Some(Found {
            beside: beside.and_then(|name| self.folder.lookup(&commit, name)),
            commit,
            paths,
        })
    }

    fn download(&self) -> Outcome<Option<Found>> {
        let http = Http::open(&self.settings)?;
        let repository = Repository {
            http: &http,
            folder: &self.folder,
            id: &self.about.id,
            progress: self.options.progress,
        };
        let commit = match (&self.revision, self.wanted.names.first()) {
            (Revision::Commit(commit), _) => commit.clone(),
            (Revision::Name(revision), Some(name)) => repository.commit(revision, Some(name))?,
            (Revision::Name(_), None) => return Ok(None),
        };
        let mut paths = Vec::new();
        for name in &self.wanted.names {
            match repository.file(&commit, name)? {
                Some(path) => paths.push(path),
                None => return Ok(None),
            }
        }
        let beside = match &self.wanted.beside {
            Some(name) => repository.file(&commit, name)?,
            None => None,
        };
        self.folder.write_ref(&self.revision, &commit)?;
        Ok(Some(Found {
            commit,
            paths,
            beside,
        }))
    }
}
