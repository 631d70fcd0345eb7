//! Files that are written without the names asked for, and take them when they are whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use tempfile::{NamedTempFile, TempPath};

/// As many links lead to one another as Linux follows.
const MOST_LINKS: usize = 40;

/// Where a path leads, whether something is there yet or not: the same for two ways to write it.
pub fn place(path: &Path) -> PathBuf {
    let there = path.canonicalize().ok();
    let beside = || {
        let end = end_of_links(path).ok()?;
        Some(folder_of(&end).canonicalize().ok()?.join(end.file_name()?))
    };
    there.or_else(beside).unwrap_or_else(|| path.to_path_buf())
}

/// What a path leads to through links, there or not.
///
/// # Errors
/// Links that lead to one another.
pub fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(link) => path = folder_of(&path).join(link),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its links lead to one another"))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The drafts that have a name, for a run that is stopped.
static DRAFTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A file on its way to its name. Dropped, or left by a run that is stopped, it is gone.
pub struct Draft {
    path: PathBuf,
    file: Body,
}

enum Body {
    /// In no folder yet: the system frees it with the process, however that ends.
    #[cfg(target_os = "linux")]
    Unnamed(File),
    /// Under a name of its own, where there are no files without one.
    Named(NamedTempFile),
}

impl Draft {
    /// An empty draft on the disk of `path`, whose name it is to have.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn of(path: PathBuf) -> io::Result<Self> {
        let file = Body::new(folder_of(&path))?;
        if let Ok(there) = fs::metadata(&path) {
            file.file().set_permissions(permissions(&there))?;
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
        let draft = match self.file {
            #[cfg(target_os = "linux")]
            Body::Unnamed(file) => match unnamed::link(&file, &self.path) {
                // A link takes nothing's place, a new name does.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let beside = |path: &Path| unnamed::link(&file, path);
                    register(|| builder().make_in(folder_of(&self.path), beside))?.into_temp_path()
                }
                linked => return linked,
            },
            Body::Named(file) => file.into_temp_path(),
        };
        rename(draft, &self.path)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.file().flush()
    }
}

impl Body {
    fn new(folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed::file(folder) {
            return Ok(Self::Unnamed(file));
        }
        Ok(Self::Named(register(|| builder().tempfile_in(folder))?))
    }

    fn file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Named(file) => file.as_file(),
        }
    }
}

/// Files without a name (O_TMPFILE): what a run leaves, even one that is killed, is nothing.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};

    /// Where such a file is found by its number, to be given a name.
    const NUMBERS: &str = "/proc/self/fd";

    /// A file on the folder's disk; `None` where the system or the disk has none without a name.
    pub fn file(folder: &Path) -> Option<File> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let can_be_named = Path::new(NUMBERS).is_dir();
        can_be_named
            .then(|| open(folder, flags, Mode::from_raw_mode(0o666)).ok())?
            .map(File::from)
    }

    /// Gives the file a name that nothing has.
    pub fn link(file: &File, path: &Path) -> io::Result<()> {
        let number = format!("{NUMBERS}/{}", file.as_raw_fd());
        Ok(linkat(CWD, number, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
    }
}

/// Removes every draft, of a run that ends here.
pub fn discard_all() {
    discard(drafts());
}

/// The same without waiting or allocating, for a run that can do neither: what another thread
/// makes at this moment stays.
pub fn discard_what_can_be() {
    match DRAFTS.try_lock() {
        Ok(drafts) => discard(drafts),
        Err(TryLockError::Poisoned(drafts)) => discard(drafts.into_inner()),
        Err(TryLockError::WouldBlock) => {}
    }
}

fn discard(drafts: MutexGuard<Vec<PathBuf>>) {
    for draft in drafts.iter() {
        // One that just got its name is no longer there.
        let _ = fs::remove_file(draft);
    }
}

fn drafts() -> MutexGuard<'static, Vec<PathBuf>> {
    DRAFTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new file that is known from its first moment on.
fn register<R>(new: impl FnOnce() -> io::Result<NamedTempFile<R>>) -> io::Result<NamedTempFile<R>> {
    let mut drafts = drafts();
    let file = new()?;
    drafts.push(file.path().to_path_buf());
    Ok(file)
}

fn rename(draft: TempPath, path: &Path) -> io::Result<()> {
    let own = draft.to_path_buf();
    let renamed = draft.persist(path).map_err(|e| e.error);
    drafts().retain(|draft| *draft != own);
    renamed
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
fn builder() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder
        .prefix(".lens-")
        .permissions(fs::Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".lens-");
    builder
}
