//! The ordinary Hugging Face cache, as hf-hub and Python's huggingface_hub keep it:
//! `blobs/<etag>` has the contents, `snapshots/<commit>/<name>` points to them, and
//! `refs/<revision>` has the commit that a branch or tag named last.
//!
//! Reading it needs no client, and so neither a network nor the certificates for one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::Repo;

use super::content::Content;
use super::failure::{Failure, Outcome};
use super::id::{Id, Revision, is_commit};

/// One model's folder in the cache.
pub struct Folder {
    dir: PathBuf,
    locks: PathBuf,
}

/// The ids of the models of which the cache at `root` has anything, in alphabetical order.
pub fn models(root: &Path) -> Vec<String> {
    let prefix = Repo::model(String::new()).folder_name();
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut ids: Vec<String> = entries
        .filter(|entry| entry.path().join("snapshots").is_dir())
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(name.strip_prefix(&prefix)?.replacen("--", "/", 1))
        })
        .filter(|id| Id::parse(id).is_ok())
        .collect();
    ids.sort_unstable();
    ids
}

impl Folder {
    /// The model `id` in the cache at `root`.
    pub fn new(root: &Path, id: &str) -> Self {
        let folder = Repo::model(id.to_string()).folder_name();
        Self {
            dir: root.join(&folder),
            locks: root.join(".locks").join(&folder),
        }
    }

    /// The space `id` in the cache at `root`.
    pub fn of_space(root: &Path, id: &str) -> Self {
        let folder = format!("spaces--{}", id.replace('/', "--"));
        Self {
            dir: root.join(&folder),
            locks: root.join(".locks").join(&folder),
        }
    }

    /// The commit that the cache knows for a revision, if it has anything of it.
    pub fn commit(&self, revision: &Revision) -> Option<String> {
        let commit = match revision {
            Revision::Commit(commit) => commit.clone(),
            Revision::Name(name) => self.read_ref(name)?,
        };
        self.snapshot(&commit).is_dir().then_some(commit)
    }

    fn read_ref(&self, name: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.dir.join("refs").join(name)).ok()?;
        Some(text.trim().to_string()).filter(|commit| is_commit(commit))
    }

    fn snapshot(&self, commit: &str) -> PathBuf {
        self.dir.join("snapshots").join(commit)
    }

    /// The file `name` at `commit`; a link to contents that are gone does not count.
    pub fn lookup(&self, commit: &str, name: &str) -> Option<PathBuf> {
        Some(self.snapshot(commit).join(name)).filter(|path| path.is_file())
    }

    /// The names of all files at `commit`, in the model's own directory and those below it.
    pub fn names(&self, commit: &str) -> Vec<String> {
        /// Directories in directories that are looked into; published models have one at most.
        const DEEPEST: usize = 4;
        let mut names = Vec::new();
        let mut directories = vec![(self.snapshot(commit), String::new(), 0)];
        while let Some((directory, prefix, depth)) = directories.pop() {
            for entry in directory.read_dir().into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let (path, name) = (entry.path(), format!("{prefix}{name}"));
                if path.is_file() {
                    names.push(name);
                } else if path.is_dir() && depth < DEEPEST {
                    directories.push((path, format!("{name}/"), depth + 1));
                }
            }
        }
        names
    }

    /// Where a content belongs.
    pub fn blob(&self, content: &Content) -> PathBuf {
        self.dir.join("blobs").join(content.hash())
    }

    /// Whether a content is there, of the length that it should have.
    pub fn has(&self, content: &Content) -> bool {
        let blob = self.blob(content).metadata();
        blob.is_ok_and(|file| file.is_file() && file.len() == content.size)
    }

    /// Makes a content that is there visible as the file `name` of `commit`: a link, or where the
    /// file system has none, what comes nearest.
    pub fn link(&self, commit: &str, name: &str, content: &Content) -> Outcome<PathBuf> {
        let (path, blob) = (self.snapshot(commit).join(name), self.blob(content));
        make_dir(path.parent().unwrap_or(&self.dir))?;
        // What `lookup` did not count: a link to contents that are gone.
        let _ = std::fs::remove_file(&path);
        let up: PathBuf = Path::new(name).components().map(|_| "..").collect();
        let relative = up.join("../blobs").join(content.hash());
        symlink(&relative, &path)
            .or_else(|_| std::fs::hard_link(&blob, &path))
            .or_else(|_| copy(&blob, &path))
            .map_err(|e| Failure::disk(&path, e))?;
        Ok(path)
    }

    /// The right to work on one file, held until the lock is dropped. It is the lock that hf-hub
    /// and Python take too, so that two processes never write to the same file.
    pub fn lock(&self, content: &Content, name: &str, talkative: bool) -> Outcome<File> {
        make_dir(&self.dir.join("blobs"))?;
        make_dir(&self.locks)?;
        let path = self.locks.join(format!("{}.lock", content.hash()));
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let file = opened.map_err(|e| Failure::disk(&path, e))?;
        let mut told = !talkative;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                // Some network file systems have no locks; contents are checked all the same.
                Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => {
                    return Ok(file);
                }
                Err(TryLockError::Error(e)) => return Err(Failure::disk(&path, e)),
                Err(TryLockError::WouldBlock) => {}
            }
            if !told {
                eprintln!("note: waiting for another process that is downloading {name}.");
                told = true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Remembers what a branch or tag names, for the next run and for Python. The file is replaced
    /// at once, so that nobody reads half a hash.
    pub fn write_ref(&self, revision: &Revision, commit: &str) -> Outcome<()> {
        let Revision::Name(name) = revision else {
            return Ok(());
        };
        if self.read_ref(name).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.dir.join("refs").join(name);
        make_dir(path.parent().unwrap_or(&self.dir))?;
        let new = self.dir.join(format!(".ref-{}", std::process::id()));
        std::fs::write(&new, commit)
            .and_then(|()| std::fs::rename(&new, &path))
            .map_err(|e| Failure::disk(&path, e))
    }
}

#[cfg(unix)]
fn symlink(to: &Path, path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, path)
}

/// Links need a privilege on Windows.
#[cfg(windows)]
fn symlink(to: &Path, path: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(to, path)
}

/// A copy that is there whole or not at all.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut new = to.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    std::fs::copy(from, &new).and_then(|_| std::fs::rename(&new, to))
}

pub fn make_dir(path: &Path) -> Outcome<()> {
    std::fs::create_dir_all(path).map_err(|e| Failure::disk(path, e))
}
