//! One file of a model, wherever its bytes are.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::{Error, Result};

/// The most bytes of a file that is read whole. The largest tokenizers have some 40 MB.
pub(super) const LARGEST: u64 = 512 << 20;

/// A file on this machine, or one in memory.
#[derive(Clone, PartialEq, Eq)]
pub enum Asset {
    File(PathBuf),
    Memory {
        /// What messages call it.
        name: Cow<'static, str>,
        bytes: Bytes,
    },
}

impl Asset {
    /// The whole file.
    ///
    /// # Errors
    /// A file that cannot be read, or one that is too large to be what it should be.
    pub fn read(&self) -> Result<Bytes> {
        let path = match self {
            Self::File(path) => path,
            Self::Memory { bytes, .. } => return Ok(bytes.clone()),
        };
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
        read.map_err(|e| self.unreadable(&e))?;
        if bytes.len() as u64 > LARGEST {
            return Err(self.too_large());
        }
        Ok(bytes.into())
    }

    /// Refuses a file that is too large to be read whole.
    ///
    /// # Errors
    /// More than 512 MiB.
    pub fn check_size(&self) -> Result<()> {
        let size = self
            .path()
            .and_then(|path| path.metadata().ok())
            .map_or(0, |file| file.len());
        if size > LARGEST {
            Err(self.too_large())
        } else {
            Ok(())
        }
    }

    fn too_large(&self) -> Error {
        Error::failed(
            format!("{self} is larger than 512 MiB, which no such file of a model is."),
            "Fetch the model's files again.",
        )
    }

    /// Where it lies; `None` for one in memory.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory { .. } => None,
        }
    }

    /// The error for a file that the system does not let us read.
    pub fn unreadable(&self, error: &std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::OutOfMemory {
            return Error::failed(
                format!("{self} does not fit in the memory that this process may have."),
                "Raise the limit on its addresses (ulimit -v), or take a smaller model.",
            );
        }
        Error::failed(
            format!("{self} cannot be read: {error}."),
            "Check that the file is there and that you may read it.",
        )
    }
}

impl From<PathBuf> for Asset {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Memory { name, .. } => write!(f, "{name}"),
        }
    }
}

impl fmt::Debug for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
