//! Files that are written beside the ones asked for, and take their names when they are whole.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

/// Where a path leads, whether something is there yet or not: the same for two ways to write it.
pub fn place(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let there = path.canonicalize().ok();
    let beside = || Some(folder.canonicalize().ok()?.join(path.file_name()?));
    there.or_else(beside).unwrap_or_else(|| path.to_path_buf())
}

/// The drafts there are, for a run that is stopped.
static DRAFTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A file without its name. Dropped, or left by a run that is stopped, it is gone.
pub struct Draft {
    path: PathBuf,
    file: NamedTempFile,
}

impl Draft {
    /// An empty draft in the folder of `path`, whose name it is to have.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn of(path: PathBuf) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let file = create(folder)?;
        if let Ok(there) = fs::metadata(&path) {
            file.as_file().set_permissions(permissions(&there))?;
        }
        Ok(Self { path, file })
    }

    /// What it is to be called.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, in the place of what has it.
    ///
    /// # Errors
    /// A name that cannot be given; the draft is gone then.
    pub fn finish(self) -> io::Result<()> {
        let own = self.file.path().to_path_buf();
        let finished = self.file.persist(&self.path).map_err(|e| e.error);
        drafts().retain(|draft| *draft != own);
        finished.map(drop)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Removes every draft, of a run that ends here.
pub fn discard_all() {
    for draft in drafts().drain(..) {
        // One that just got its name is no longer there.
        let _ = fs::remove_file(draft);
    }
}

fn drafts() -> MutexGuard<'static, Vec<PathBuf>> {
    DRAFTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new file that is known from its first moment on.
fn create(folder: &Path) -> io::Result<NamedTempFile> {
    let mut drafts = drafts();
    let file = new_file(folder)?;
    drafts.push(file.path().to_path_buf());
    Ok(file)
}

/// Those of the file that is replaced, without the right to run as its owner.
#[cfg(unix)]
fn permissions(there: &fs::Metadata) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(there.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn permissions(there: &fs::Metadata) -> fs::Permissions {
    there.permissions()
}

/// Drafts are private by default; this one is as readable as any other new file.
#[cfg(unix)]
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix(".lens-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

#[cfg(not(unix))]
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".lens-").tempfile_in(folder)
}
