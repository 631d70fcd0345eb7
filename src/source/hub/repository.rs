//! One repository of the hub: the one way to a file of it, whoever needs it.

use std::path::PathBuf;

use super::answer::{Listing, Meta};
use super::cache::Folder;
use super::download::Download;
use super::failure::{Failure, Outcome};
use super::http::{Address, Http};
use crate::source::asset::LARGEST;

/// A repository over the network, with its folder in the cache.
pub struct Repository<'a> {
    pub http: &'a Http,
    pub folder: &'a Folder,
    /// `owner/name`, of a space with `spaces/` before it.
    pub id: &'a str,
    /// Whether to draw progress bars.
    pub progress: bool,
}

impl Repository<'_> {
    /// The commit that `revision` names now. The hub is asked for a file of it, `name`, or for a list of all.
    pub fn commit(&self, revision: &str, name: Option<&str>) -> Outcome<String> {
        match name {
            Some(name) => Ok(self.meta(revision, name)?.commit),
            None => Ok(self.listing(revision)?.commit),
        }
    }

    /// The files that `revision` has, by what the hub says.
    pub fn listing(&self, revision: &str) -> Outcome<Listing> {
        self.http.listing(self.id, revision)
    }

    /// Whether the hub has `commit` (still), asked as in [`Repository::commit`].
    pub fn has_commit(&self, commit: &str, name: Option<&str>) -> Outcome<bool> {
        match self.commit(commit, name) {
            Ok(_) => Ok(true),
            // The branch was rewritten.
            Err(Failure::NoSuchRevision) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The file `name` at `commit`, from the cache or downloaded: it has the length and the hash
    /// that the hub announced. `None` when the repository has no such file.
    ///
    /// Both names are safe to make paths of: `commit` has passed `is_commit`, and `name` is ours,
    /// or has passed the checks of `shard_names`, of `LensFiles` or of `Quantised::among`.
    pub fn file(&self, commit: &str, name: &str) -> Outcome<Option<PathBuf>> {
        if let Some(path) = self.folder.lookup(commit, name) {
            return Ok(Some(path));
        }
        let meta = match self.meta(commit, name) {
            Ok(meta) => meta,
            Err(Failure::NoSuchFile) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        self.check(&meta, commit, name)?;
        // One process at a time works on a file; whoever waited finds it done.
        let _lock = self.folder.lock(&meta.content, name, self.progress)?;
        if let Some(path) = self.folder.lookup(commit, name) {
            return Ok(Some(path));
        }
        if !self.folder.has(&meta.content) {
            let download = Download {
                http: self.http,
                file: self.address(commit, name),
                content: &meta.content,
                progress: self.progress,
            };
            download.run(&self.folder.blob(&meta.content))?;
        }
        self.folder.link(commit, name, &meta.content).map(Some)
    }

    /// The size of the file `name` at `commit`.
    pub fn size(&self, commit: &str, name: &str) -> Outcome<u64> {
        let meta = self.meta(commit, name)?;
        self.check(&meta, commit, name)?;
        Ok(meta.content.size)
    }

    /// Refuses an announcement that cannot be meant.
    fn check(&self, meta: &Meta, commit: &str, name: &str) -> Outcome<()> {
        if !meta.commit.eq_ignore_ascii_case(commit) {
            return Err(Failure::Nonsense("another commit than was asked for"));
        }
        let size = meta.content.size;
        let may_be_large = [".safetensors", ".gguf", ".pt"]
            .iter()
            .any(|ending| name.ends_with(ending));
        match size > LARGEST && !may_be_large {
            true => Err(Failure::TooLarge {
                name: name.to_string(),
                size,
            }),
            false => Ok(()),
        }
    }

    fn meta(&self, revision: &str, name: &str) -> Outcome<Meta> {
        self.http.meta(self.address(revision, name))
    }

    fn address<'b>(&'b self, revision: &'b str, name: &'b str) -> Address<'b> {
        Address {
            repo: self.id,
            revision,
            name,
        }
    }
}
