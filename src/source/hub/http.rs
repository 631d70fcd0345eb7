//! Requests to the hub that hf-hub does not offer: the metadata of a file that is stored elsewhere
//! (its redirect has it, and hf-hub's `get_file_metadata` reads past it), and a download that
//! begins at a given byte without asking the storage for its headers first.

use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::runtime::Runtime;

use super::failure::{Failure, one_line};
use super::id::is_commit;
use super::patience::Patience;

type Result<T> = std::result::Result<T, Failure>;

/// How lens introduces itself to the hub.
pub const USER_AGENT: &str = concat!("logit-lens/", env!("CARGO_PKG_VERSION"));
/// As many as browsers allow, roughly.
const MAX_REDIRECTS: usize = 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection that is silent for so long is given up (and a download resumed).
const SILENCE: Duration = Duration::from_secs(30);

/// A file on the hub.
#[derive(Debug)]
pub struct Meta {
    /// The commit that the revision named.
    pub commit: String,
    /// The name of the file's content in the cache; its sha256 for a large file.
    pub etag: String,
    pub size: Option<u64>,
}

/// The body of a download.
pub struct Body<'a> {
    http: &'a Http,
    response: Response,
    /// The byte of the file with which the body begins.
    pub start: u64,
}

/// A connection to the hub.
pub struct Http {
    client: reqwest::Client,
    runtime: Runtime,
    endpoint: Url,
    token: Option<String>,
}

impl Http {
    pub fn open(endpoint: &str, token: Option<String>) -> Result<Self> {
        let endpoint = Url::parse(endpoint).map_err(|e| {
            Failure::Setting(format!(
                "HF_ENDPOINT is {endpoint:?}, which is not an address ({e})."
            ))
        })?;
        let mut headers = HeaderMap::new();
        // A compressed body would have another length and other offsets.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE)
            .build()
            .map_err(|e| Failure::Setup(reason(&e)))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::Setup(one_line(&e.to_string())))?;
        Ok(Self {
            client,
            runtime,
            endpoint,
            token,
        })
    }

    /// Where the hub says `name` is, and what it is.
    pub fn meta(&self, repo: &str, revision: &str, name: &str) -> Result<Meta> {
        let url = self.url(repo, revision, name)?;
        let mut patience = Patience::new();
        loop {
            let answer = self
                .request(Method::HEAD, url.clone(), 0)
                .and_then(|response| self.accept(response))
                .and_then(|response| read_meta(&response));
            match answer {
                Err(failure) if failure.is_passing() && patience.wait(&failure) => {}
                answer => return answer,
            }
        }
    }

    /// The content of `name` from byte `start` on, or from the beginning if the server will not.
    pub fn body(&self, repo: &str, revision: &str, name: &str, start: u64) -> Result<Body<'_>> {
        let url = self.url(repo, revision, name)?;
        let response = self.request(Method::GET, url.clone(), start)?;
        let begins = match response.status() {
            StatusCode::PARTIAL_CONTENT => first_byte(response.headers()),
            _ => Some(0),
        };
        let useless =
            response.status() == StatusCode::RANGE_NOT_SATISFIABLE || begins.is_none_or(|b| b > start);
        if useless && start > 0 {
            return self.body(repo, revision, name, 0);
        }
        if begins.is_some_and(|b| b != 0 && b != start) {
            return Err(Failure::Nonsense(
                "another part of the file than was asked for".into(),
            ));
        }
        Ok(Body {
            http: self,
            response: self.accept(response)?,
            start: begins.unwrap_or(0),
        })
    }

    /// `{endpoint}/{repo}/resolve/{revision}/{name}`, with a slash in the revision escaped.
    fn url(&self, repo: &str, revision: &str, name: &str) -> Result<Url> {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .map_err(|()| {
                Failure::Setting(format!(
                    "HF_ENDPOINT is {}, which is no web address.",
                    self.endpoint
                ))
            })?
            .pop_if_empty()
            .extend(repo.split('/'))
            .extend(["resolve", revision])
            .extend(name.split('/'));
        Ok(url)
    }

    /// Sends a request and follows its redirects: all of them for a body, but for metadata only
    /// those within the hub (a renamed model) that do not have it themselves.
    fn request(&self, method: Method, mut url: Url, start: u64) -> Result<Response> {
        for _ in 0..MAX_REDIRECTS {
            let mut request = self.client.request(method.clone(), url.clone());
            // The token is for the hub, not for the storage that it points to.
            if let (true, Some(token)) = (self.is_hub(&url), &self.token) {
                request = request.bearer_auth(token);
            }
            if start > 0 {
                request = request.header(header::RANGE, format!("bytes={start}-"));
            }
            // `send` wants the runtime around it before there is anything to await.
            let sent = self.runtime.block_on(async { request.send().await });
            let response = sent.map_err(|e| transport(&e))?;
            match next_hop(&response) {
                Some(next) if method == Method::GET || self.is_hub(&next) && !has_metadata(&response) => {
                    url = next
                }
                _ => return Ok(response),
            }
        }
        Err(Failure::Nonsense("too many redirects".into()))
    }

    fn is_hub(&self, url: &Url) -> bool {
        url.origin() == self.endpoint.origin()
    }

    /// The response if it is a success (or a redirect, which carries metadata).
    fn accept(&self, response: Response) -> Result<Response> {
        let status = response.status();
        if status.is_success() || status.is_redirection() {
            return Ok(response);
        }
        let headers = response.headers();
        let code = text(headers, "x-error-code").unwrap_or_default();
        let message = text(headers, "x-error-message").unwrap_or_default();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let wait = text(headers, "retry-after").and_then(|s| s.parse().ok());
            return Err(Failure::RateLimited(wait));
        }
        // A refusal by the storage says nothing about the model or the token.
        if !self.is_hub(response.url()) {
            return Err(Failure::Status(status.as_u16()));
        }
        Err(match (status.as_u16(), code) {
            (401 | 403, "GatedRepo") => Failure::Gated,
            (401, _) if self.token.is_some() && message.contains("Invalid credentials") => Failure::BadToken,
            (_, "RepoNotFound") => Failure::NoSuchModel,
            (_, "RevisionNotFound") => Failure::NoSuchRevision,
            (401, _) if self.token.is_some() => Failure::BadToken,
            // The hub does not tell strangers which models exist.
            (401, _) => Failure::NoSuchModel,
            (403, _) => Failure::Forbidden,
            (404, _) => Failure::NoSuchFile,
            (other, _) => Failure::Status(other),
        })
    }
}

impl Body<'_> {
    /// The next piece; `None` at the end.
    pub fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>> {
        self.http
            .runtime
            .block_on(self.response.chunk())
            .map_err(|_| Failure::Cut)
    }

    /// Whether the body claims to be the file to its end, so that a shorter one is not a cut.
    pub fn is_whole(&self) -> bool {
        self.response.status() != StatusCode::PARTIAL_CONTENT
            && self.response.headers().contains_key(header::CONTENT_LENGTH)
    }
}

fn next_hop(response: &Response) -> Option<Url> {
    let location = text(response.headers(), "location").filter(|_| response.status().is_redirection())?;
    response.url().join(location).ok()
}

/// Whether a redirect describes what it points to.
fn has_metadata(response: &Response) -> bool {
    ["x-linked-etag", "x-linked-size", "x-repo-commit"]
        .iter()
        .all(|name| response.headers().contains_key(*name))
}

/// The headers of a large file describe its stand-in in git; the `x-linked` ones describe the file.
fn read_meta(response: &Response) -> Result<Meta> {
    let headers = response.headers();
    let first = |names: [&str; 2]| names.iter().find_map(|name| text(headers, name));
    let commit = text(headers, "x-repo-commit")
        .filter(|commit| is_commit(commit))
        .ok_or_else(|| Failure::Nonsense("no commit hash".into()))?;
    let etag = first(["x-linked-etag", "etag"])
        .map(|etag| etag.trim_start_matches("W/").trim_matches('"'))
        .filter(|etag| is_file_name(etag))
        .ok_or_else(|| Failure::Nonsense("no etag for a file".into()))?;
    // A redirect's own length is that of its courtesy text.
    let length = text(headers, "content-length").filter(|_| response.status().is_success());
    let size = text(headers, "x-linked-size").or(length);
    Ok(Meta {
        commit: commit.to_ascii_lowercase(),
        etag: etag.to_string(),
        size: size.and_then(|size| size.parse().ok()),
    })
}

/// An etag becomes the name of a file in the cache, and must not lead anywhere else.
fn is_file_name(etag: &str) -> bool {
    (1..=128).contains(&etag.len())
        && !etag.starts_with('.')
        && etag
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// From `Content-Range: bytes 100-199/200`.
fn first_byte(headers: &HeaderMap) -> Option<u64> {
    let range = text(headers, "content-range")?.strip_prefix("bytes ")?;
    range.split('-').next()?.trim().parse().ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// No answer at all. An invalid token cannot even be sent.
fn transport(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return Failure::Setting("The access token has characters that no token has.".into());
    }
    Failure::Unreachable(reason(error))
}

/// The innermost cause, which is the one that says something: reqwest's own text only has the URL.
pub fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    one_line(&cause.to_string())
}
