//! What the hub says a file contains: its length and a hash, which a download is held against.

use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Digest, Sha256};

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    hash: String,
    pub size: u64,
}

impl Content {
    /// `etag` is what the hub knows a file by: the sha256 of a large one, for a small one git's
    /// hash. `None` for anything else, which no download could be held against.
    pub fn new(etag: &str, size: u64) -> Option<Self> {
        let is_hash = matches!(etag.len(), 40 | 64) && etag.bytes().all(|b| b.is_ascii_hexdigit());
        is_hash.then(|| Self {
            hash: etag.to_ascii_lowercase(),
            size,
        })
    }

    /// In lowercase hexadecimal: 64 digits of a sha256, or 40 of git's sha1. It is the name of the
    /// content in the cache, too.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What computes the hash of a content of this length.
    pub fn hasher(&self) -> Box<dyn DynDigest> {
        if self.hash.len() == 64 {
            return Box::new(Sha256::new());
        }
        // A blob in git is hashed with its kind and length before it.
        Box::new(Sha1::new_with_prefix(format!("blob {}\0", self.size)))
    }

    pub fn has_digest(&self, digest: &[u8]) -> bool {
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        hex == self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(etag: &str, bytes: &[u8]) -> bool {
        let content = Content::new(etag, bytes.len() as u64).unwrap();
        let mut hasher = content.hasher();
        hasher.update(bytes);
        content.has_digest(&hasher.finalize())
    }

    #[test]
    fn hashes_are_those_of_sha256sum_and_git() {
        // printf 'hello\n' | sha256sum, and | git hash-object --stdin
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        for etag in [sha256, git, &git.to_uppercase()] {
            assert!(matches(etag, b"hello\n"), "{etag}");
            assert!(!matches(etag, b"hello!"), "{etag}");
        }
    }

    #[test]
    fn what_is_no_hash_is_no_content() {
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        for etag in [
            "",
            "abc",
            &git[1..],
            &format!("{git}-gzip"),
            &format!("../{}", &git[3..]),
        ] {
            assert_eq!(Content::new(etag, 1), None, "{etag}");
        }
    }
}
