//! Where a fitted lens comes from: a path on the command line becomes its files.

use std::path::{Path, PathBuf};

use super::hub::{self, HubOptions, Wanted};
use super::{Asset, published};
use crate::error::{Error, Result};

/// The files of a fitted lens.
#[derive(Debug, Clone)]
pub struct LensFiles {
    /// What people call it: the path as given.
    pub name: String,
    /// The commit hash of one from the hub.
    pub revision: Option<String>,
    /// Its matrices: a `.pt` or a `.safetensors` file.
    pub weights: Asset,
    /// What it says of itself in a file of its own.
    pub description: Option<Asset>,
    /// The model that it is published for, where that is how it was found.
    pub published_for: Option<String>,
    /// The SHA-256 of `weights`, where it is known without reading them.
    pub sha256: Option<String>,
}

impl LensFiles {
    /// The tuned lens that is published for a model of the hub.
    ///
    /// # Errors
    /// A model for which there is none, or what cannot be downloaded.
    pub fn published_tuned(model: &str, options: &HubOptions) -> Result<Self> {
        match Self::first_of(&published::tuned(model), options)? {
            Some(files) => Ok(files.published_for(model)),
            None => Err(no_published("tuned", model, "tuned=DIR")),
        }
    }

    /// The Jacobian lens that is published for a model of the hub.
    ///
    /// # Errors
    /// A model for which there is none, or what cannot be downloaded.
    pub fn published_jacobian(model: &str, options: &HubOptions) -> Result<Self> {
        match Self::first_of(&published::jacobian(model), options)? {
            Some(files) => Ok(files.published_for(model)),
            None => Err(no_published("Jacobian", model, "jacobian=FILE")),
        }
    }

    /// The first that there is. Where it cannot be known whether one is there, the others are looked for in the
    /// cache.
    fn first_of(all: &[Wanted], options: &HubOptions) -> Result<Option<Self>> {
        let mut options = options.clone();
        let mut unknown = None;
        for wanted in all {
            match Self::fetch(wanted, &options) {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(error) => {
                    unknown.get_or_insert(error);
                    options.offline = true;
                }
            }
        }
        unknown.map_or(Ok(None), Err)
    }

    fn published_for(self, model: &str) -> Self {
        Self {
            published_for: Some(model.to_string()),
            ..self
        }
    }

    /// The files of a repository, which were named.
    fn there(wanted: &Wanted, options: &HubOptions) -> Result<Self> {
        Self::fetch(wanted, options)?.ok_or_else(|| {
            Error::failed(
                format!("{} has no {}.", wanted.id, wanted.names.join(" and ")),
                "Check the path within the repository, or give a file here.",
            )
        })
    }

    /// The files of a repository: the matrices first, then what describes them.
    fn fetch(wanted: &Wanted, options: &HubOptions) -> Result<Option<Self>> {
        let Some(found) = hub::lens_files(wanted, options)? else {
            return Ok(None);
        };
        let name = wanted.names.first().map_or("", String::as_str);
        let mut paths = found.paths.into_iter();
        let Some(weights) = paths.next() else {
            return Ok(None);
        };
        let space = if wanted.is_space { SPACES } else { "" };
        Ok(Some(Self {
            name: format!("{space}{}/{name}", wanted.id),
            revision: Some(found.commit),
            published_for: None,
            sha256: sha256_of_a_blob(&weights),
            weights: weights.into(),
            description: paths.next().or(found.beside).map(Asset::from),
        }))
    }

    /// The files of the tuned lens in the directory `path`: `config.json`, and `params.pt` or
    /// `params.safetensors`.
    ///
    /// # Errors
    /// A path that is no directory, or one of the two missing in it.
    pub fn tuned(path: &str, options: &HubOptions) -> Result<Self> {
        let dir = Path::new(path);
        if let Some(place) = Place::of(path) {
            let folder = place.inner.strip_suffix("/params.pt").unwrap_or(&place.inner);
            let names = ["params.pt", "config.json"].map(|file| format!("{folder}/{file}"));
            return Self::there(&place.wanted(names.to_vec(), None), options);
        }
        if !dir.is_dir() {
            return Err(Error::failed(
                format!("There is no directory {path} with a tuned lens."),
                "Give the directory that holds its config.json and params.pt.",
            ));
        }
        let there = |name: &str| Some(dir.join(name)).filter(|path| path.is_file());
        let weights = there("params.pt").or_else(|| there("params.safetensors"));
        let (Some(weights), Some(config)) = (weights, there("config.json")) else {
            return Err(Error::failed(
                format!("{path} has no config.json, or no params.pt beside it."),
                "Give the directory that tuned-lens saved: both files are in it.",
            ));
        };
        Ok(Self {
            description: Some(config.into()),
            ..Self::of(path, weights)
        })
    }

    /// The files of the Jacobian lens at `path`: a `.pt` or `.safetensors` file, or a directory with one. A
    /// file's `.json` of the same name, or a directory's `manifest.json`, describes it.
    ///
    /// # Errors
    /// A path where there is none, or a directory with several.
    pub fn jacobian(path: &str, options: &HubOptions) -> Result<Self> {
        if let Some(place) = Place::of(path).filter(|place| is_a_file_of_matrices(Path::new(&place.inner))) {
            // A `.pt` describes itself.
            let json = (place.inner.strip_suffix(".safetensors")).map(|name| format!("{name}.json"));
            return Self::there(&place.wanted(vec![place.inner.clone()], json), options);
        }
        let weights = match Path::new(path) {
            dir if dir.is_dir() => the_one_in(dir)?,
            file if file.is_file() => file.to_path_buf(),
            _ => {
                return Err(Error::failed(
                    format!("There is no file or directory {path} with a Jacobian lens."),
                    "Give a .pt or .safetensors file, or the directory of one.",
                ));
            }
        };
        let own = weights.with_extension("json");
        let description = match own.is_file() {
            true => Some(own),
            false => manifest_of(&weights),
        };
        Ok(Self {
            description: description.map(Asset::from),
            ..Self::of(path, weights)
        })
    }

    fn of(name: &str, weights: PathBuf) -> Self {
        Self {
            name: name.to_string(),
            revision: None,
            weights: weights.into(),
            description: None,
            published_for: None,
            sha256: None,
        }
    }

    /// Where its files lie.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let assets = [Some(&self.weights), self.description.as_ref()];
        assets.into_iter().flatten().filter_map(Asset::path)
    }
}

/// A path in a repository of the hub: `owner/name/path`, of a space `spaces/owner/name/path`, at a revision
/// `owner/name@revision/path`.
struct Place {
    id: String,
    is_space: bool,
    revision: String,
    inner: String,
}

impl Place {
    /// The place that a path names, where nothing by that path is here.
    fn of(path: &str) -> Option<Self> {
        let is_plain = |part: &str| {
            !matches!(part, "" | "." | "..") && !part.contains(|c: char| c.is_control() || "\\:~".contains(c))
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_here = Path::new(path).exists() || Path::new(path.split('/').next()?).exists();
        if is_here || !path.split('/').all(is_plain) {
            return None;
        }
        let (is_space, rest) = match path.strip_prefix(SPACES) {
            Some(rest) => (true, rest),
            None => (false, path),
        };
        let mut parts = rest.splitn(3, '/');
        let (owner, name, inner) = (parts.next()?, parts.next()?, parts.next()?);
        let (name, revision) = match name.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (name, None),
        };
        let id = format!("{owner}/{name}");
        Some(Self {
            is_space,
            revision: revision
                .unwrap_or_else(|| published::revision_of(&id))
                .to_string(),
            inner: inner.to_string(),
            id,
        })
    }

    fn wanted(&self, names: Vec<String>, beside: Option<String>) -> Wanted {
        Wanted {
            id: self.id.clone(),
            is_space: self.is_space,
            revision: self.revision.clone(),
            names,
            beside,
        }
    }
}

/// What stands before the id of a space.
const SPACES: &str = "spaces/";

/// The `manifest.json` beside a file of matrices, where it is about that: it names the file, or there is no other.
fn manifest_of(weights: &Path) -> Option<PathBuf> {
    let manifest = weights.with_file_name("manifest.json");
    let name = file_name(weights);
    let is_alone = || {
        let folder = weights.parent().filter(|folder| !folder.as_os_str().is_empty());
        the_one_in(folder.unwrap_or(Path::new("."))).is_ok()
    };
    let names_it = |bytes: &[u8]| bytes.windows(name.len()).any(|part| part == name.as_bytes());
    // Of one that cannot be read, its reader says so.
    let is_about_it = |text: bytes::Bytes| names_it(&text) || is_alone();
    let text = Asset::from(manifest.clone()).read();
    (manifest.is_file() && text.map_or(true, is_about_it)).then_some(manifest)
}

fn is_a_file_of_matrices(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "pt" || e == "safetensors")
}

/// The SHA-256 of a file in the cache, whose blob has it as its name if it is large.
fn sha256_of_a_blob(path: &Path) -> Option<String> {
    let blob = path.canonicalize().ok()?;
    let name = blob.file_name()?.to_str()?;
    let is_hash = name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| name.to_string())
}

fn no_published(kind: &str, model: &str, named: &str) -> Error {
    Error::failed(
        format!("No {kind} lens is known to be published for {model}."),
        format!("Fit one, or name one: --lens {named}."),
    )
}

/// The one file of matrices in a directory.
fn the_one_in(dir: &Path) -> Result<PathBuf> {
    let unreadable = |e| Asset::File(dir.to_path_buf()).unreadable(&e);
    let mut found = Vec::new();
    for entry in dir.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_a_file_of_matrices(&path) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Error::failed(
            format!("{} has no .pt or .safetensors file.", dir.display()),
            "Give the file of a Jacobian lens, or the directory of one.",
        )),
        [first, second, ..] => Err(Error::usage(
            format!(
                "{} has several lenses: {} and {}.",
                dir.display(),
                file_name(first),
                file_name(second)
            ),
            "Give the file that is meant.",
        )),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
