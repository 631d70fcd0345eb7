//! The bytes of one file of weights.

#![expect(
    unsafe_code,
    reason = "a mapped file is memory that another process may change"
)]

use std::fmt;
use std::fs::File;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::Mmap;

use super::Asset;
use crate::error::Result;

/// A file's bytes, mapped or in memory. Cloning copies none.
#[derive(Clone)]
pub enum Storage {
    Mapped(Arc<Mmap>),
    Memory(Bytes),
}

impl Storage {
    /// Maps a file. Nothing of it is read.
    ///
    /// # Errors
    /// A file that cannot be opened or mapped.
    pub fn open(asset: &Asset) -> Result<Self> {
        let path = match asset {
            Asset::File(path) => path,
            Asset::Memory { bytes, .. } => return Ok(Self::Memory(bytes.clone())),
        };
        let file = File::open(path).map_err(|e| asset.unreadable(&e))?;
        // SAFETY: the mapping is read-only and private to this process; a file that another process
        // cuts short while it is mapped is the one hazard, as it is for every reader of safetensors.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| asset.unreadable(&e))?;
        Ok(Self::Mapped(Arc::new(map)))
    }

    /// The mapping, of a file.
    pub fn mapping(&self) -> Option<&Arc<Mmap>> {
        match self {
            Self::Mapped(map) => Some(map),
            Self::Memory(_) => None,
        }
    }
}

/// Its size, and none of its bytes.
impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

impl Deref for Storage {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Memory(bytes) => bytes,
        }
    }
}
