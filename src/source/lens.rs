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
        match Self::fetch(&published::tuned(model), options)? {
            Some(files) => Ok(files.published_for(model)),
            None => Err(no_published("tuned", model, "tuned=DIR")),
        }
    }

    /// The Jacobian lens that is published for a model of the hub.
    ///
    /// # Errors
    /// A model for which there is none, or what cannot be downloaded.
    pub fn published_jacobian(model: &str, options: &HubOptions) -> Result<Self> {
        for wanted in published::jacobian(model) {
            if let Some(files) = Self::fetch(&wanted, options)? {
                return Ok(files.published_for(model));
            }
        }
        Err(no_published("Jacobian", model, "jacobian=FILE"))
    }

    fn published_for(self, model: &str) -> Self {
        Self {
            published_for: Some(model.to_string()),
            ..self
        }
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
        let space = if wanted.is_space { "spaces/" } else { "" };
        Ok(Some(Self {
            name: format!("{space}{}/{name}", wanted.id),
            revision: Some(found.commit),
            published_for: None,
            sha256: sha256_of_a_blob(&weights),
            weights: weights.into(),
            description: paths.next().map(Asset::from),
        }))
    }

    /// The files of the tuned lens in the directory `path`: `config.json`, and `params.pt` or
    /// `params.safetensors`.
    ///
    /// # Errors
    /// A path that is no directory, or one of the two missing in it.
    pub fn tuned(path: &str, options: &HubOptions) -> Result<Self> {
        let dir = Path::new(path);
        if let Some(wanted) = in_a_repository(path, |folder| {
            ["params.pt", "config.json"]
                .map(|file| format!("{folder}{file}"))
                .to_vec()
        }) {
            return Self::fetch(&wanted, options)?.ok_or_else(|| not_there(&wanted));
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
        let file = |file: &str| vec![file.trim_end_matches('/').to_string()];
        if let Some(wanted) = in_a_repository(path, file).filter(|_| is_a_file_of_matrices(Path::new(path))) {
            return Self::fetch(&wanted, options)?.ok_or_else(|| not_there(&wanted));
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
        let beside = [
            weights.with_extension("json"),
            weights.with_file_name("manifest.json"),
        ];
        let description = beside.into_iter().find(|path| path.is_file());
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

/// What is wanted of a repository of the hub where a path is `owner/name/path`, and nothing by that path is here.
/// `names` makes the files of the path within it, which ends in a slash.
fn in_a_repository(path: &str, names: impl Fn(&str) -> Vec<String>) -> Option<Wanted> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_plain = |part: &str| {
        !matches!(part, "" | "." | "..") && !part.contains(|c: char| c.is_control() || "\\:~".contains(c))
    };
    let is_here = Path::new(path).exists() || Path::new(parts.first()?).exists();
    let [owner, name, inner @ ..] = parts.as_slice() else {
        return None;
    };
    if inner.is_empty() || is_here || !parts.iter().all(|part| is_plain(part)) {
        return None;
    }
    Some(Wanted {
        id: format!("{owner}/{name}"),
        is_space: false,
        revision: "main".to_string(),
        names: names(&format!("{}/", inner.join("/"))),
    })
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

fn not_there(wanted: &Wanted) -> Error {
    Error::failed(
        format!("{} has no {}.", wanted.id, wanted.names.join(" and ")),
        "Check the path within the repository, or give a file here.",
    )
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

/// Names of one model that differ by more than its owner.
const ALIASES: [(&str, &str); 6] = [
    ("gpt2-small", "gpt2"),
    ("meta-llama-3-8b", "llama-3-8b"),
    ("meta-llama-3-8b-instruct", "llama-3-8b-instruct"),
    ("meta-llama-3.1-8b", "llama-3.1-8b"),
    ("meta-llama-3.1-8b-instruct", "llama-3.1-8b-instruct"),
    ("meta-llama-3.1-70b", "llama-3.1-70b"),
];

/// Whether two names are of one model: the same hub id, with or without its owner, capitals or not.
pub fn names_one_model(one: &str, other: &str) -> bool {
    let parts = |name: &str| {
        let name = name.trim().trim_end_matches('/').to_ascii_lowercase();
        let (owner, name) = match name.rsplit_once('/') {
            Some((owner, name)) => (Some(owner.to_string()), name.to_string()),
            None => (None, name),
        };
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        (owner, alias.map_or(name, |(_, name)| name.to_string()))
    };
    let ((owner, name), (other_owner, other_name)) = (parts(one), parts(other));
    let same_owner = owner == other_owner || owner.is_none() || other_owner.is_none();
    name == other_name && same_owner
}

#[cfg(test)]
mod tests {
    use super::names_one_model;

    #[test]
    fn a_model_has_several_names() {
        for (one, other, same) in [
            ("gpt2", "openai-community/gpt2", true),
            ("gpt2-small", "openai-community/gpt2", true),
            ("EleutherAI/pythia-70m", "EleutherAI/Pythia-70m", true),
            ("meta-llama/Llama-3.1-8B", "meta-llama/Meta-Llama-3.1-8B", true),
            ("gpt2", "openai-community/gpt2-xl", false),
            ("someone/gpt2", "openai-community/gpt2", false),
        ] {
            assert_eq!(names_one_model(one, other), same, "{one} {other}");
            assert_eq!(names_one_model(other, one), same, "{other} {one}");
        }
    }
}
