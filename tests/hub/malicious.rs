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
use crate::server::{Content, Files, Hub};
use crate::wire::{Request, Response};

const TOKEN: &str = "hf_secret";

/// A hub, somebody else's server, and a folder with things that are none of theirs.
struct World {
    hub: Hub,
    stranger: Hub,
    dir: TempDir,
    files: Files,
}

/// A wrong answer: what is wrong with it, and the answer to a request.
type Lie = (String, Box<dyn Fn(&Request) -> Response + Send + Sync>);

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

    fn victim(&self) -> String {
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

    /// An answer about the file that is asked for, true but for what the caller changes.
    fn about(&self) -> impl Fn(&Request) -> (Vec<u8>, String) + Clone + Send + Sync + use<> {
        let files = self.files.clone();
        move |request| {
            let name = request.path.rsplit('/').next().unwrap_or_default();
            let content = files.get(name).cloned().unwrap_or_else(|| small("{}"));
            (content.bytes.clone(), content.etag())
        }
    }

    fn lies(&self) -> Vec<Lie> {
        let mut lies = self.headers();
        lies.extend(self.redirects());
        lies.extend(self.bodies());
        lies
    }

    /// Everything that an answer announces, wrong.
    fn headers(&self) -> Vec<Lie> {
        let victim = self.victim();
        let mut lies: Vec<Lie> = Vec::new();
        let (f64, f40) = ("f".repeat(64), "f".repeat(40));
        for etag in [
            "",
            "..",
            "a",
            &f64,
            &f40,
            &format!("{f64}-gzip"),
            &format!("{victim}/.ssh/authorized_keys"),
            &format!("../../../../../../../../..{victim}/.ssh/authorized_keys"),
            &self.files["tokenizer.json"].etag(),
            TOKEN,
        ] {
            let (about, value) = (self.about(), format!("\"{etag}\""));
            lies.push((
                format!("etag {etag:?}"),
                Box::new(move |request| answer(about(request).0, &value, OLD)),
            ));
        }
        for commit in [
            "",
            "..",
            "../../victim",
            &victim,
            &"b".repeat(40),
            &"a".repeat(39),
            TOKEN,
        ] {
            let (about, value) = (self.about(), commit.to_string());
            lies.push((
                format!("commit {commit:?}"),
                Box::new(move |request| {
                    let (bytes, etag) = about(request);
                    answer(bytes, &etag, &value)
                }),
            ));
        }
        for size in ["0", "1", "-1", "1125899906842624", "18446744073709551615", "many"] {
            let about = self.about();
            lies.push((
                format!("size {size}"),
                Box::new(move |request| {
                    let (bytes, etag) = about(request);
                    answer(bytes, &etag, OLD).with("X-Linked-Size", size)
                }),
            ));
        }
        let refusals = [
            (404, "EntryNotFound"),
            (404, "RepoNotFound"),
            (404, "RevisionNotFound"),
            (401, "GatedRepo"),
            (403, ""),
            (200, ""),
            (204, ""),
            (206, ""),
            (304, ""),
            (416, ""),
            (500, TOKEN),
        ];
        for (status, code) in refusals {
            let victim = victim.clone();
            lies.push((
                format!("status {status} {code}"),
                Box::new(move |_| {
                    Response::new(status, TOKEN.into())
                        .with("X-Error-Code", code)
                        .with("X-Error-Message", TOKEN)
                        .with("X-Repo-Commit", &victim)
                }),
            ));
        }
        lies
    }

    /// Redirects that announce a file, and those that do not, to where one should not go.
    fn redirects(&self) -> Vec<Lie> {
        let stranger = self.stranger.endpoint.trim_start_matches("http://").to_string();
        let mut lies: Vec<Lie> = Vec::new();
        for location in [
            format!("/\\{stranger}/x"),
            format!("\\\\{stranger}/x"),
            format!("\\/{stranger}/x"),
            format!("/\t/{stranger}/x"),
            format!("//{stranger}/x"),
            format!("http:{stranger}/x"),
            format!("http://{stranger}/{ID}/resolve/main/config.json"),
            format!(
                "http://{}@{stranger}/x",
                self.hub.endpoint.trim_start_matches("http://")
            ),
            format!("{}@{stranger}/x", self.hub.endpoint),
            format!("file://{}/config.json", self.victim()),
            "ftp://127.0.0.1/x".to_string(),
            "data:,x".to_string(),
            "http://".to_string(),
            String::new(),
            format!("/loop/{TOKEN}"),
            format!("/{ID}/resolve/main/config.json"),
        ] {
            for announced in [true, false] {
                let (about, location) = (self.about(), location.clone());
                lies.push((
                    format!("location {location:?}, announced: {announced}"),
                    Box::new(move |request| {
                        let (bytes, etag) = about(request);
                        let response = Response::new(307, Vec::new()).with("Location", &location);
                        if !announced {
                            return response;
                        }
                        response
                            .with("X-Repo-Commit", OLD)
                            .with("X-Linked-ETag", format!("\"{etag}\""))
                            .with("X-Linked-Size", bytes.len())
                    }),
                ));
            }
        }
        lies
    }

    /// Other bytes than were announced.
    fn bodies(&self) -> Vec<Lie> {
        let change = |what: &str, change: fn(&mut Vec<u8>)| -> Lie {
            let about = self.about();
            (
                format!("body {what}"),
                Box::new(move |request| {
                    let (mut bytes, etag) = about(request);
                    change(&mut bytes);
                    answer(bytes, &etag, OLD)
                }),
            )
        };
        let about = self.about();
        let compressed = move |request: &Request| {
            let (bytes, etag) = about(request);
            answer(bytes, &etag, OLD).with("Content-Encoding", "gzip")
        };
        let about = self.about();
        let shifted = move |request: &Request| {
            let (bytes, _) = about(request);
            let range = format!("bytes 5-{}/{}", bytes.len(), bytes.len() + 1);
            Response::new(206, bytes).with("Content-Range", range)
        };
        let about = self.about();
        let xet = move |request: &Request| {
            let (bytes, etag) = about(request);
            answer(bytes, &etag, OLD).with("X-Xet-Hash", TOKEN)
        };
        vec![
            change("empty", Vec::clear),
            change("shorter", |bytes| bytes.truncate(bytes.len() / 2)),
            change("longer", |bytes| bytes.extend([0; 1 << 20])),
            change("with another end", |bytes| {
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
            }),
            ("body said to be compressed".into(), Box::new(compressed)),
            ("body said to be from the middle".into(), Box::new(shifted)),
            ("a xet hash".into(), Box::new(xet)),
        ]
    }
}

fn answer(bytes: Vec<u8>, etag: &str, commit: &str) -> Response {
    Response::new(200, bytes)
        .with("ETag", format!("\"{}\"", etag.trim_matches('"')))
        .with("X-Repo-Commit", commit)
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
#[cfg(unix)]
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
