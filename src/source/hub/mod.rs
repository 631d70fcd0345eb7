//! A model on the Hugging Face hub, through the ordinary Hugging Face cache.
//!
//! The cache is asked first, and a model that is there whole costs no network request. What is
//! missing is downloaded at one commit: the cache's own if it knows the revision, else the hub's.

#[doc(hidden)]
pub mod answer;
mod cache;
mod content;
mod download;
mod failure;
mod gguf;
mod http;
mod id;
mod lens;
mod near;
mod outline;
mod pieces;
mod progress;
mod repository;
mod retries;
mod settings;

use std::fmt;
use std::path::PathBuf;

use super::parts::{self, CONFIG, Incomplete, Missing};
use super::{Asset, ModelFiles};
use crate::error::{Error, Result};
use cache::Folder;
use failure::{About, Failure, Outcome};
use http::Http;
use id::{Id, Revision};
use repository::Repository;
use settings::Settings;

pub use lens::{Wanted, lens_files};

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

/// The ids of the hub models of which the cache holds anything, and their short names, in alphabetical order.
pub fn cached(options: &HubOptions) -> Vec<String> {
    let mut names = cache::models(&Settings::new(options).cache);
    let short = names.iter().filter_map(|name| Id::parse(name).ok()?.legacy);
    names.extend(short.map(str::to_string).collect::<Vec<_>>());
    names.sort_unstable();
    names.dedup();
    names
}

/// The files of the hub model `name`, from the cache where they are there: `owner/name` or, of one in GGUF,
/// `owner/name:TYPE`.
pub fn files(name: &str, options: &HubOptions) -> Result<ModelFiles> {
    let model = Model::new(name, options)?;
    model.files().map_err(|error| model.without_token(error))
}

/// The files of the hub model `id` without its weights, unless these are in the cache.
pub fn outline(id: &str, options: &HubOptions) -> Result<ModelFiles> {
    let model = Model::new(id, options)?;
    model.outline().map_err(|error| model.without_token(error))
}

/// Fetches tensors of the outlined model that `files` are of.
pub fn fetch(files: &mut ModelFiles, names: &[String], options: &HubOptions) -> Result<()> {
    if files.outline.is_none() {
        return Ok(());
    }
    let model = Model::new(&files.name, options)?;
    model
        .fetch(files, names)
        .map_err(|error| model.without_token(error))
}

/// One model of the hub, as one run of the program sees it.
struct Model<'a> {
    about: About,
    folder: Folder,
    legacy: Option<Folder>,
    /// The type of the GGUF file that is meant.
    quantised: Option<String>,
    revision: Revision,
    settings: Settings,
    options: &'a HubOptions,
}

impl<'a> Model<'a> {
    fn new(name: &str, options: &'a HubOptions) -> Result<Self> {
        let (id, quantised) = gguf::parse(name)?;
        let settings = Settings::new(options);
        let id = Id::parse(id).map_err(|error| match near::nearest(id, &settings.cache) {
            Some(near) => Error::usage(error.problem, format!("Did you mean {near}?")),
            None => error,
        })?;
        let revision = Revision::parse(options.revision.as_deref())?;
        Ok(Self {
            about: About {
                id: id.to_string(),
                revision: revision.to_string(),
                hub: settings.shown_hub(),
                has_token: settings.token.is_some(),
                cache: settings.cache.clone(),
            },
            folder: Folder::new(&settings.cache, &id.to_string()),
            // Python keeps what was asked for as `gpt2` under that name.
            legacy: id.legacy.map(|short| Folder::new(&settings.cache, short)),
            quantised: quantised.map(str::to_string),
            revision,
            settings,
            options,
        })
    }

    fn files(&self) -> Result<ModelFiles> {
        let cached = self.cached()?;
        let current = !self.options.update || self.revision.is_commit();
        if let Cached::Whole(files) = &cached
            && current
        {
            return Ok(*files.clone());
        }
        if self.settings.offline {
            return self.offline(cached);
        }
        let (http, commit) = match self.ask(&cached) {
            Ok(answer) => answer,
            Err(Failure::NoSuchFile) => return Err(self.lacks(&Missing::Config)),
            Err(failure) if failure.is_silence() => return self.without_answer(failure, cached),
            Err(failure) => return Err(failure.explain(&self.about)),
        };
        match cached {
            Cached::Whole(files) if files.revision.as_ref() == Some(&commit) => Ok(*files),
            _ => self.download(&http, &commit),
        }
    }

    /// What the cache holds of the revision, under the full name or the legacy one.
    fn cached(&self) -> Result<Cached> {
        let cached = self.cached_in(&self.folder)?;
        if let (Cached::Nothing | Cached::Partly(..), Some(legacy)) = (&cached, &self.legacy)
            && let whole @ Cached::Whole(_) = self.cached_in(legacy)?
        {
            return Ok(whole);
        }
        Ok(cached)
    }

    fn cached_in(&self, folder: &Folder) -> Result<Cached> {
        let Some(commit) = folder.commit(&self.revision) else {
            return Ok(Cached::Nothing);
        };
        let names = &mut || Ok(folder.names(&commit));
        match self.assemble(&commit, names, &mut |name| Ok(folder.lookup(&commit, name))) {
            Ok(files) => Ok(Cached::Whole(Box::new(files))),
            Err(Incomplete::Lacks(missing)) => Ok(Cached::Partly(commit, missing)),
            Err(Incomplete::Error(error)) => Err(error),
        }
    }

    /// A connection to the hub, and the commit to download from it.
    fn ask(&self, cached: &Cached) -> Outcome<(Http, String)> {
        let http = Http::open(&self.settings)?;
        let commit = self.commit(&self.repository(&http), cached)?;
        Ok((http, commit))
    }

    /// The commit to download: the cached one, so that a half-downloaded model is completed, or
    /// the one the revision now names.
    fn commit(&self, repository: &Repository, cached: &Cached) -> Outcome<String> {
        if let Revision::Commit(commit) = &self.revision {
            return Ok(commit.clone());
        }
        // A repository of GGUF files may have no other.
        let name = self.quantised.is_none().then_some(CONFIG);
        if let (Cached::Partly(commit, _), false) = (cached, self.options.update)
            && repository.has_commit(commit, name)?
        {
            return Ok(commit.clone());
        }
        repository.commit(&self.revision.to_string(), name)
    }

    /// Everything at `commit`, and the revision's name for it once everything is there.
    fn download(&self, http: &Http, commit: &str) -> Result<ModelFiles> {
        let repository = self.repository(http);
        let explain = |failure: Failure| failure.explain(&self.about);
        let names = &mut || Ok(repository.listing(commit).map_err(explain)?.names);
        let files = self.assemble(commit, names, &mut |name| {
            repository.file(commit, name).map_err(explain)
        });
        let files = files.map_err(|incomplete| match incomplete {
            Incomplete::Lacks(missing) => self.lacks(&missing),
            Incomplete::Error(error) => error,
        })?;
        self.folder.write_ref(&self.revision, commit).map_err(explain)?;
        Ok(files)
    }

    fn repository<'b>(&'b self, http: &'b Http) -> Repository<'b> {
        Repository {
            http,
            folder: &self.folder,
            id: &self.about.id,
            progress: self.options.progress,
        }
    }

    /// What there is to say of a model on the hub that lacks something.
    fn lacks(&self, missing: &Missing) -> Error {
        let types = || {
            let http = Http::open(&self.settings).ok()?;
            let listing = self.repository(&http).listing(&self.revision.to_string()).ok()?;
            Some(gguf::types(&gguf::Quantised::among(&listing.names)))
        };
        match self.quantised.is_none().then(types).flatten() {
            Some(types) if !types.is_empty() => failure::only_gguf(&types, &self.about),
            _ => failure::lacks(missing, &self.about),
        }
    }

    /// The files at `commit`: `names` has the names of all that there are, `get` brings one here.
    fn assemble(
        &self,
        commit: &str,
        names: &mut dyn FnMut() -> Result<Vec<String>>,
        get: &mut dyn FnMut(&str) -> Result<Option<PathBuf>>,
    ) -> std::result::Result<ModelFiles, Incomplete> {
        let files = match &self.quantised {
            None => parts::assemble(&self.about.id, get)?,
            Some(wanted) => {
                let mut parts = Vec::new();
                for name in gguf::choose(&gguf::Quantised::among(&names()?), wanted, &self.about)?.files {
                    parts.push(Asset::from(get(&name)?.ok_or(Missing::Shard(name))?));
                }
                super::gguf::model(&format!("{}:{wanted}", self.about.id), parts)?
            }
        };
        Ok(ModelFiles {
            revision: Some(commit.to_string()),
            ..files
        })
    }

    /// The network may not be used, and the cache does not answer the request as it was made.
    fn offline(&self, cached: Cached) -> Result<ModelFiles> {
        if let (Cached::Partly(commit, _), None) = (&cached, &self.quantised) {
            let types = gguf::types(&gguf::Quantised::among(&self.folder.names(commit)));
            if !types.is_empty() {
                return Err(failure::only_gguf(&types, &self.about));
            }
        }
        let lacking = match cached {
            Cached::Whole(files) => {
                eprintln!("note: lens is offline, so {} was not updated.", self.about.id);
                return Ok(*files);
            }
            Cached::Partly(_, missing) => format!("is only partly in the cache (no {missing})"),
            Cached::Nothing => "is not in the cache".to_string(),
        };
        let online =
            "Run the same command once without --offline (and without HF_HUB_OFFLINE) to download it";
        Err(Error::failed(
            format!("{} {lacking}, and lens is offline.", self.about.model()),
            match self.about.near() {
                Some(near) => format!("{online}, or did you mean {near}, which is there?"),
                None => format!("{online}."),
            },
        ))
    }

    /// The hub cannot be asked: the cached version will do if there is one.
    fn without_answer(&self, failure: Failure, cached: Cached) -> Result<ModelFiles> {
        let error = failure.explain(&self.about);
        match cached {
            Cached::Whole(files) => {
                eprintln!("note: {} The cached version is used.", error.problem);
                Ok(*files)
            }
            _ => Err(error),
        }
    }

    /// A message without the token, which a hub can put into the names that it sends.
    fn without_token(&self, error: Error) -> Error {
        let Some(token) = &self.settings.token else {
            return error;
        };
        Error {
            problem: error.problem.replace(token, "(token)"),
            remedy: error.remedy.replace(token, "(token)"),
            ..error
        }
    }
}

/// What the cache holds of one revision.
enum Cached {
    Whole(Box<ModelFiles>),
    /// The commit, and what is missing of it.
    Partly(String, Missing),
    Nothing,
}
