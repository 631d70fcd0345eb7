//! A hub that goes bad at any request of a download: each request in turn is answered wrongly, in
//! every way there is a name for, once or from there on. Whatever comes of the download, nothing
//! outside of the cache has changed, nothing in it is what it should not be, nobody but the hub has
//! seen the token, and no message has it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use logit_lens::source::{HubOptions, locate};
use tempfile::TempDir;

use crate::bench::{ID, OLD, real, small};
use crate::lies::answer;
use crate::server::{Content, Files, Hub};

pub const TOKEN: &str = "hf_secret";

/// A hub, somebody else's server, and a folder with things that are none of theirs.
pub struct World {
    pub hub: Hub,
    pub stranger: Hub,
    dir: TempDir,
    pub files: Files,
}

impl World {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir_all(dir.path().join("victim/.ssh")).unwrap();
        fs::write(dir.path().join("victim/config.json"), "precious").unwrap();
        let (hub, mut files) = (Hub::start(), real());
        files.insert("tokenizer_config.json".to_string(), small("{}"));
        hub.commit(ID, "main", OLD, &files);
        Self {
            hub,
            stranger: Hub::start(),
            dir,
            files,
        }
    }

    /// What nobody but its owner may touch.
    pub fn victim(&self) -> String {
        self.dir.path().join("victim").display().to_string()
    }

    /// Downloads into a new cache and answers whether there is a model; everything that must hold
    /// is checked.
    fn download(&self, what: &str) -> bool {
        let cache = TempDir::new().unwrap();
        let before = tree(self.dir.path());
        let result = locate(
            ID,
            &HubOptions {
                endpoint: Some(self.hub.endpoint.clone()),
                cache_dir: Some(cache.path().join("hub")),
                token: Some(TOKEN.to_string()),
                ..HubOptions::default()
            },
        );
        match &result {
            Ok(model) => {
                for path in model.paths() {
                    let bytes = fs::read(path).unwrap();
                    let known = self.files.values().any(|content| content.bytes == bytes);
                    assert!(known, "{what}: {} has other contents", path.display());
                }
            }
            Err(error) => {
                let text = error.to_string();
                assert!(!text.contains(TOKEN), "{what}: {text}");
                assert!(!text.contains(|c: char| c.is_control()), "{what}: {text:?}");
            }
        }
        assert_eq!(tree(self.dir.path()), before, "{what}");
        self.assert_sound(cache.path(), what);
        for request in self.hub.requests() {
            assert!(
                !request.storage || request.header("authorization").is_none(),
                "{what}"
            );
        }
        for request in self.stranger.requests() {
            // A name in an address that the hub made up is no token.
            let sent = request.header("authorization").unwrap_or_default();
            assert!(!sent.starts_with("Bearer"), "{what}");
        }
        result.is_ok()
    }

    /// The cache has what a cache has: contents under their hashes, links to them, a commit.
    fn assert_sound(&self, cache: &Path, what: &str) {
        let model = "hub/models--someone--tiny";
        for (path, bytes) in tree(cache) {
            let path = path.to_str().unwrap();
            if let Some(hash) = path.strip_prefix(&format!("{model}/blobs/")) {
                let content = |large| {
                    Content {
                        bytes: bytes.clone(),
                        large,
                    }
                    .etag()
                };
                let partial = hash.strip_suffix(".incomplete").is_some_and(is_hash);
                assert!(partial || hash == content(hash.len() == 64), "{what}: {path}");
            } else if let Some(file) = path.strip_prefix(&format!("{model}/snapshots/")) {
                let (commit, name) = file.split_once('/').unwrap();
                assert!(is_hash(commit), "{what}: {path}");
                let kinds = [".json", ".jinja", ".txt", "/model.safetensors"];
                assert!(
                    kinds.iter().any(|kind| path.ends_with(kind)) && !name.contains('/'),
                    "{what}: {path}"
                );
                let link = fs::read_link(cache.join(path)).unwrap();
                let hash = link.strip_prefix("../../blobs").unwrap().to_str().unwrap();
                assert!(is_hash(hash), "{what}: {path} is {link:?}");
            } else if let Some(lock) = path.strip_prefix("hub/.locks/models--someone--tiny/") {
                assert!(lock.strip_suffix(".lock").is_some_and(is_hash), "{what}: {path}");
            } else {
                assert_eq!(path, format!("{model}/refs/main"), "{what}");
                assert!(std::str::from_utf8(&bytes).is_ok_and(is_hash), "{what}");
            }
        }
    }
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// All files below `dir` with what is in them, links followed.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, dir: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                walk(root, &path, files);
            } else {
                let bytes = fs::read(&path).unwrap();
                files.insert(path.strip_prefix(root).unwrap().to_path_buf(), bytes);
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(dir, dir, &mut files);
    files
}

/// Each request of a download in turn, counted over hub and storage.
#[test]
fn any_answer_of_a_hub_may_be_a_lie() {
    let world = World::new();
    assert!(world.download("the truth"));
    let requests = {
        let cache = TempDir::new().unwrap();
        let options = HubOptions {
            endpoint: Some(world.hub.endpoint.clone()),
            cache_dir: Some(cache.path().to_path_buf()),
            ..HubOptions::default()
        };
        locate(ID, &options).unwrap();
        world.hub.requests().len()
    };
    // A commit, two requests for each of four files, the storage's, and five that are not there.
    assert!(requests >= 12, "{requests}");

    let halves = [0, 1].map(|half| move |n: usize| n % 2 == half);
    std::thread::scope(|scope| {
        for mine in halves {
            scope.spawn(move || {
                let world = World::new();
                for nth in (0..requests).filter(|n| mine(*n)) {
                    for index in 0..world.lies().len() {
                        for onward in [false, true] {
                            let (what, lie) = world.lies().swap_remove(index);
                            // Everything is tried again after one of these, for a second and more.
                            if onward && what.starts_with("status 5") && nth > 0 {
                                continue;
                            }
                            world.hub.meddle(Box::new(move |n, request| {
                                (n == nth || onward && n > nth).then(|| lie(request))
                            }));
                            world.download(&format!("request {nth}, onward: {onward}, {what}"));
                        }
                    }
                }
            });
        }
    });
}

/// A second request for anything would be one that nobody checks.
#[test]
fn no_request_follows_the_checked_download() {
    let world = World::new();
    let cache = TempDir::new().unwrap();
    let options = HubOptions {
        endpoint: Some(world.hub.endpoint.clone()),
        cache_dir: Some(cache.path().to_path_buf()),
        ..HubOptions::default()
    };
    locate(ID, &options).unwrap();
    let mut seen: Vec<_> = (world.hub.requests().into_iter())
        .map(|request| (request.method, request.path))
        .collect();
    let last = seen.last().unwrap();
    assert!(last.0 == "GET" && last.1.ends_with("signed=yes"), "{last:?}");
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all, "each request is made once");
}

/// Before anything is written: what is announced of a file that is read whole has a limit.
#[test]
fn a_small_file_cannot_fill_the_disk() {
    let world = World::new();
    world.hub.meddle(Box::new(|_, request| {
        let config = request.path.ends_with("/tokenizer_config.json");
        config.then(|| answer(Vec::new(), &"f".repeat(40), OLD).with("X-Linked-Size", 1u64 << 40))
    }));
    let cache = TempDir::new().unwrap();
    let options = HubOptions {
        endpoint: Some(world.hub.endpoint.clone()),
        cache_dir: Some(cache.path().to_path_buf()),
        ..HubOptions::default()
    };
    let error = locate(ID, &options).unwrap_err();
    assert!(
        error
            .problem
            .contains("1099511627776 bytes of tokenizer_config.json"),
        "{error}"
    );
}
