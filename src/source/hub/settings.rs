//! The settings that Python's huggingface_hub and hf-hub share: options first, then environment
//! variables, then defaults. An empty variable counts as none.

use std::path::PathBuf;
use std::time::Duration;

use hf_hub::Cache;
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::HubOptions;
use super::answer::is_web;
use super::failure::{Failure, Outcome};

/// The wait for an answer, where `HF_HUB_DOWNLOAD_TIMEOUT` says nothing else.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the hub and the cache are, and who asks.
pub struct Settings {
    endpoint: String,
    pub cache: PathBuf,
    pub token: Option<String>,
    pub offline: bool,
    /// The longest wait for an answer, or for more of one.
    pub patience: Duration,
}

impl Settings {
    pub fn new(options: &HubOptions) -> Self {
        let endpoint = options.endpoint.clone().or_else(|| variable("HF_ENDPOINT"));
        let cache = options.cache_dir.clone();
        Self {
            endpoint: endpoint.unwrap_or_else(|| "https://huggingface.co".to_string()),
            cache: cache.unwrap_or_else(default_cache),
            token: token(options),
            offline: options.offline || is_true("HF_HUB_OFFLINE"),
            patience: patience(),
        }
    }

    /// The hub's address.
    ///
    /// # Errors
    /// What is no web address. It is not shown, since a password may be in it.
    pub fn hub(&self) -> Outcome<Url> {
        match Url::parse(&self.endpoint) {
            Ok(url) if is_web(&url) => Ok(plain(url)),
            Ok(url) => Err(Failure::Setting(format!(
                "HF_ENDPOINT is an address of the kind {}:, and a hub's is of https: or http:.",
                url.scheme()
            ))),
            Err(e) => Err(Failure::Setting(format!(
                "HF_ENDPOINT is not a web address ({e})."
            ))),
        }
    }

    /// The hub's address for messages: without a name and a password, or a slash at its end.
    pub fn shown_hub(&self) -> String {
        let Ok(mut url) = self.hub() else {
            return "HF_ENDPOINT".to_string();
        };
        // Neither fails for an address with a host.
        let _ = (url.set_username(""), url.set_password(None));
        url.as_str().trim_end_matches('/').to_string()
    }

    /// The header that tells the hub who asks. Where a name and a password are in its address,
    /// they are what it gets.
    ///
    /// # Errors
    /// A token that cannot be sent.
    pub fn authorization(&self, hub: &Url) -> Outcome<Option<HeaderValue>> {
        let named = !hub.username().is_empty() || hub.password().is_some();
        let Some(token) = self.token.as_ref().filter(|_| !named) else {
            return Ok(None);
        };
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Failure::Setting("The access token has characters that no token has.".into()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Without what no address of a hub has.
fn plain(mut url: Url) -> Url {
    url.set_query(None);
    url.set_fragment(None);
    url
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().and_then(trimmed)
}

fn trimmed(value: String) -> Option<String> {
    Some(value.trim().to_string()).filter(|value| !value.is_empty())
}

/// A switch as Python reads it.
fn is_true(name: &str) -> bool {
    let value = variable(name).unwrap_or_default();
    ["1", "true", "yes", "on"]
        .iter()
        .any(|yes| value.eq_ignore_ascii_case(yes))
}

/// A path with `~` and `$VARIABLE` for what they stand for, as Python has it; one that is not set
/// stays as it is.
fn expanded(path: PathBuf) -> PathBuf {
    let Some(text) = path.to_str() else {
        return path;
    };
    let home = || std::env::home_dir().and_then(|home| home.into_os_string().into_string().ok());
    let variable = |name: &str| std::env::var(name).ok();
    shellexpand::full_with_context_no_errors(text, home, variable)
        .into_owned()
        .into()
}

fn patience() -> Duration {
    let seconds = variable("HF_HUB_DOWNLOAD_TIMEOUT").and_then(|seconds| seconds.parse().ok());
    seconds
        .filter(|&seconds| seconds > 0)
        .map_or(PATIENCE, Duration::from_secs)
}

/// The cache's folder, where no option names it: as Python's huggingface_hub has it.
fn default_cache() -> PathBuf {
    let named = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]
        .into_iter()
        .find_map(variable);
    expanded(named.map_or_else(|| home().path().clone(), PathBuf::from))
}

/// What Hugging Face's tools keep for a user: `HF_HOME`, else a folder among the caches.
fn home() -> Cache {
    let caches = || variable("XDG_CACHE_HOME").map_or_else(default_caches, PathBuf::from);
    let home = variable("HF_HOME").map_or_else(|| caches().join("huggingface"), PathBuf::from);
    Cache::new(home.join("hub"))
}

/// A user's caches; those of a user without a home are nobody's.
fn default_caches() -> PathBuf {
    std::env::home_dir().map_or_else(std::env::temp_dir, |home| home.join(".cache"))
}

/// The access token: as given, from `HF_TOKEN`, or from the file that `hf auth login` writes.
/// hf-hub looks in the same places but keeps what it finds to itself.
fn token(options: &HubOptions) -> Option<String> {
    if options.token.is_some() {
        return options.token.clone().and_then(trimmed);
    }
    if is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
        return None;
    }
    let file = || {
        let path = variable("HF_TOKEN_PATH").map_or_else(|| home().token_path(), PathBuf::from);
        std::fs::read_to_string(expanded(path)).ok().and_then(trimmed)
    };
    variable("HF_TOKEN").or_else(file)
}
