//! A model on the Hugging Face hub, through the ordinary Hugging Face cache.
//!
//! The cache is asked first, and a model that is there whole costs no network request. What is
//! missing is downloaded at one commit: the cache's own if it knows the revision, else the hub's.

mod cache;
mod client;
mod failure;
mod http;
mod id;
mod patience;
mod progress;
mod settings;
mod transfer;

use std::fmt;
use std::path::PathBuf;

use super::ModelFiles;
use super::parts::{self, Incomplete, Missing};
use crate::error::{Error, Result};
use cache::Repo;
use client::Client;
use failure::{About, Failure};
use http::Meta;
use id::{Id, Revision};
use settings::Settings;

/// What is not yet explained to a person.
type Outcome<T> = std::result::Result<T, Failure>;

/// How the hub may be used.
#[derive(Clone, Default)]
pub struct HubOptions {
    /// A branch, a tag or a commit hash; the default branch when `None`.
    pub revision: Option<String>,
    /// Never touch the network (also when `HF_HUB_OFFLINE` says so).
    pub offline: bool,
    /// Ask the hub for a newer version even when the model is cached.
    pub update: bool,
    /// Draw progress bars on stderr.
    pub progress: bool,
    /// The hub's address; `HF_ENDPOINT` or huggingface.co when `None`.
    pub endpoint: Option<String>,
    /// The cache; `HF_HUB_CACHE`, `HF_HOME` or `~/.cache/huggingface/hub` when `None`.
    pub cache_dir: Option<PathBuf>,
    /// The access token; `HF_TOKEN` or its file when `None`.
    pub token: Option<String>,
}

/// Written by hand so that a token is never printed.
impl fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubOptions")
            .field("revision", &self.revision)
            .field("offline", &self.offline)
            .field("update", &self.update)
            .field("progress", &self.progress)
            .field("endpoint", &self.endpoint)
            .field("cache_dir", &self.cache_dir)
            .field("token", &self.token.as_ref().map(|_| "(hidden)"))
            .finish()
    }
}

/// The files of the hub model `id`, from the cache where they are there.
pub fn files(id: &str, options: &HubOptions) -> Result<ModelFiles> {
    let id = Id::parse(id)?;
    let revision = Revision::parse(options.revision.as_deref())?;
    let settings = Settings::new(options);
    let about = About {
        id: id.to_string(),
        revision: revision.to_string(),
        endpoint: settings.endpoint.clone(),
        has_token: settings.token.is_some(),
    };
    Hub {
        repo: Repo::new(&settings.cache, &about.id),
        // Python keeps what was asked for as `gpt2` under that name.
        legacy: id.legacy.map(|short| Repo::new(&settings.cache, short)),
        id,
        revision,
        about,
        settings,
        options,
    }
    .files()
}

/// One model of the hub, as one run of the program sees it.
struct Hub<'a> {
    id: Id,
    repo: Repo,
    legacy: Option<Repo>,
    revision: Revision,
    about: About,
    settings: Settings,
    options: &'a HubOptions,
}

impl Hub<'_> {
    fn files(&self) -> Result<ModelFiles> {
        let cached = self.cached()?;
        let current = !self.options.update || self.revision.is_commit();
        if let Cached::Whole(model) = &cached
            && current
        {
            return Ok(model.clone());
        }
        if self.settings.offline {
            return self.offline(cached);
        }
        let (client, commit) = match self.ask(&cached) {
            Ok(answer) => answer,
            Err(Failure::NoSuchFile) => return Err(failure::lacks(&Missing::Config, &self.about)),
            Err(failure) if failure.is_silence() => return self.without_answer(failure, cached),
            Err(failure) => return Err(self.explain(failure)),
        };
        match cached {
            Cached::Whole(model) if model.revision.as_ref() == Some(&commit) => Ok(model),
            _ => self.download(&client, &commit),
        }
    }

    /// What the cache holds of the revision, under the full name or the legacy one.
    fn cached(&self) -> Result<Cached> {
        let cached = self.cached_in(&self.repo)?;
        if let (Cached::Nothing | Cached::Partly(..), Some(legacy)) = (&cached, &self.legacy)
            && let whole @ Cached::Whole(_) = self.cached_in(legacy)?
        {
            return Ok(whole);
        }
        Ok(cached)
    }

    fn cached_in(&self, repo: &Repo) -> Result<Cached> {
        let Some(commit) = repo.commit(&self.revision) else {
            return Ok(Cached::Nothing);
        };
        let found = parts::assemble(&self.about.id, &mut |name| Ok(repo.lookup(&commit, name)));
        match found {
            Ok(model) => Ok(Cached::Whole(at(model, &commit))),
            Err(Incomplete::Lacks(missing)) => Ok(Cached::Partly(commit, missing)),
            Err(Incomplete::Error(error)) => Err(error),
        }
    }

    /// A client for the hub, and the commit to download from it.
    fn ask(&self, cached: &Cached) -> Outcome<(Client, String)> {
        let Settings {
            endpoint,
            cache,
            token,
            ..
        } = &self.settings;
        let client = Client::open(endpoint, cache, token.clone(), &self.id)?;
        let commit = self.commit(&client, cached)?;
        Ok((client, commit))
    }

    /// The commit to download: the cached one, so that a half-downloaded model is completed, or
    /// the one the revision now names.
    fn commit(&self, client: &Client, cached: &Cached) -> Outcome<String> {
        if let Revision::Commit(commit) = &self.revision {
            return Ok(commit.clone());
        }
        if let (Cached::Partly(commit, _), false) = (cached, self.options.update) {
            match self.meta(client, commit, "config.json") {
                // The branch was rewritten and its old commit is gone: ask what it names now.
                Err(Failure::NoSuchRevision) => {}
                Err(failure) => return Err(failure),
                Ok(_) => return Ok(commit.clone()),
            }
        }
        let name = self.revision.to_string();
        Ok(self.meta(client, &name, "config.json")?.commit)
    }

    fn meta(&self, client: &Client, revision: &str, name: &str) -> Outcome<Meta> {
        client.http.meta(&self.about.id, revision, name)
    }

    /// Everything at `commit`, and the revision's name for it once everything is there.
    fn download(&self, client: &Client, commit: &str) -> Result<ModelFiles> {
        let found = parts::assemble(&self.about.id, &mut |name| {
            self.fetch(client, commit, name)
                .map_err(|failure| self.explain(failure))
        });
        let model = found.map_err(|incomplete| match incomplete {
            Incomplete::Lacks(missing) => failure::lacks(&missing, &self.about),
            Incomplete::Error(error) => error,
        })?;
        self.repo
            .write_ref(&self.revision, commit)
            .map_err(|f| self.explain(f))?;
        Ok(at(model, commit))
    }

    /// One file at `commit`, downloaded unless it is cached; `None` when the model has no such file.
    fn fetch(&self, client: &Client, commit: &str, name: &str) -> Outcome<Option<PathBuf>> {
        if let Some(path) = self.repo.lookup(commit, name) {
            return Ok(Some(path));
        }
        let meta = match self.meta(client, commit, name) {
            Ok(meta) => meta,
            Err(Failure::NoSuchFile) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        // One process at a time works on a file; whoever waited finds it done.
        let _lock = self.repo.lock(&meta.etag, name, self.options.progress)?;
        if let Some(path) = self.repo.lookup(commit, name) {
            return Ok(Some(path));
        }
        let blob = self.repo.blob(&meta.etag);
        if !blob.exists() {
            let job = transfer::Job {
                http: &client.http,
                repo: &self.about.id,
                commit,
                name,
                meta: &meta,
                progress: self.options.progress,
            };
            job.complete(&blob)?;
        }
        client.publish(commit, name).map(Some)
    }

    /// The network may not be used, and the cache does not answer the request as it was made.
    fn offline(&self, cached: Cached) -> Result<ModelFiles> {
        let lacking = match cached {
            Cached::Whole(model) => {
                eprintln!("note: lens is offline, so {} was not updated.", self.about.id);
                return Ok(model);
            }
            Cached::Partly(_, missing) => format!("is only partly in the cache (no {missing})"),
            Cached::Nothing => "is not in the cache".to_string(),
        };
        Err(Error::failed(
            format!("{} {lacking}, and lens is offline.", self.about.model()),
            "Run the same command once without --offline (and without HF_HUB_OFFLINE) to download it.",
        ))
    }

    /// The hub cannot be asked: the cached version will do if there is one.
    fn without_answer(&self, failure: Failure, cached: Cached) -> Result<ModelFiles> {
        let error = self.explain(failure);
        match cached {
            Cached::Whole(model) => {
                eprintln!("note: {} The cached version is used.", error.problem);
                Ok(model)
            }
            _ => Err(error),
        }
    }

    fn explain(&self, failure: Failure) -> Error {
        failure.explain(&self.about)
    }
}

/// The model, which is that of `commit`.
fn at(model: ModelFiles, commit: &str) -> ModelFiles {
    ModelFiles {
        revision: Some(commit.to_string()),
        ..model
    }
}

/// What the cache holds of one revision.
enum Cached {
    Whole(ModelFiles),
    Partly(String, Missing),
    Nothing,
}
