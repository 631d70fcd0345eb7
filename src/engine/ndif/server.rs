//! An NDIF server: reached, made sure of, asked to run a body.

use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use reqwest::header::HeaderName;
use reqwest::{StatusCode, Url};

use super::archive;
use super::wire::{self, Environments, Response};
use crate::engine::http::{Client, Content, Key, Reply, variable};
use crate::engine::local::cancelled;
use crate::engine::remote::{address_of, check_address};
use crate::error::{Error, Result};
use crate::machine::progress::Progress;
use crate::model::{EngineCard, Model};
use crate::source;

/// The public service.
const HOST: &str = "https://api.ndif.us";
/// The versions of nnsight, before the last number, whose wire is spoken here, and the releases tried.
const TESTED: &str = "0.8.";
const TRIED: &str = "0.8.1";
/// The most bytes of an answer that holds no numbers.
const SMALL: usize = 4 << 20;
/// The first and the longest pause between two questions after a request.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];
/// Failures to answer such a question that are sat out, one after another.
const FAILURES: usize = 5;

/// An NDIF server.
pub struct Server {
    pub client: Client,
    /// The name by which it has the model, where that is another.
    pub name: Option<String>,
    patience: Duration,
    /// The revision that is asked for; `None` for the one that the server has.
    pub revision: Option<String>,
}

impl Server {
    /// Reaches the server at `address`, or the public one, and makes sure that it speaks as lens does.
    ///
    /// # Errors
    /// A server that is not there or of another version, or a model of a family whose modules' names are not
    /// known.
    pub fn connect(
        address: Option<&Url>,
        model: &mut Model,
        revision: Option<String>,
        patience: Duration,
    ) -> Result<Self> {
        super::modules_of(model)?;
        // What nnsight keeps is for the server that nnsight would ask.
        let kept = address.is_none().then(kept_settings).flatten();
        let base = match address {
            Some(address) => address.clone(),
            None => public(kept.as_deref())?,
        };
        let name = named_in(&base);
        let is_public = Url::parse(HOST).is_ok_and(|public| public.host_str() == base.host_str());
        if is_public
            && name.is_none()
            && (model.card.name == source::DEMO || !source::is_on_the_hub(&model.card.name))
        {
            return Err(Error::usage(
                format!(
                    "NDIF knows a model by its name on the hub, which {} is not.",
                    model.card.name
                ),
                "Give --model a name of the hub, or a server of your own: --remote ndif+http://HOST.",
            ));
        }
        let mut base = base;
        base.set_fragment(None);
        let key = variable("NDIF_API_KEY").or_else(|| setting_in(&kept?, "APIKEY"));
        let key = key.map(|secret| Key {
            header: HeaderName::from_static("ndif-api-key"),
            scheme: "",
            secret,
        });
        let client = Client::open(&base, key, patience)?;
        let about: Environments = wire::read(&client, &client.get("/env", SMALL)?)?;
        let version = about
            .packages
            .get("nnsight")
            .cloned()
            .flatten()
            .unwrap_or_default();
        if !version.starts_with(TESTED) {
            return Err(Error::failed(
                format!(
                    "{} runs nnsight {}, whose requests are not those of {TESTED}x that lens writes (tried with {TRIED}).",
                    client.host(),
                    client.quoted(&version)
                ),
                "Add -o lens.py: it writes a script of the same run for nnsight, in the version that the server has.",
            ));
        }
        let engine = EngineCard::new("NDIF", Some(&format!("nnsight {version}")));
        model.card.device = format!("NDIF at {}", client.host());
        model.card.engine = Some(engine);
        Ok(Self {
            client,
            name,
            patience,
            revision,
        })
    }

    /// Sends a request, waits for what comes of it and gives the string that the body saved, of at most `most`
    /// bytes.
    pub fn run(&self, content: Content, most: usize, progress: &dyn Progress) -> Result<String> {
        let since = Instant::now();
        let sent: Response = wire::read(&self.client, &self.client.post("/request", content, SMALL)?)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if sent.id.is_empty() || !sent.id.chars().all(is_plain) {
            return Err(self.client.odd("a request's id that is no name"));
        }
        let done = self.wait(sent, since, progress)?;
        let Some(address) = done.data.as_ref().and_then(|data| data.as_str()) else {
            return Err(self.client.odd("a result that is nowhere"));
        };
        let result = self.fetch(address, most)?;
        let text = archive::text(&result.body).map_err(|what| self.client.odd(&what))?;
        Ok(text.to_string())
    }

    /// The last answer about a request that was sent at `since`: that it is done.
    fn wait(&self, sent: Response, since: Instant, progress: &dyn Progress) -> Result<Response> {
        let path = format!("/response/{}", sent.id);
        let ([mut pause, longest], mut failures) = (PAUSES, 0);
        let mut state = sent.status;
        let mut description = sent.description;
        loop {
            progress.say(&self.standing(&state, description.as_deref()));
            if progress.is_cancelled() {
                return Err(cancelled());
            }
            if since.elapsed() > self.patience {
                return Err(self.late(&state));
            }
            std::thread::sleep(pause);
            pause = (pause * 3 / 2).min(longest);
            let reply = match self.client.get(&path, SMALL) {
                // There is nothing to say of it yet.
                Ok(reply) if reply.status.as_u16() == 404 => continue,
                Ok(reply) if is_passing(reply.status) && failures < FAILURES => {
                    failures += 1;
                    continue;
                }
                Err(_) if failures < FAILURES => {
                    failures += 1;
                    continue;
                }
                reply => reply?,
            };
            failures = 0;
            let response: Response = wire::read(&self.client, &reply)?;
            if response.id != sent.id {
                return Err(self.client.odd("an answer about another request"));
            }
            match response.status.as_str() {
                "COMPLETED" => return Ok(response),
                "ERROR" => return Err(self.failed(response.description.as_deref().unwrap_or_default())),
                _ => (state, description) = (response.status, response.description),
            }
        }
    }

    /// Where a request stands, for those who wait: a place in a queue is in the description.
    fn standing(&self, state: &str, description: Option<&str>) -> String {
        let state = self.client.quoted(&state.to_lowercase());
        let description = self.client.quoted(description.unwrap_or_default());
        match description.is_empty() {
            true => format!("NDIF: {state}"),
            false => format!(
                "NDIF: {state} ({})",
                description.chars().take(60).collect::<String>()
            ),
        }
    }

    /// What is at `address`, to which the key does not go.
    fn fetch(&self, address: &str, most: usize) -> Result<Reply> {
        let url = Url::parse(address).ok();
        let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) else {
            return Err(self.client.odd("a result at what is no web address"));
        };
        let storage = Client::open(&url, None, self.patience)?;
        let reply = storage.get_base(most).map_err(|error| Error {
            remedy: "It is where the result of the request was put: run the same command again.".to_string(),
            ..error
        })?;
        match reply.status.is_success() {
            true => Ok(reply),
            false => Err(Error::failed(
                format!(
                    "{}, where the result is, does not give it (status {}).",
                    storage.host(),
                    reply.status.as_u16()
                ),
                "Run the same command again: such addresses hold for an hour.",
            )),
        }
    }

    /// The error for a request that failed there: the last line of what it says, which of a traceback is what
    /// went wrong.
    fn failed(&self, description: &str) -> Error {
        let mut lines = description.lines().rev();
        let last = lines.find(|line| !line.trim().is_empty()).unwrap_or("no reason");
        Error::failed(
            format!(
                "{} could not run the request: {}.",
                self.client.host(),
                self.client.quoted(last)
            ),
            "Check that the server has this model (of NDIF: https://nnsight.net/status); a defect of lens is worth \
             reporting.",
        )
    }

    fn late(&self, state: &str) -> Error {
        Error::failed(
            format!(
                "{} has not finished the request within {} s: it is {}.",
                self.client.host(),
                self.patience.as_secs(),
                self.client.quoted(&state.to_lowercase())
            ),
            "Wait longer with --timeout SECONDS, or run the same command again later.",
        )
    }
}

/// Whether a failure to say how a request stands may pass.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

/// The name of a model that stands after a `#` in an address.
fn named_in(address: &Url) -> Option<String> {
    let name = percent_decode_str(address.fragment()?).decode_utf8_lossy();
    Some(name.into_owned()).filter(|name| !name.is_empty())
}

/// Where the public service is, or what `NDIF_HOST` or nnsight's `kept` settings name.
fn public(kept: Option<&str>) -> Result<Url> {
    let host = variable("NDIF_HOST").or_else(|| setting_in(kept?, "HOST"));
    let url = address_of(host.as_deref().unwrap_or(HOST)).map_err(|what| {
        Error::usage(
            format!("NDIF_HOST, or HOST in nnsight's settings, is no address of a server: {what}."),
            "Set NDIF_HOST to https://api.ndif.us, say.",
        )
    })?;
    check_address(&url)?;
    Ok(url)
}

/// nnsight's own settings.
fn kept_settings() -> Option<String> {
    let settings = match variable("XDG_CONFIG_HOME") {
        Some(settings) => settings.into(),
        None => std::env::home_dir()?.join(".config"),
    };
    std::fs::read_to_string(settings.join("nnsight/config.yaml")).ok()
}

/// The value of `name` below `API` in nnsight's settings, a file of a few plain lines of YAML.
fn setting_in(text: &str, name: &str) -> Option<String> {
    let without_comment = |line: &'_ str| -> String {
        let end = match line.trim_start().starts_with('#') {
            true => 0,
            false => line.find(" #").unwrap_or(line.len()),
        };
        line[..end].trim_end().to_string()
    };
    let lines = text.lines().map(without_comment).filter(|line| !line.is_empty());
    let value = lines
        .skip_while(|line| line != "API:")
        .skip(1)
        .take_while(|line| line.starts_with([' ', '\t']))
        .find_map(|line| {
            line.trim()
                .strip_prefix(name)?
                .strip_prefix(':')
                .map(str::to_string)
        })?;
    let value = value.trim().trim_start_matches("!!str").trim();
    let value = value.trim_matches(['"', '\'']);
    Some(value.to_string()).filter(|value| !matches!(value.as_str(), "" | "null" | "~"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nnsights_own_settings_hold_a_key() {
        let text =
            "API:\n  HOST: https://api.ndif.us\n  APIKEY: abc-123\n  COMPRESS: true\nAPP:\n  DEBUG: false\n";
        let key_in = |text: &str| setting_in(text, "APIKEY");
        assert_eq!(key_in(text).as_deref(), Some("abc-123"));
        assert_eq!(setting_in(text, "HOST").as_deref(), Some("https://api.ndif.us"));
        for text in [
            "API:\n  APIKEY: 'x y'  # mine\n",
            "API:   # c\n# another\n\n  APIKEY: !!str \"x y\"\n",
        ] {
            assert_eq!(key_in(text).as_deref(), Some("x y"), "{text}");
        }
        for none in [
            "",
            "API:\n  APIKEY: ''\n",
            "API:\n  APIKEY: null\n",
            "APP:\n  APIKEY: a\n",
            "API:\nAPP:\n  APIKEY: a\n",
        ] {
            assert_eq!(key_in(none), None, "{none:?}");
        }
    }
}
