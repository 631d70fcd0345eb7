//! One file of a model, wherever its bytes are.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file on this machine, or one that the binary carries.
#[derive(Clone, PartialEq, Eq)]
pub enum Asset {
    File(PathBuf),
    Embedded {
        /// What messages call it.
        name: &'static str,
        bytes: &'static [u8],
    },
}

impl Asset {
    /// The whole file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(&self) -> Result<Cow<'static, [u8]>> {
        match self {
            Self::File(path) => match std::fs::read(path) {
                Ok(bytes) => Ok(Cow::Owned(bytes)),
                Err(e) => Err(self.unreadable(&e)),
            },
            Self::Embedded { bytes, .. } => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// Where it lies; `None` for one that the binary carries.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Embedded { .. } => None,
        }
    }

    /// The error for a file that the system does not let us read.
    pub fn unreadable(&self, error: &std::io::Error) -> Error {
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
            Self::Embedded { name, .. } => write!(f, "{name}"),
        }
    }
}

impl fmt::Debug for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
