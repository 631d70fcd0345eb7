//! A hub, a cache of its own and the models that the tests put on it.

use std::fs;
use std::path::{Path, PathBuf};

use logit_lens::error::{Error, Result};
use logit_lens::source::{HubOptions, ModelFiles, locate};
use tempfile::TempDir;

use crate::server::{Content, Files, Hub};

pub const ID: &str = "someone/tiny";
pub const OLD: &str = "1111111111111111111111111111111111111111";
pub const NEW: &str = "2222222222222222222222222222222222222222";
/// The size of the weights in the tests.
pub const LARGE: usize = 1_500_000;

/// One test's hub and cache.
pub struct Bench {
    pub hub: Hub,
    pub dir: TempDir,
}

impl Bench {
    /// A hub that has the plain model under `ID`.
    pub fn new() -> Self {
        Self::with(&plain())
    }

    pub fn with(files: &Files) -> Self {
        let hub = Hub::start();
        hub.commit(ID, "main", OLD, files);
        Self {
            hub,
            dir: TempDir::new().unwrap(),
        }
    }

    pub fn options(&self) -> HubOptions {
        HubOptions {
            endpoint: Some(self.hub.endpoint.clone()),
            cache_dir: Some(self.cache()),
            ..HubOptions::default()
        }
    }

    pub fn cache(&self) -> PathBuf {
        self.dir.path().join("hub")
    }

    /// The model's folder in the cache.
    pub fn folder(&self) -> PathBuf {
        self.cache().join("models--someone--tiny")
    }

    pub fn locate(&self) -> Result<ModelFiles> {
        locate(ID, &self.options())
    }

    /// The error of a download, which must be fit for a person whatever else it says.
    pub fn refused(&self, options: &HubOptions) -> Error {
        let error = locate(ID, options).unwrap_err();
        for sentence in [&error.problem, &error.remedy] {
            assert!(
                sentence.ends_with('.') && !sentence.contains('\n'),
                "{sentence:?}"
            );
            assert!(!sentence.contains("hf_secret"), "{sentence:?}");
        }
        error
    }

    /// What broken downloads have left.
    pub fn incomplete(&self) -> Vec<PathBuf> {
        let blobs = fs::read_dir(self.folder().join("blobs"))
            .into_iter()
            .flatten()
            .flatten();
        let paths = blobs.map(|entry| entry.path());
        paths
            .filter(|path| path.extension().is_some_and(|e| e == "incomplete"))
            .collect()
    }
}

pub fn small(text: &str) -> Content {
    Content {
        bytes: text.as_bytes().to_vec(),
        large: false,
    }
}

/// Bytes that differ everywhere, so that a wrong offset shows.
pub fn large(seed: u32, size: usize) -> Content {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    Content {
        bytes: (0..size).map(|_| next()).collect(),
        large: true,
    }
}

pub fn files<const N: usize>(files: [(&str, Content); N]) -> Files {
    files
        .into_iter()
        .map(|(name, content)| (name.to_string(), content))
        .collect()
}

/// A model with one file of weights, and some that lens has no use for.
pub fn plain() -> Files {
    files([
        ("config.json", small("{\"model_type\": \"gpt2\"}")),
        ("tokenizer.json", small("{\"version\": \"1.0\"}")),
        ("vocab.json", small("{}")),
        ("merges.txt", small("#version")),
        ("model.safetensors", large(1, LARGE)),
        ("pytorch_model.bin", large(2, 1000)),
        ("README.md", small("# Tiny")),
    ])
}

/// A model that can be read: a fixture, its weights as a large file.
pub fn real() -> Files {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gpt2");
    let file = |name: &str| Content {
        bytes: fs::read(dir.join(name)).unwrap(),
        large: name.ends_with(".safetensors"),
    };
    ["config.json", "tokenizer.json", "model.safetensors"]
        .map(|name| (name.to_string(), file(name)))
        .into_iter()
        .collect()
}

/// The weights of `plain`.
pub fn weights() -> Content {
    large(1, LARGE)
}

/// A model as Python leaves it in a cache: contents in blobs, links to them, the branch's commit.
pub fn write_python_cache(folder: &Path, commit: &str, files: &Files) {
    let (blobs, snapshot) = (folder.join("blobs"), folder.join("snapshots").join(commit));
    for dir in [&blobs, &snapshot, &folder.join("refs")] {
        fs::create_dir_all(dir).unwrap();
    }
    for (name, content) in files {
        fs::write(blobs.join(content.etag()), &content.bytes).unwrap();
        link(&blobs, &content.etag(), &snapshot.join(name));
    }
    fs::write(folder.join("refs/main"), commit).unwrap();
}

#[cfg(unix)]
fn link(_blobs: &Path, etag: &str, path: &Path) {
    std::os::unix::fs::symlink(Path::new("../../blobs").join(etag), path).unwrap();
}

/// Links need a privilege on Windows; Python copies there.
#[cfg(not(unix))]
fn link(blobs: &Path, etag: &str, path: &Path) {
    fs::copy(blobs.join(etag), path).unwrap();
}
