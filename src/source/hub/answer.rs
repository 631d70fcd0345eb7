//! What an answer of the hub says. A hub is not trusted: what comes out of here has passed its
//! checks, and nothing else of an answer's headers is ever acted on.

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::content::Content;
use super::failure::{Failure, Outcome};
use super::id::is_commit;

/// A file as the hub announces it.
#[derive(Debug)]
pub struct Meta {
    /// The commit that the revision names: 40 lowercase hexadecimal digits.
    pub commit: String,
    pub content: Content,
}

/// What a repository has at a revision.
#[derive(Debug)]
pub struct Listing {
    /// The commit that the revision names: 40 lowercase hexadecimal digits.
    pub commit: String,
    /// The paths of its files, which may be anything.
    pub names: Vec<String>,
}

/// The list of files in the body of an answer.
///
/// # Errors
/// A body that is none, or without a commit.
pub fn listing(body: &[u8]) -> Outcome<Listing> {
    #[derive(Deserialize)]
    struct Repository {
        sha: String,
        siblings: Vec<Sibling>,
    }
    #[derive(Deserialize)]
    struct Sibling {
        rfilename: String,
    }
    let repository: Repository =
        serde_json::from_slice(body).map_err(|_| Failure::Nonsense("no list of a model's files"))?;
    if !is_commit(&repository.sha) {
        return Err(Failure::Nonsense("no commit hash"));
    }
    Ok(Listing {
        commit: repository.sha.to_ascii_lowercase(),
        names: repository
            .siblings
            .into_iter()
            .map(|file| file.rfilename)
            .collect(),
    })
}

/// What there is to do after an answer to a HEAD.
#[derive(Debug)]
pub enum Answer {
    Meta(Meta),
    /// The hub has the file under another address of its own (a renamed model).
    Moved(Url),
}

/// The answer to a HEAD of `url`.
///
/// # Errors
/// A refusal, or an announcement that a download could not be held against.
pub fn describe(status: StatusCode, headers: &HeaderMap, url: &Url, has_token: bool) -> Outcome<Answer> {
    if status.is_redirection() && !announces(headers) {
        // The storage announces nothing, so only the hub itself is asked again.
        return match next_hop(headers, url) {
            Some(next) if next.origin() == url.origin() => Ok(Answer::Moved(next)),
            _ => Err(Failure::Nonsense("a redirect that announces no file")),
        };
    }
    if !status.is_success() && !status.is_redirection() {
        return Err(refusal(status, headers, has_token));
    }
    let commit = text(headers, "x-repo-commit").filter(|commit| is_commit(commit));
    let commit = commit.ok_or(Failure::Nonsense("no commit hash"))?;
    // The headers of a large file describe its stand-in in git, the x-linked ones the file; and a
    // redirect's length is that of its courtesy text.
    let etag = text(headers, "x-linked-etag").or_else(|| text(headers, ETAG.as_str()));
    let length = text(headers, CONTENT_LENGTH.as_str()).filter(|_| status.is_success());
    let size = text(headers, "x-linked-size")
        .or(length)
        .and_then(|size| size.parse().ok());
    let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
    let content = (etag.zip(size)).and_then(|(etag, size)| Content::new(etag, size));
    Ok(Answer::Meta(Meta {
        commit: commit.to_ascii_lowercase(),
        content: content.ok_or(Failure::Nonsense("no length and hash of a file"))?,
    }))
}

/// Whether a redirect describes the file that it points to.
fn announces(headers: &HeaderMap) -> bool {
    ["x-linked-etag", "x-linked-size", "x-repo-commit"]
        .iter()
        .all(|name| headers.contains_key(*name))
}

/// Where a redirect leads: a web address, maybe on another host.
pub fn next_hop(headers: &HeaderMap, url: &Url) -> Option<Url> {
    let next = url.join(text(headers, LOCATION.as_str())?).ok()?;
    is_web(&next).then_some(next)
}

/// Whether a request can be sent there.
pub fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// Why the hub gives no file.
pub fn refusal(status: StatusCode, headers: &HeaderMap, has_token: bool) -> Failure {
    let code = text(headers, "x-error-code").unwrap_or_default();
    let message = text(headers, "x-error-message").unwrap_or_default();
    match (status.as_u16(), code) {
        (429, _) => too_many(headers),
        (401 | 403, "GatedRepo") => Failure::Gated,
        (401, _) if has_token && message.contains("Invalid credentials") => Failure::BadToken,
        (_, "RepoNotFound") => Failure::NoSuchModel,
        (_, "RevisionNotFound") => Failure::NoSuchRevision,
        (401, _) if has_token => Failure::BadToken,
        // The hub does not tell strangers which models exist.
        (401, _) => Failure::NoSuchModel,
        (403, _) => Failure::Forbidden,
        (404, _) => Failure::NoSuchFile,
        (other, _) => Failure::Status(other),
    }
}

/// Why the storage gives no file, which says nothing about the model or the token.
pub fn storage_refusal(status: StatusCode, headers: &HeaderMap) -> Failure {
    match status {
        StatusCode::TOO_MANY_REQUESTS => too_many(headers),
        other => Failure::Status(other.as_u16()),
    }
}

fn too_many(headers: &HeaderMap) -> Failure {
    Failure::RateLimited(text(headers, RETRY_AFTER.as_str()).and_then(|s| s.parse().ok()))
}

/// The byte of the file with which the body of an answer begins, where it was asked for from
/// `start` on; `None` where the body is of no use.
pub fn first_byte(status: StatusCode, headers: &HeaderMap, start: u64) -> Option<u64> {
    if status != StatusCode::PARTIAL_CONTENT {
        return Some(0);
    }
    // Content-Range: bytes 100-199/200
    let range = text(headers, CONTENT_RANGE.as_str())?.strip_prefix("bytes ")?;
    let first = range.split('-').next()?.trim().parse().ok()?;
    (first == start).then_some(first)
}

/// Whether the body of an answer is the part of a file that was asked for, `bytes 100-199/2000`.
pub fn is_part(status: StatusCode, headers: &HeaderMap, part: &str) -> bool {
    status == StatusCode::PARTIAL_CONTENT && text(headers, CONTENT_RANGE.as_str()) == Some(part)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
