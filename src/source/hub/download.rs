//! Downloading one file so that nothing already received is asked for twice, and nothing is taken
//! that is not what was announced.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::digest::DynDigest;

use super::content::Content;
use super::failure::{Failure, Outcome};
use super::http::{Address, Body, Http};
use super::progress::Bar;
use super::retries::Retries;

/// The fewest bytes a second, over as long as the hub is waited for, of a download that goes on.
const SLOWEST: u64 = 1 << 10;

/// A file to download.
pub struct Download<'a> {
    pub http: &'a Http,
    pub file: Address<'a>,
    /// What the hub announced.
    pub content: &'a Content,
    /// Whether to draw a progress bar.
    pub progress: bool,
}

impl Download<'_> {
    /// Downloads to `blob`, which comes into being whole and checked, or not at all. What a broken
    /// download leaves beside it is continued by the next one.
    pub fn run(&self, blob: &Path) -> Outcome<()> {
        let mut partial = Partial::open(blob, self.content)?;
        if partial.len > self.content.size {
            partial.clear()?;
        }
        let inherited = partial.len > 0;
        let mut outcome = self.complete(&mut partial);
        if inherited && matches!(outcome, Err(Failure::Damaged { .. })) {
            // What lay there may have been something else: once from the beginning.
            partial.clear()?;
            outcome = self.complete(&mut partial);
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

    /// Appends until everything is there, over as many connections as it takes while they bring
    /// something new; then checks what is there.
    fn complete(&self, partial: &mut Partial) -> Outcome<()> {
        let bar = Bar::new(self.file.name, partial.len, self.content.size, self.progress);
        let mut retries = Retries::new();
        // An inherited file may be complete already.
        while partial.len < self.content.size {
            let failure = match self.receive(partial, &mut retries, &bar) {
                Ok(()) if partial.len == self.content.size => break,
                Ok(()) => Failure::Cut,
                Err(failure) if failure.is_passing() => failure,
                Err(failure) => return Err(failure),
            };
            if !retries.wait(&failure) {
                return Err(self.give_up(failure, partial.len));
            }
        }
        self.check(partial)
    }

    /// One connection.
    fn receive(&self, partial: &mut Partial, retries: &mut Retries, bar: &Bar) -> Outcome<()> {
        let mut body = self.http.body(self.file, partial.len)?;
        let before = partial.len;
        if body.start != before {
            // The server does not continue downloads, so that nothing of this is progress.
            partial.clear()?;
        }
        let appended = self.append(&mut body, partial, bar);
        if body.start == before {
            retries.progress(partial.len - before);
        }
        appended?;
        match partial.len < self.content.size && body.is_whole() {
            true => Err(self.damaged_length(partial.len)),
            false => Ok(()),
        }
    }

    fn append(&self, body: &mut Body<'_>, partial: &mut Partial, bar: &Bar) -> Outcome<()> {
        bar.set(partial.len);
        let mut pace = Pace::new(self.http.patience);
        loop {
            let since = Instant::now();
            let Some(chunk) = body.chunk()? else {
                return Ok(());
            };
            let chunk = chunk.as_ref();
            partial.append(chunk)?;
            bar.set(partial.len);
            if partial.len > self.content.size {
                return Err(self.damaged_length(partial.len));
            }
            if !pace.keeps_up(chunk.len() as u64, since.elapsed()) {
                return Err(Failure::Slow {
                    name: self.file.name.to_string(),
                    have: partial.len,
                    size: self.content.size,
                });
            }
        }
    }

    fn check(&self, partial: &mut Partial) -> Outcome<()> {
        if !self.content.has_digest(&partial.hasher.clone().finalize()) {
            return Err(self.damaged("its hash is not the one that the hub announces".to_string()));
        }
        // On some cluster file systems a lock is granted to everybody.
        if partial.len_on_disk()? != partial.len {
            return Err(self.damaged("another process wrote to it at the same time".to_string()));
        }
        Ok(())
    }

    fn damaged_length(&self, have: u64) -> Failure {
        let size = self.content.size;
        self.damaged(match have > size {
            true => format!("more than its {size} bytes came"),
            false => format!("only {have} of {size} bytes came"),
        })
    }

    fn damaged(&self, what: String) -> Failure {
        Failure::Damaged {
            name: self.file.name.to_string(),
            what,
        }
    }

    /// For a download that has begun, where it stands matters more than why it stopped.
    fn give_up(&self, failure: Failure, have: u64) -> Failure {
        match failure {
            Failure::Unreachable(_) if have == 0 => failure,
            Failure::Unreachable(_) | Failure::Cut => Failure::Broken {
                name: self.file.name.to_string(),
                have,
                size: self.content.size,
            },
            other => other,
        }
    }
}

/// Whether a body comes fast enough to be waited for.
struct Pace {
    window: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    fn new(window: Duration) -> Self {
        Self {
            window,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Counts `bytes` that took so long to come. Over each window of waiting it must be enough.
    fn keeps_up(&mut self, bytes: u64, waited: Duration) -> bool {
        self.bytes += bytes;
        self.waited += waited;
        if self.waited < self.window {
            return true;
        }
        let enough = self.bytes >= SLOWEST * self.window.as_secs();
        *self = Self::new(self.window);
        enough
    }
}

/// What has been received of a file: `<blob>.incomplete`, which is also where hf-hub and older
/// versions of Python's huggingface_hub leave it.
struct Partial {
    path: PathBuf,
    file: File,
    len: u64,
    /// Has seen everything in the file.
    hasher: Box<dyn DynDigest>,
    content: Content,
}

impl Partial {
    /// With what an earlier run left.
    fn open(blob: &Path, content: &Content) -> Outcome<Self> {
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
            hasher: content.hasher(),
            content: content.clone(),
            path,
        };
        let mut buffer = vec![0; 1 << 20];
        // What is too long is of no use, however long it is.
        while partial.len <= content.size {
            let read = partial.file.read(&mut buffer);
            match read.map_err(|e| Failure::disk(&partial.path, e))? {
                0 => break,
                n => partial.count(&buffer[..n]),
            }
        }
        Ok(partial)
    }

    fn len_on_disk(&self) -> Outcome<u64> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(|e| Failure::disk(&self.path, e))?;
        Ok(metadata.len())
    }

    fn append(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.file
            .write_all(bytes)
            .map_err(|e| Failure::disk(&self.path, e))?;
        self.count(bytes);
        Ok(())
    }

    fn count(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.hasher.update(bytes);
    }

    /// Forgets everything received. A handle that appends cannot do it on Windows.
    fn clear(&mut self) -> Outcome<()> {
        File::create(&self.path).map_err(|e| Failure::disk(&self.path, e))?;
        self.len = 0;
        self.hasher = self.content.hasher();
        Ok(())
    }

    /// Turns into the blob. The bytes are on the disk before the name is, whatever happens then.
    fn publish(self, blob: &Path) -> Outcome<()> {
        self.file
            .sync_all()
            .and_then(|()| std::fs::rename(&self.path, blob))
            .map_err(|e| Failure::disk(blob, e))
    }

    fn delete(self) -> Outcome<()> {
        std::fs::remove_file(&self.path).map_err(|e| Failure::disk(&self.path, e))
    }
}
