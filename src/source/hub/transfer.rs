//! Downloading one file so that nothing already received is asked for twice.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::http::{Body, Http, Meta};
use super::patience::Patience;
use super::progress::Bar;

type Result<T> = std::result::Result<T, Failure>;

/// The most bytes of a file whose length the hub does not say.
const UNANNOUNCED: u64 = 512 << 20;

/// A file to download.
pub struct Job<'a> {
    pub http: &'a Http,
    pub repo: &'a str,
    pub commit: &'a str,
    pub name: &'a str,
    pub meta: &'a Meta,
    pub progress: bool,
}

impl Job<'_> {
    /// Downloads to `blob`, which comes into being whole or not at all. What a broken download
    /// leaves beside it is continued by the next one.
    pub fn complete(&self, blob: &Path) -> Result<()> {
        let mut partial = Partial::open(blob, is_sha256(&self.meta.etag))?;
        if self.meta.size.is_some_and(|size| partial.len > size) {
            partial.clear()?;
        }
        let inherited = partial.len > 0;
        let mut outcome = self.pull(&mut partial);
        if inherited && matches!(outcome, Err(Failure::Damaged { .. })) {
            // What lay there may have been something else: once from the beginning.
            partial.clear()?;
            outcome = self.pull(&mut partial);
        }
        match outcome {
            Ok(()) => partial.publish(blob),
            Err(damaged @ Failure::Damaged { .. }) => {
                partial.delete()?;
                Err(damaged)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Appends until everything is there, over as many connections as it takes while each brings
    /// something new; then checks what is there.
    fn pull(&self, partial: &mut Partial) -> Result<()> {
        let bar = Bar::new(self.name, partial.len, self.meta.size, self.progress);
        let mut patience = Patience::new();
        let mut furthest = partial.len;
        // An inherited file may be complete already.
        while self.meta.size.is_none_or(|size| partial.len < size) {
            let failure = match self.receive(partial, &bar) {
                Ok(()) if self.meta.size.is_none_or(|size| partial.len >= size) => break,
                Ok(()) => Failure::Cut,
                Err(failure) if failure.is_passing() => failure,
                Err(failure) => return Err(failure),
            };
            if partial.len > furthest {
                furthest = partial.len;
                patience.renew();
            }
            if !patience.wait(&failure) {
                return Err(self.give_up(failure, partial.len));
            }
        }
        self.check(partial)
    }

    /// One connection.
    fn receive(&self, partial: &mut Partial, bar: &Bar) -> Result<()> {
        let mut body = self.http.body(self.repo, self.commit, self.name, partial.len)?;
        if body.start != partial.len {
            // The server does not continue downloads.
            partial.clear()?;
        }
        self.append(&mut body, partial, bar)?;
        match self.meta.size {
            Some(size) if partial.len < size && body.is_whole() => Err(self.damaged(partial.len)),
            _ => Ok(()),
        }
    }

    fn append(&self, body: &mut Body<'_>, partial: &mut Partial, bar: &Bar) -> Result<()> {
        bar.set(partial.len);
        while let Some(chunk) = body.chunk()? {
            partial.append(chunk.as_ref())?;
            bar.set(partial.len);
            if partial.len > self.meta.size.unwrap_or(UNANNOUNCED) {
                return Err(self.damaged(partial.len));
            }
        }
        Ok(())
    }

    fn check(&self, partial: &mut Partial) -> Result<()> {
        let sha256 = partial.sha256();
        let what = if sha256.is_some_and(|sha256| !sha256.eq_ignore_ascii_case(&self.meta.etag)) {
            "its sha256 is not the one that the hub announces"
        } else if partial.len_on_disk()? != partial.len {
            // On some cluster file systems a lock is granted to everybody.
            "another process wrote to it at the same time"
        } else {
            return Ok(());
        };
        Err(Failure::Damaged {
            name: self.name.to_string(),
            what: what.to_string(),
        })
    }

    fn damaged(&self, have: u64) -> Failure {
        let size = self.meta.size.unwrap_or(UNANNOUNCED);
        Failure::Damaged {
            name: self.name.to_string(),
            what: match have > size {
                true => format!("more than its {size} bytes came"),
                false => format!("only {have} of {size} bytes came"),
            },
        }
    }

    /// For a download that has begun, where it stands matters more than why it stopped.
    fn give_up(&self, failure: Failure, have: u64) -> Failure {
        match failure {
            Failure::Unreachable(_) if have == 0 => failure,
            Failure::Unreachable(_) | Failure::Cut => Failure::Broken {
                name: self.name.to_string(),
                have,
                size: self.meta.size,
            },
            other => other,
        }
    }
}

/// What has been received of a file: `<blob>.incomplete`, which is also where hf-hub and older
/// versions of Python's huggingface_hub leave it.
struct Partial {
    path: PathBuf,
    file: File,
    len: u64,
    /// Over everything in the file, where there is something to compare it with.
    hash: Option<Sha256>,
}

impl Partial {
    fn open(blob: &Path, hashed: bool) -> Result<Self> {
        let mut path = blob.as_os_str().to_owned();
        path.push(".incomplete");
        let path = PathBuf::from(path);
        let opened = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path);
        let mut partial = Self {
            file: opened.map_err(|e| Failure::disk(&path, e))?,
            len: 0,
            hash: hashed.then(Sha256::new),
            path,
        };
        partial.take_stock()?;
        Ok(partial)
    }

    /// Counts and hashes what an earlier run left.
    fn take_stock(&mut self) -> Result<()> {
        if self.hash.is_none() {
            self.len = self.len_on_disk()?;
            return Ok(());
        }
        let mut buffer = vec![0; 1 << 20];
        loop {
            match self
                .file
                .read(&mut buffer)
                .map_err(|e| Failure::disk(&self.path, e))?
            {
                0 => return Ok(()),
                n => self.count(&buffer[..n]),
            }
        }
    }

    fn len_on_disk(&self) -> Result<u64> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(|e| Failure::disk(&self.path, e))?;
        Ok(metadata.len())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|e| Failure::disk(&self.path, e))?;
        self.count(bytes);
        Ok(())
    }

    fn count(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
    }

    /// Forgets everything received.
    fn clear(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(|e| Failure::disk(&self.path, e))?;
        self.len = 0;
        self.hash = self.hash.is_some().then(Sha256::new);
        Ok(())
    }

    /// In hexadecimal, as etags have it.
    fn sha256(&self) -> Option<String> {
        let digest = self.hash.clone()?.finalize();
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Turns into the blob. The bytes are on the disk before the name is, whatever happens then.
    fn publish(self, blob: &Path) -> Result<()> {
        self.file
            .sync_all()
            .and_then(|()| std::fs::rename(&self.path, blob))
            .map_err(|e| Failure::disk(blob, e))
    }

    fn delete(self) -> Result<()> {
        std::fs::remove_file(&self.path).map_err(|e| Failure::disk(&self.path, e))
    }
}

/// Large files have their sha256 as etag, small ones a git hash.
fn is_sha256(etag: &str) -> bool {
    etag.len() == 64 && etag.bytes().all(|b| b.is_ascii_hexdigit())
}
