//! A small hub on loopback, with a storage server beside it on another port: what large files
//! are redirected to. Both answer as the real ones do, except for the faults that a test orders.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::wire::{Request, Response, read_request};

/// What goes wrong with one GET of the storage.
#[derive(Clone, Copy)]
pub enum Fault {
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The whole file comes, whatever was asked for.
    NoRange,
    /// As many bytes as expected, but not the right ones.
    Garbage,
    /// A shorter file than the hub announced.
    Short,
    /// No file at all.
    Status(u16),
    /// Too many requests; the next is welcome after so many seconds.
    Busy(u64),
    /// The body comes, but takes its time.
    Slow,
    /// The body comes a few bytes at a time.
    Drip,
    /// The storage sends one to another address.
    Redirect(&'static str),
}

/// A refusal for everything in a repository: status, `X-Error-Code`, `X-Error-Message`.
pub type Refusal = (u16, &'static str, &'static str);

#[derive(Clone)]
pub struct Content {
    pub bytes: Vec<u8>,
    pub large: bool,
}

impl Content {
    /// The sha256 of a large file; git's hash of a small one.
    pub fn etag(&self) -> String {
        let hex = |digest: &[u8]| digest.iter().map(|b| format!("{b:02x}")).collect();
        match self.large {
            true => hex(&Sha256::digest(&self.bytes)),
            false => {
                let header = format!("blob {}\0", self.bytes.len());
                hex(&Sha1::new_with_prefix(header).chain_update(&self.bytes).finalize())
            }
        }
    }
}

/// What a hub gone bad answers to the nth request since the start, counted from 0; to those for
/// which there is nothing here it answers truly.
pub type Meddle = Box<dyn Fn(usize, &Request) -> Option<Response> + Send>;

/// The files of one commit.
pub type Files = BTreeMap<String, Content>;

#[derive(Default)]
pub struct Repository {
    pub refs: HashMap<String, String>,
    pub commits: HashMap<String, Files>,
    pub refusal: Option<Refusal>,
    /// The id that a renamed model has now.
    pub moved: Option<String>,
}

#[derive(Default)]
struct State {
    repositories: HashMap<String, Repository>,
    log: Vec<Request>,
    faults: VecDeque<Fault>,
    storage: String,
    asked: usize,
    meddle: Option<Meddle>,
}

/// The servers run until the test process ends.
pub struct Hub {
    pub endpoint: String,
    state: Arc<Mutex<State>>,
}

impl Hub {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let storage = listen(&state, true);
        state.lock().unwrap().storage = storage;
        let endpoint = listen(&state, false);
        Self { endpoint, state }
    }

    /// Changes a repository, which comes into being with its first change.
    pub fn repository(&self, id: &str, change: impl FnOnce(&mut Repository)) {
        change(
            self.state
                .lock()
                .unwrap()
                .repositories
                .entry(id.to_string())
                .or_default(),
        );
    }

    /// Makes `branch` of `id` name the commit `hash` with `files`.
    pub fn commit(&self, id: &str, branch: &str, hash: &str, files: &Files) {
        self.repository(id, |repository| {
            repository.refs.insert(branch.to_string(), hash.to_string());
            repository.commits.insert(hash.to_string(), files.clone());
        });
    }

    /// The next GETs of the storage go wrong, in this order.
    pub fn faults(&self, faults: &[Fault]) {
        self.state.lock().unwrap().faults = faults.iter().copied().collect();
    }

    /// From here on the answers are these, and requests are counted anew.
    pub fn meddle(&self, meddle: Meddle) {
        let mut state = self.state.lock().unwrap();
        state.meddle = Some(meddle);
        state.asked = 0;
    }

    /// The requests since this was last asked.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }

    /// The GETs of the storage since the requests were last asked for.
    pub fn downloads(&self) -> Vec<Request> {
        let large = |r: &Request| r.storage && r.method == "GET";
        self.requests().into_iter().filter(large).collect()
    }
}

fn listen(state: &Arc<Mutex<State>>, storage: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = Arc::clone(&state);
            std::thread::spawn(move || serve(stream, &state, storage));
        }
    });
    address
}

/// One request on one connection. A client that goes away is no fault of the server.
fn serve(stream: TcpStream, state: &Mutex<State>, storage: bool) {
    let Some(request) = read_request(&stream, storage) else {
        return;
    };
    let response = {
        let mut state = state.lock().unwrap();
        state.log.push(request.clone());
        let n = state.asked;
        state.asked += 1;
        if let Some(answer) = state.meddle.as_ref().and_then(|meddle| meddle(n, &request)) {
            answer
        } else if storage {
            from_storage(&mut state, &request)
        } else {
            from_hub(&state, &request)
        }
    };
    let _ = response.send(stream, request.method == "HEAD");
}

fn refuse((status, code, message): Refusal) -> Response {
    let response = Response::new(status, Vec::new()).with("X-Error-Message", message);
    if code.is_empty() {
        response
    } else {
        response.with("X-Error-Code", code)
    }
}

/// `/api/models/{owner}/{name}/revision/{revision}`
fn list(state: &State, request: &Request) -> Response {
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let &["api", "models", owner, name, "revision", revision] = parts.as_slice() else {
        return Response::new(400, Vec::new());
    };
    let Some(repository) = state.repositories.get(&format!("{owner}/{name}")) else {
        return refuse((404, "RepoNotFound", "Repository not found"));
    };
    if let Some(refusal) = repository.refusal {
        return refuse(refusal);
    }
    let revision = revision.replace("%2F", "/");
    let hash = repository.refs.get(&revision).unwrap_or(&revision);
    let Some(files) = repository.commits.get(hash) else {
        return refuse((404, "RevisionNotFound", "Invalid rev id"));
    };
    let siblings: Vec<_> = files.keys().map(|name| json!({"rfilename": name})).collect();
    let body = json!({"id": format!("{owner}/{name}"), "sha": hash, "siblings": siblings});
    Response::new(200, body.to_string().into_bytes())
}

/// `/{owner}/{name}/resolve/{revision}/{file}`, of a space with `/spaces` before it.
fn from_hub(state: &State, request: &Request) -> Response {
    if request.path.starts_with("/api/") {
        return list(state, request);
    }
    let path = request.path.trim_start_matches('/');
    let (space, path) = match path.strip_prefix("spaces/") {
        Some(path) => ("spaces/", path),
        None => ("", path),
    };
    let parts: Vec<&str> = path.splitn(5, '/').collect();
    let &[owner, name, "resolve", revision, file] = parts.as_slice() else {
        return Response::new(400, Vec::new());
    };
    let Some(repository) = state.repositories.get(&format!("{space}{owner}/{name}")) else {
        return refuse((404, "RepoNotFound", "Repository not found"));
    };
    if let Some(refusal) = repository.refusal {
        return refuse(refusal);
    }
    if let Some(id) = &repository.moved {
        let location = format!("/{id}/resolve/{revision}/{file}");
        return Response::new(307, b"Temporary Redirect".to_vec()).with("Location", location);
    }
    let revision = revision.replace("%2F", "/");
    let hash = repository.refs.get(&revision).unwrap_or(&revision);
    let Some(files) = repository.commits.get(hash) else {
        return refuse((404, "RevisionNotFound", "Invalid rev id"));
    };
    let Some(content) = files.get(file) else {
        return refuse((404, "EntryNotFound", "Entry not found")).with("X-Repo-Commit", hash);
    };
    let etag = format!("\"{}\"", content.etag());
    if !content.large {
        return Response::new(200, content.bytes.clone())
            .with("X-Repo-Commit", hash)
            .with("ETag", etag);
    }
    Response::new(302, b"Found. Redirecting elsewhere".to_vec())
        .with("X-Repo-Commit", hash)
        .with("ETag", "\"0123456789012345678901234567890123456789\"")
        .with("X-Linked-ETag", etag)
        .with("X-Linked-Size", content.bytes.len())
        .with("X-Xet-Hash", content.etag())
        .with(
            "Location",
            format!("{}/{}?signed=yes", state.storage, content.etag()),
        )
}

/// `/{sha256}`
fn from_storage(state: &mut State, request: &Request) -> Response {
    let etag = request
        .path
        .trim_start_matches('/')
        .trim_end_matches("?signed=yes");
    let files = state
        .repositories
        .values()
        .flat_map(|r| r.commits.values())
        .flatten();
    let Some(content) = files.map(|(_, content)| content).find(|c| c.etag() == etag) else {
        return Response::new(403, Vec::new());
    };
    let mut bytes = content.bytes.clone();
    let fault = state.faults.pop_front();
    match fault {
        Some(Fault::Status(status)) => return Response::new(status, Vec::new()),
        Some(Fault::Busy(seconds)) => {
            return Response::new(429, Vec::new()).with("Retry-After", seconds);
        }
        Some(Fault::Redirect(address)) => {
            return Response::new(302, Vec::new()).with("Location", address);
        }
        Some(Fault::Garbage) => bytes.iter_mut().for_each(|b| *b = !*b),
        Some(Fault::Short) => bytes.truncate(bytes.len() / 2),
        _ => {}
    }
    let start = request
        .range_start()
        .filter(|_| !matches!(fault, Some(Fault::NoRange)));
    let mut response = match start {
        Some(start) if start >= bytes.len() => return Response::new(416, Vec::new()),
        Some(start) => {
            let last = request.range_last().unwrap_or(usize::MAX).min(bytes.len() - 1);
            let range = format!("bytes {start}-{last}/{}", bytes.len());
            Response::new(206, bytes[start..=last].to_vec()).with("Content-Range", range)
        }
        None => Response::new(200, bytes),
    };
    match fault {
        Some(Fault::Cut(after)) => response.sent = after.min(response.sent),
        Some(Fault::Slow) => response.pieces = (64 * 1024, Duration::from_millis(10)),
        Some(Fault::Drip) => response.pieces = (200, Duration::from_millis(4)),
        _ => {}
    }
    response.with("ETag", "\"the storage's own\"")
}
