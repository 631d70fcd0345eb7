//! Requests to the hub, and who gets the token: the hub, and nobody it points to.

use std::ops::Range;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::answer::{self, Answer, Listing, Meta};
use super::failure::{Failure, Outcome, one_line};
use super::retries::Retries;
use super::settings::Settings;

/// How lens introduces itself to the hub.
const USER_AGENT: &str = concat!("logit-lens/", env!("CARGO_PKG_VERSION"));
/// As many as browsers allow, roughly.
const MAX_REDIRECTS: usize = 10;
/// Bytes of a list of files; those of the largest repositories have a few MB.
const LONGEST_LIST: usize = 32 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A file of a repository at a revision.
#[derive(Clone, Copy)]
pub struct Address<'a> {
    /// `owner/name`.
    pub repo: &'a str,
    /// A branch, a tag or a commit hash.
    pub revision: &'a str,
    /// The file's path in the repository.
    pub name: &'a str,
}

/// A connection to the hub.
pub struct Http {
    client: reqwest::Client,
    runtime: Runtime,
    hub: Url,
    /// The `Authorization` header that the hub gets.
    authorization: Option<HeaderValue>,
    /// The longest wait for an answer, or for more of one.
    pub patience: Duration,
}

/// The body of a download.
pub struct Body<'a> {
    http: &'a Http,
    response: Response,
    /// The byte of the file with which the body begins.
    pub start: u64,
}

impl Http {
    pub fn open(settings: &Settings) -> Outcome<Self> {
        let mut headers = HeaderMap::new();
        // A compressed body would have another length and other offsets.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // An error says that it was done before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|e| Failure::Setup(reason(&e)))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::Setup(one_line(&e.to_string())))?;
        let hub = settings.hub()?;
        Ok(Self {
            client,
            runtime,
            authorization: settings.authorization(&hub)?,
            hub,
            patience: settings.patience,
        })
    }

    /// What the hub announces of a file.
    pub fn meta(&self, file: Address) -> Outcome<Meta> {
        let mut retries = Retries::new();
        loop {
            match self.within_patience(self.head(self.url(file))) {
                Err(failure) if failure.is_passing() && retries.wait(&failure) => {}
                answer => return answer,
            }
        }
    }

    async fn head(&self, mut url: Url) -> Outcome<Meta> {
        for _ in 0..MAX_REDIRECTS {
            let response = self.send(Method::HEAD, &url, None).await?;
            let (status, headers) = (response.status(), response.headers());
            match answer::describe(status, headers, &url, self.authorization.is_some())? {
                Answer::Meta(meta) => return Ok(meta),
                Answer::Moved(next) => url = next,
            }
        }
        Err(Failure::Nonsense("too many redirects"))
    }

    /// What the hub says that a repository has at a revision.
    pub fn listing(&self, repo: &str, revision: &str) -> Outcome<Listing> {
        let mut retries = Retries::new();
        loop {
            match self.within_patience(self.list(repo, revision)) {
                Err(failure) if failure.is_passing() && retries.wait(&failure) => {}
                body => return answer::listing(&body?),
            }
        }
    }

    async fn list(&self, repo: &str, revision: &str) -> Outcome<Vec<u8>> {
        let url = self.below_hub(&["api", "models"], repo, &["revision", revision]);
        let mut response = self.get(url, None).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| Failure::Cut)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_LIST {
                return Err(Failure::Nonsense("a list of files that does not end"));
            }
        }
        Ok(body)
    }

    /// The content of a file from byte `start` on, or from the beginning if the server will not.
    pub fn body(&self, file: Address, start: u64) -> Outcome<Body<'_>> {
        let rest = (start > 0).then(|| format!("bytes={start}-"));
        let response = match self.within_patience(self.get(self.url(file), rest.as_deref())) {
            Err(Failure::Status(416)) if start > 0 => return self.body(file, 0),
            response => response?,
        };
        match answer::first_byte(response.status(), response.headers(), start) {
            Some(start) => Ok(Body {
                http: self,
                response,
                start,
            }),
            None if start > 0 => self.body(file, 0),
            None => Err(Failure::Nonsense("another part of a file than was asked for")),
        }
    }

    /// The bytes `range` of a file of `size` bytes, one at least, and nothing else of it.
    pub fn part(&self, file: Address, range: Range<u64>, size: u64) -> Outcome<Body<'_>> {
        let last = range.end - 1;
        let wanted = format!("bytes={}-{last}", range.start);
        let response = self.within_patience(self.get(self.url(file), Some(&wanted)))?;
        let came = format!("bytes {}-{last}/{size}", range.start);
        match answer::is_part(response.status(), response.headers(), &came) {
            true => Ok(Body {
                http: self,
                response,
                start: range.start,
            }),
            false => Err(Failure::Nonsense("another part of a file than was asked for")),
        }
    }

    /// Follows redirects wherever they lead: what comes is checked, wherever it comes from.
    async fn get(&self, mut url: Url, range: Option<&str>) -> Outcome<Response> {
        for _ in 0..MAX_REDIRECTS {
            let response = self.send(Method::GET, &url, range).await?;
            let (status, headers) = (response.status(), response.headers());
            if status.is_success() {
                return Ok(response);
            } else if status.is_redirection() {
                url = answer::next_hop(headers, &url).ok_or(Failure::Nonsense("a redirect to no address"))?;
            } else if self.is_hub(&url) {
                return Err(answer::refusal(status, headers, self.authorization.is_some()));
            } else {
                return Err(answer::storage_refusal(status, headers));
            }
        }
        Err(Failure::Nonsense("too many redirects"))
    }

    /// One request, maybe for a part of a file.
    async fn send(&self, method: Method, url: &Url, range: Option<&str>) -> Outcome<Response> {
        let mut request = self.client.request(method, url.clone());
        if let (true, Some(value)) = (self.is_hub(url), &self.authorization) {
            request = request.header(header::AUTHORIZATION, value);
        }
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        request.send().await.map_err(|e| match e.is_builder() {
            true => Failure::Nonsense("an address that no request can be sent to"),
            false => Failure::Unreachable(reason(&e)),
        })
    }

    fn is_hub(&self, url: &Url) -> bool {
        url.origin() == self.hub.origin()
    }

    /// An answer's headers, or all those of a chain of redirects, come in time or not at all.
    fn within_patience<T>(&self, answer: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let answer = async { timeout(self.patience, answer).await };
        self.runtime.block_on(answer).unwrap_or_else(|_| {
            let seconds = self.patience.as_secs();
            Err(Failure::Unreachable(format!("no answer within {seconds} s")))
        })
    }

    /// `{hub}/{repo}/resolve/{revision}/{name}`, with a slash in the revision escaped.
    fn url(&self, file: Address) -> Url {
        let name = file.name.split('/');
        let rest: Vec<&str> = ["resolve", file.revision].into_iter().chain(name).collect();
        self.below_hub(&[], file.repo, &rest)
    }

    /// The hub's address with these parts of a path, each escaped.
    fn below_hub(&self, before: &[&str], repo: &str, after: &[&str]) -> Url {
        let mut url = self.hub.clone();
        // A web address has a path, which is what `Settings::hub` made sure of.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(before)
                .extend(repo.split('/'))
                .extend(after);
        }
        url
    }
}

impl Body<'_> {
    /// The next piece; `None` at the end.
    pub fn chunk(&mut self) -> Outcome<Option<impl AsRef<[u8]> + use<>>> {
        let Self { http, response, .. } = self;
        let chunk = async { timeout(http.patience, response.chunk()).await };
        match http.runtime.block_on(chunk) {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(_)) | Err(_) => Err(Failure::Cut),
        }
    }

    /// Whether the body claims to be the file to its end, so that a shorter one is not a cut.
    pub fn is_whole(&self) -> bool {
        self.response.status() != StatusCode::PARTIAL_CONTENT
            && self.response.headers().contains_key(header::CONTENT_LENGTH)
    }
}

/// The innermost cause, which is the one that says something: reqwest's own text only has the URL.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    one_line(&cause.to_string())
}
