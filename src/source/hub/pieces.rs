//! Parts of a checkpoint, each fetched by its bytes and kept in a cache of lens's own: beside the hub's, since
//! Python would take a part of a file for the whole.
//!
//! `<commit>/<shard>.header` has the JSON that a shard begins with, `<commit>/<tensor>.tensor` the bytes of one
//! tensor as they lie in its shard.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::cache::make_dir;
use super::failure::{Failure, Outcome};
use super::http::Address;
use super::progress::Bar;
use super::repository::Repository;
use super::retries::Retries;

/// The longest header of a safetensors file, as the format has it.
const LONGEST_HEADER: u64 = 100_000_000;

/// One commit's folder in lens's own cache.
pub struct Pieces {
    dir: PathBuf,
}

impl Pieces {
    /// Beside the hub's cache at `hub`, for `commit` of the model `id`.
    pub fn new(hub: &Path, id: &str, commit: &str) -> Self {
        let root = hub.parent().unwrap_or(hub).join("lens");
        Self {
            dir: root
                .join(format!("models--{}", id.replace('/', "--")))
                .join(commit),
        }
    }

    /// The header of a shard that is there, and the shard's size.
    pub fn header(&self, shard: &str) -> Option<(Vec<u8>, u64)> {
        let kept = std::fs::read(self.path(shard, "header")).ok()?;
        let (size, header) = kept.split_at_checked(8)?;
        Some((header.to_vec(), u64::from_le_bytes(size.try_into().ok()?)))
    }

    /// A tensor of `size` bytes that is there.
    pub fn tensor(&self, name: &str, size: u64) -> Option<PathBuf> {
        let path = self.path(name, "tensor");
        let there = path.metadata().ok()?;
        (there.is_file() && there.len() == size).then_some(path)
    }

    /// A file of ours; names of shards and tensors may hold a slash and more.
    fn path(&self, name: &str, kind: &str) -> PathBuf {
        let plain = |c: char| match c.is_ascii_alphanumeric() || "._-".contains(c) {
            true => c.to_string(),
            false => format!("%{:X}", u32::from(c)),
        };
        let name: String = name.chars().map(plain).collect();
        self.dir.join(format!("{name}.{kind}"))
    }

    /// The header of the file `shard` of `commit`, and the file's size; fetched unless it is there.
    pub fn fetch_header(
        &self,
        repository: &Repository,
        commit: &str,
        shard: &str,
    ) -> Outcome<(Vec<u8>, u64)> {
        if let Some(kept) = self.header(shard) {
            return Ok(kept);
        }
        let size = repository.size(commit, shard)?;
        let read = |range: Range<u64>| whole(repository, commit, shard, range, size);
        let length: [u8; 8] =
            (read(0..8)?.try_into()).map_err(|_| Failure::Nonsense("a part that is no part"))?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER || length.saturating_add(8) > size {
            return Err(Failure::Nonsense("a file that is no safetensors"));
        }
        let header = read(8..8 + length)?;
        make_dir(&self.dir)?;
        let path = self.path(shard, "header");
        let new = self.path(shard, &format!("{}.new", std::process::id()));
        std::fs::write(&new, [&size.to_le_bytes()[..], &header].concat())
            .and_then(|()| std::fs::rename(&new, &path))
            .map_err(|e| Failure::disk(&path, e))?;
        Ok((header, size))
    }

    /// The bytes `range` of the file `shard` of `commit`, which are the tensor `name`: what an earlier run has
    /// left is continued.
    pub fn fetch_tensor(
        &self,
        repository: &Repository,
        commit: &str,
        shard: &str,
        name: &str,
        range: Range<u64>,
    ) -> Outcome<PathBuf> {
        make_dir(&self.dir)?;
        let path = self.path(name, "tensor");
        let wanted = range.end - range.start;
        let part = self.path(name, "incomplete");
        let disk = |e| Failure::disk(&part, e);
        let opened = OpenOptions::new().append(true).create(true).open(&part);
        let mut file = opened.map_err(disk)?;
        // Where there are no locks, two runs that fetch the same at once may spoil it; its length tells.
        let _ = file.lock();
        if let Some(path) = self.tensor(name, wanted) {
            return Ok(path);
        }
        let mut have = file.metadata().map_err(disk)?.len();
        if have > wanted {
            File::create(&part).map_err(disk)?;
            have = 0;
        }
        let size = repository.size(commit, shard)?;
        let bar = Bar::new(name, have, wanted, repository.progress);
        let mut retries = Retries::new();
        while have < wanted {
            let rest = range.start + have..range.end;
            let before = have;
            let mut take = |bytes: &[u8]| {
                have += bytes.len() as u64;
                if have > wanted {
                    return Err(Failure::Nonsense("more of a file than was asked for"));
                }
                bar.set(have);
                file.write_all(bytes).map_err(disk)
            };
            let failure = match stream(repository, commit, shard, rest, size, &mut take) {
                Ok(()) if have == wanted => break,
                Ok(()) => Failure::Cut,
                Err(failure) if failure.is_passing() => failure,
                Err(failure) => return Err(failure),
            };
            retries.progress(have - before);
            if !retries.wait(&failure) {
                return Err(match failure {
                    Failure::Cut => Failure::Broken {
                        name: name.to_string(),
                        have,
                        size: wanted,
                    },
                    other => other,
                });
            }
        }
        file.sync_all()
            .and_then(|()| std::fs::rename(&part, &path))
            .map_err(|e| Failure::disk(&path, e))?;
        self.tensor(name, wanted).ok_or(Failure::Damaged {
            name: name.to_string(),
            what: "another process wrote to it at the same time".to_string(),
        })
    }
}

/// The bytes `range` of a file of `size` bytes, which are few.
fn whole(
    repository: &Repository,
    commit: &str,
    name: &str,
    range: Range<u64>,
    size: u64,
) -> Outcome<Vec<u8>> {
    let mut retries = Retries::new();
    let wanted = (range.end - range.start) as usize;
    loop {
        let mut bytes = Vec::new();
        let mut take = |chunk: &[u8]| match bytes.len() + chunk.len() > wanted {
            true => Err(Failure::Nonsense("more of a file than was asked for")),
            false => {
                bytes.extend_from_slice(chunk);
                Ok(())
            }
        };
        let failure = match stream(repository, commit, name, range.clone(), size, &mut take) {
            Ok(()) if bytes.len() == wanted => return Ok(bytes),
            Ok(()) => Failure::Cut,
            Err(failure) => failure,
        };
        if !failure.is_passing() || !retries.wait(&failure) {
            return Err(failure);
        }
    }
}

/// Hands the bytes `range` of a file of `size` bytes to `take` as they come.
fn stream(
    repository: &Repository,
    commit: &str,
    name: &str,
    range: Range<u64>,
    size: u64,
    take: &mut dyn FnMut(&[u8]) -> Outcome<()>,
) -> Outcome<()> {
    let file = Address {
        repo: repository.id,
        revision: commit,
        name,
    };
    let mut body = repository.http.part(file, range, size)?;
    while let Some(chunk) = body.chunk()? {
        take(chunk.as_ref())?;
    }
    Ok(())
}
