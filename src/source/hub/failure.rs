//! What can go wrong with the hub, and how to say it to a person.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::near;
use crate::error::Error;
use crate::source::parts::{INDEX, Missing};

/// What is not yet explained to a person.
pub type Outcome<T> = std::result::Result<T, Failure>;

/// A request or a download that did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// The model is there, but has no such file.
    NoSuchFile,
    NoSuchRevision,
    /// No such model, or one that this token may not know of: the hub does not say which.
    NoSuchModel,
    /// A licence has to be accepted first.
    Gated,
    /// The model is there, but not for this token.
    Forbidden,
    BadToken,
    /// Too many requests; the seconds to wait, if the hub says.
    RateLimited(Option<u64>),
    /// A status that is no answer.
    Status(u16),
    /// No connection, for a reason in a few words.
    Unreachable(String),
    /// The body of an answer ended early.
    Cut,
    /// A download given up: its name, what is there of it, and the whole.
    Broken {
        name: String,
        have: u64,
        size: u64,
    },
    /// A download given up because it was too slow: its name, what is there of it, and the whole.
    Slow {
        name: String,
        have: u64,
        size: u64,
    },
    /// A download that is not what the hub announced, and was deleted.
    Damaged {
        name: String,
        what: String,
    },
    /// A file that is larger than any of its kind.
    TooLarge {
        name: String,
        size: u64,
    },
    /// An answer that makes no sense, in a few words of our own: what a hub says may be anything,
    /// our token too.
    Nonsense(&'static str),
    /// A setting that cannot be used.
    Setting(String),
    /// This machine lacks something that connections need, said in a few words.
    Setup(String),
    /// A file could not be written.
    Disk {
        path: PathBuf,
        error: io::Error,
    },
}

/// What a failure is about.
pub struct About {
    /// The full id.
    pub id: String,
    pub revision: String,
    /// The hub's address, without what may be secret in it.
    pub hub: String,
    pub has_token: bool,
    /// Where the cache is.
    pub cache: PathBuf,
}

impl About {
    /// The model for the beginning of a sentence, with its revision where one was chosen.
    pub fn model(&self) -> String {
        match self.revision.as_str() {
            "main" => self.id.clone(),
            revision => format!("{} at revision {revision}", self.id),
        }
    }

    /// A model whose name is so near that it may have been meant.
    pub fn near(&self) -> Option<String> {
        near::nearest(&self.id, &self.cache)
    }

    /// The hub's address without its scheme.
    fn host(&self) -> &str {
        self.hub.split_once("://").map_or(&self.hub, |(_, host)| host)
    }
}

/// A wait in seconds that a run sits out by itself; a longer one is its user's to choose.
const SHORT_WAIT: u64 = 10;

impl Failure {
    pub fn disk(path: &Path, error: io::Error) -> Self {
        Self::Disk {
            path: path.to_path_buf(),
            error,
        }
    }

    /// Whether the same request may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Cut => true,
            Self::Status(status) => *status >= 500 || *status == 408,
            Self::RateLimited(wait) => wait.is_none_or(|seconds| seconds <= SHORT_WAIT),
            _ => false,
        }
    }

    /// How long the hub asks one to wait before the next request.
    pub fn asks_for(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(wait) => wait.map(Duration::from_secs),
            _ => None,
        }
    }

    /// Whether the hub could not be asked at all, or had nothing to say.
    pub fn is_silence(&self) -> bool {
        self.is_passing() || matches!(self, Self::Setup(_) | Self::RateLimited(_))
    }

    /// One sentence for the problem, one for the remedy.
    pub fn explain(self, about: &About) -> Error {
        match self {
            Self::Disk { path, error } => explain_disk(&path, &error),
            Self::Gated | Self::Forbidden | Self::BadToken | Self::NoSuchModel => self.explain_access(about),
            _ => self.explain_transport(about),
        }
    }

    fn explain_access(self, about: &About) -> Error {
        let About { id, hub, .. } = about;
        match self {
            Self::Gated if about.has_token => Error::failed(
                format!("{id} is gated, and the account of this token has not been let in."),
                format!(
                    "Accept the licence on {hub}/{id} with that account, and let HF_TOKEN read gated models."
                ),
            ),
            Self::Gated => Error::failed(
                format!("{id} is gated: only those who accept its licence may download it."),
                format!("Accept the licence on {hub}/{id}, then set HF_TOKEN to a token of that account."),
            ),
            Self::Forbidden => Error::failed(
                format!("{id} is gated, or this access token may not read it."),
                format!(
                    "Accept the licence on {hub}/{id}, and set HF_TOKEN to a token that may read gated models."
                ),
            ),
            Self::BadToken => Error::failed(
                format!("{} does not accept this access token.", about.host()),
                format!(
                    "Set HF_TOKEN to one from {hub}/settings/tokens, or to none: public models need no token."
                ),
            ),
            _ => Error::failed(
                format!("{} has no model {id}, or it is private.", about.host()),
                match about.near() {
                    Some(near) => format!("Did you mean {near}, which is in the cache?"),
                    None => "Check the name (owner/name); for a private model set HF_TOKEN to a token that may read it."
                        .to_string(),
                },
            ),
        }
    }

    fn explain_transport(self, about: &About) -> Error {
        let host = about.host();
        match self {
            Self::NoSuchRevision => Error::failed(
                format!("{} has no revision {}.", about.id, about.revision),
                format!(
                    "See its branches, tags and commits on {}/{}.",
                    about.hub, about.id
                ),
            ),
            Self::RateLimited(wait) => Error::failed(
                format!("{host} has had too many requests from here."),
                match wait {
                    Some(seconds) => format!(
                        "Run the same command again in {seconds} seconds; it continues where it stopped."
                    ),
                    None => "Run the same command again in a few minutes; it continues where it stopped."
                        .to_string(),
                },
            ),
            Self::Status(status) if status >= 500 => Error::failed(
                format!("{host} is in trouble (status {status})."),
                "Run the same command again in a few minutes; it continues where it stopped.",
            ),
            Self::Unreachable(reason) => Error::failed(
                format!("{host} cannot be reached ({reason})."),
                match about.near() {
                    Some(near) => format!("Check the network, or did you mean {near}, which is in the cache?"),
                    None => "Check the network; without one, give a model directory, or a model that is already cached \
                             and --offline."
                        .to_string(),
                },
            ),
            Self::Broken { name, have, size } => Error::failed(
                format!("The connection broke off after {have} of {size} bytes of {name}."),
                "Check the network and run the same command again; it continues where it stopped.",
            ),
            Self::Slow { name, have, size } => Error::failed(
                format!(
                    "{name} came at less than 1 KB a second and was given up after {have} of {size} bytes."
                ),
                "Run the same command again later, or over a faster network; it continues where it stopped.",
            ),
            Self::TooLarge { name, size } => Error::failed(
                format!("{host} announces {size} bytes of {name}, more than any such file has."),
                "Choose another model or revision; this one was made to fill a disk.",
            ),
            Self::Damaged { name, what } => Error::failed(
                format!("{name} arrived damaged ({what}) and was deleted."),
                "Run the same command again to download it afresh.",
            ),
            Self::Setting(problem) => Error::failed(
                problem,
                "Correct that setting, or unset it to have the ordinary one.",
            ),
            Self::Setup(reason) => Error::failed(
                format!("No connection to {host} can be set up ({reason})."),
                "Install the system's CA certificates (often a package named ca-certificates), or give a model directory.",
            ),
            other => Error::failed(
                format!(
                    "{host} answered in a way that lens does not understand ({}).",
                    other.oddity()
                ),
                "Check that HF_ENDPOINT, if set, is a Hugging Face hub and that no proxy or login page is in between.",
            ),
        }
    }

    /// What was odd about an answer, in a few words.
    fn oddity(&self) -> String {
        match self {
            Self::Nonsense(what) => (*what).to_string(),
            Self::Status(status) => format!("status {status}"),
            Self::NoSuchFile => "a file that it had announced is missing".to_string(),
            _ => "it broke off".to_string(),
        }
    }
}

fn explain_disk(path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::failed(
            format!("There is no space left for {path}."),
            "Free some space, or set HF_HUB_CACHE to a directory on a larger disk, and run the same command again.",
        ),
        _ => Error::failed(
            format!("{path} cannot be written: {}.", one_line(&error.to_string())),
            "Check its permissions, or set HF_HUB_CACHE to a directory that you may write to.",
        ),
    }
}

/// Foreign text made fit for the inside of a sentence.
pub fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    line.trim_end_matches('.').chars().take(160).collect()
}

/// A repository whose weights are in GGUF files, and none of them was chosen.
pub fn only_gguf(types: &[String], about: &About) -> Error {
    let first = types.first().map_or("Q8_0", String::as_str);
    Error::usage(
        format!(
            "{} has its weights in GGUF files: {}.",
            about.model(),
            types.join(", ")
        ),
        format!("Choose one of these types, as in --model {}:{first}.", about.id),
    )
}

/// A model that the hub has, but without something that it needs.
pub fn lacks(missing: &Missing, about: &About) -> Error {
    let model = about.model();
    match missing {
        Missing::Config => Error::failed(
            format!("{model} has no config.json."),
            "Give a model in Hugging Face layout; this one was made for another program.",
        ),
        Missing::Tokenizer => Error::failed(
            format!("{model} has no tokenizer.json, nor vocab.json and merges.txt."),
            "Choose a model with one of these, or save its tokenizer as tokenizer.json in a directory.",
        ),
        Missing::Weights => Error::failed(
            format!("{model} has no model.safetensors, and lens reads safetensors only."),
            "Choose a model with safetensors weights, or give a directory to which transformers saved this one.",
        ),
        Missing::Gguf { wanted, there } if there.is_empty() => Error::failed(
            format!("{model} has no GGUF files."),
            format!("Leave out :{wanted} to read its safetensors, or choose a repository with GGUF files."),
        ),
        Missing::Gguf { wanted, there } => Error::failed(
            format!("{model} has no GGUF file of the type {wanted}."),
            format!("It has {}.", there.join(", ")),
        ),
        Missing::Shard(name) => Error::failed(
            match name.ends_with(".gguf") {
                true => format!("{model} has no {name}, although its list of files names it."),
                false => format!("{model} has no {name}, although its {INDEX} names it."),
            },
            "Tell the model's authors that their upload is not complete, or choose another revision.",
        ),
    }
}
