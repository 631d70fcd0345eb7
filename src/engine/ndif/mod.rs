//! NDIF: a body in plain torch that the server runs beside the model, which reads there what is asked for and
//! saves one string of JSON. No weights are needed here, and nothing that comes back is unpickled.

mod archive;
mod pickle;
mod readings;
mod wire;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::HeaderName;
use serde::Serialize;

use super::Engine;
use super::http::{Client, Key, Reply, variable};
use super::local::continuation;
use crate::decoder::{Modules, Point, Site, modules};
use crate::error::{Error, Result};
use crate::lens::{Request, Trajectory};
use crate::machine::progress::Progress;
use crate::model::{Card, EngineCard, Model};
use crate::text::prompt::Prompt;
use crate::text::targets::Target;
use crate::text::tokens::Tokens;
use pickle::Trace;
use readings::{Asked, Saved};
use wire::{Environments, Response};

/// The public service.
const HOST: &str = "https://api.ndif.us";
/// The versions of nnsight, before the last number, whose wire is spoken here, and the releases tried.
const TESTED: &str = "0.8.";
const TRIED: &str = "0.8.1";
/// The text of the body.
const BODY: &str = include_str!("body.py");
/// The most bytes of an answer that holds no numbers.
const SMALL: usize = 4 << 20;
/// Logits of positions that the body has at once, of one row.
const TOGETHER: usize = 4 << 20;
/// Requests under way at a time.
const IN_FLIGHT: usize = 4;
/// Tokens of the prompts of one call.
const BATCH: usize = 4096;
/// The first and the longest pause between two questions after a request.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];
/// Failures to answer such a question that are sat out, one after another.
const FAILURES: usize = 5;

/// An NDIF server.
pub struct Server {
    client: Client,
    patience: Duration,
    /// The revision that is asked for; `None` for the one that the server has.
    revision: Option<String>,
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
        modules_of(model)?;
        let base = match address {
            Some(address) => address.clone(),
            None => public()?,
        };
        // What nnsight keeps is for the server that nnsight would ask.
        let key = variable("NDIF_API_KEY").or_else(|| address.is_none().then(kept_key).flatten());
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
        let engine = EngineCard::new("NDIF", Some(format!("nnsight {}", client.quoted(&version))));
        model.card.device = format!("NDIF at {}", client.host());
        model.card.engine = Some(engine);
        Ok(Self {
            client,
            patience,
            revision,
        })
    }

    /// Sends a request, waits for what comes of it and gives the string that the body saved, of at most `most`
    /// bytes.
    fn run(&self, content: super::http::Content, most: usize, progress: &dyn Progress) -> Result<String> {
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
        loop {
            progress.say(&format!("NDIF: {}", self.client.quoted(&state.to_lowercase())));
            if since.elapsed() > self.patience {
                return Err(self.late(&state));
            }
            std::thread::sleep(pause);
            pause = (pause * 3 / 2).min(longest);
            let reply = match self.client.get(&path, SMALL) {
                // There is nothing to say of it yet.
                Ok(reply) if reply.status.as_u16() == 404 => continue,
                Ok(reply) if reply.status.is_server_error() && failures < FAILURES => {
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
            match response.status.as_str() {
                "COMPLETED" => return Ok(response),
                "ERROR" => return Err(self.failed(response.description.as_deref().unwrap_or_default())),
                _ => state = response.status,
            }
        }
    }

    /// What is at `address`, to which the key does not go.
    fn fetch(&self, address: &str, most: usize) -> Result<Reply> {
        let url = Url::parse(address).ok();
        let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) else {
            return Err(self.client.odd("a result at what is no web address"));
        };
        let storage = Client::open(&url, None, self.patience)?;
        let reply = storage.get_base(most)?;
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

/// Where the public service is, or what `NDIF_HOST` names.
fn public() -> Result<Url> {
    let host = variable("NDIF_HOST");
    let url = super::remote::address_of(host.as_deref().unwrap_or(HOST));
    url.map_err(|what| {
        Error::usage(
            format!("NDIF_HOST is no address of a server: {what}."),
            "Unset it, or set it to https://api.ndif.us.",
        )
    })
}

/// The key that nnsight keeps in its own settings.
fn kept_key() -> Option<String> {
    let settings = match variable("XDG_CONFIG_HOME") {
        Some(settings) => settings.into(),
        None => std::env::home_dir()?.join(".config"),
    };
    key_in(&std::fs::read_to_string(settings.join("nnsight/config.yaml")).ok()?)
}

/// The value of `APIKEY` below `API` in nnsight's settings, a file of a few plain lines of YAML.
fn key_in(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| line.trim_end() != "API:").skip(1);
    let value = lines
        .by_ref()
        .take_while(|line| line.starts_with([' ', '\t']) || line.trim().is_empty())
        .find_map(|line| line.trim().strip_prefix("APIKEY:"))?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let value = value.trim_matches(['"', '\'']);
    Some(value.to_string()).filter(|value| !matches!(value.as_str(), "" | "null" | "~"))
}

/// The names of the modules of `model` in `transformers`.
fn modules_of(model: &Model) -> Result<&'static Modules> {
    let unembed = &model.decoder.unembed;
    let known = modules(&model.card.family).filter(|_| unembed.norm.is_some() && unembed.project.is_none());
    known.ok_or_else(|| {
        Error::failed(
            format!(
                "lens does not know the names of the modules of {} on an NDIF server.",
                model.card.family
            ),
            "Use a vLLM server (--remote vllm+http://host:8000), or run the model on this machine.",
        )
    })
}

/// A model that a server runs.
pub struct Ndif<'a> {
    /// Its description and its tokenizer.
    pub model: &'a Model,
    pub server: Server,
}

/// What the body is asked for.
#[derive(Serialize)]
struct Ask<'a> {
    positions: &'a [usize],
    /// The token after each, in the prompt.
    next: Vec<Option<u32>>,
    top_k: usize,
    cap: Option<f64>,
    scale: f64,
    hidden: usize,
    /// Of each block read, the points.
    points: Vec<Vec<&'static str>>,
    /// Positions whose logits are made at once.
    together: usize,
    distances: bool,
    /// Whether the last row is shown, or only the output of the others.
    shows_last: bool,
    /// How many of a row's top tokens are followed.
    follow: usize,
    /// Whether the output's token is followed.
    answer: bool,
    follow_next: bool,
    targets: Vec<u32>,
}

impl Ndif<'_> {
    /// The rows to read, in the order in which they come to be, the output last; and how many are shown.
    fn sites(&self, request: &Request) -> Result<(Vec<Site>, usize)> {
        let blocks = self.model.card.layers;
        let layers = request.layers.resolve(blocks)?;
        let mut sites = Vec::new();
        if request.points.read_embed(&request.layers) {
            sites.push(Site {
                layer: 0,
                point: Point::Embed,
            });
        }
        let within = [Point::AttnOut, Point::ResidMid, Point::MlpOut, Point::ResidPost];
        for layer in layers {
            let points = within.into_iter().filter(|&point| request.points.has(point));
            sites.extend(points.map(|point| Site { layer, point }));
        }
        let last = Site {
            layer: blocks - 1,
            point: Point::ResidPost,
        };
        let shown = sites.len();
        if sites.last() != Some(&last) {
            sites.push(last);
        }
        Ok((sites, shown))
    }

    /// Reads one prompt.
    fn read(&self, prompt: Prompt, request: &Request, progress: &dyn Progress) -> Result<Trajectory> {
        let positions = request.positions.resolve(prompt.ids.len())?;
        let mut targets: Vec<Target> = Vec::new();
        for target in request.targets.iter().chain(&prompt.targets) {
            if !targets.contains(target) {
                targets.push(target.clone());
            }
        }
        let (sites, shown) = self.sites(request)?;
        let top_k = request.top_k.min(self.model.card.vocabulary);
        let asked = Asked {
            prompt,
            positions,
            targets,
            sites: &sites,
            shown,
            top_k,
            request,
        };
        let text = self
            .server
            .run(self.content(&asked)?, self.most(&asked), progress)?;
        let odd = |what: &str| self.server.client.odd(what);
        if text.contains("NaN") || text.contains("Infinity") {
            return Err(Error::failed(
                "The server's numbers are not all finite.",
                "Its weights overflow in the type that it computes in; try another model or prompt.",
            ));
        }
        let saved: Saved = serde_json::from_str(&text).map_err(|e| odd(&e.to_string()))?;
        if saved.vocabulary != self.model.card.vocabulary {
            return Err(Error::failed(
                format!(
                    "{} has another model under this name: its vocabulary has {} tokens, and that of --model {}.",
                    self.server.client.host(),
                    saved.vocabulary,
                    self.model.card.vocabulary
                ),
                "Give --model, and --revision if need be, as the server has it.",
            ));
        }
        if let Some(engine) = &self.model.card.engine {
            let dtype = saved.dtype.trim_start_matches("torch.");
            engine.says(&self.server.client.quoted(dtype));
        }
        saved.trajectory(asked).map_err(|what| odd(&what))
    }

    /// The request for what is asked.
    fn content(&self, asked: &Asked) -> Result<super::http::Content<'static>> {
        let (model, request) = (self.model, asked.request);
        let mut blocks: Vec<usize> = asked.sites.iter().map(|site| site.layer).collect();
        blocks.dedup();
        let points = |&layer: &usize| {
            let sites = asked.sites.iter().filter(move |site| site.layer == layer);
            sites.map(|site| site.point.name()).collect()
        };
        let named = asked.targets.iter().chain(&request.against);
        let unembed = &model.decoder.unembed;
        let ask = Ask {
            positions: &asked.positions,
            next: (asked.positions.iter())
                .map(|&at| asked.prompt.ids.get(at + 1).copied())
                .collect(),
            top_k: asked.top_k,
            cap: unembed.cap,
            scale: unembed.scale,
            hidden: model.card.hidden,
            points: blocks.iter().map(points).collect(),
            together: (TOGETHER / model.card.vocabulary).max(1),
            distances: request.distances,
            shows_last: asked.shown == asked.sites.len(),
            follow: request.follow.count(asked.top_k),
            answer: request.follow == crate::lens::Follow::Top1,
            follow_next: request.follow_next,
            targets: named
                .flat_map(|target| target.ids.iter().copied().chain(target.other_form))
                .collect(),
        };
        let asked_text = serde_json::to_string(&ask).map_err(|e| self.server.client.odd(&e.to_string()))?;
        let within = |site: &Site| !matches!(site.point, Point::ResidPost | Point::Embed);
        let caps = model
            .decoder
            .blocks
            .iter()
            .any(|block| block.attention.cap.is_some());
        let trace = Trace {
            repository: &model.card.name,
            revision: self.server.revision.as_deref(),
            modules: modules_of(model)?,
            ids: &asked.prompt.ids,
            blocks: &blocks,
            branches: asked.sites.iter().any(within),
            asked: &asked_text,
            body: BODY,
        };
        // Torch's fused attention has no cap on scores.
        let attention = match caps || trace.modules.plain_attention {
            true => "eager",
            false => "sdpa",
        };
        let key = wire::model_key(trace.repository, trace.revision);
        wire::form(key, attention, &pickle::request(&trace))
    }

    /// The most bytes that a result can come to.
    fn most(&self, asked: &Asked) -> usize {
        let rows = asked.sites.len() * asked.positions.len();
        let followed = asked.sites.len() * asked.top_k + asked.targets.len() + 16;
        // A number takes at most 25 characters, an id fewer.
        SMALL + rows * 50 * (asked.top_k + 12 + followed)
    }
}

impl Engine for Ndif<'_> {
    fn card(&self) -> &Card {
        &self.model.card
    }

    fn tokens(&self) -> &Tokens {
        &self.model.tokens
    }

    fn batch_tokens(&self, _: &Request) -> usize {
        BATCH
    }

    fn read_prompts(
        &self,
        prompts: Vec<Prompt>,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Vec<Trajectory>> {
        let known = modules_of(self.model)?;
        let within = [Point::AttnOut, Point::ResidMid, Point::MlpOut];
        let asks_within = within.into_iter().any(|point| request.points.has(point));
        if asks_within && known.branches.is_none() {
            return Err(Error::usage(
                format!(
                    "What attention and MLP of {} add cannot be read on an NDIF server.",
                    self.model.card.family
                ),
                "Leave out --point.",
            ));
        }
        if request.keep_rows {
            return Err(Error::usage(
                "NDIF gives readings, and a comparison needs the rows themselves.",
                "Read the two one after another, or use a vLLM server.",
            ));
        }
        let trajectories: Vec<Mutex<Option<Result<Trajectory>>>> =
            prompts.iter().map(|_| Mutex::default()).collect();
        let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            while failed.load(Ordering::Relaxed) == 0 {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let (Some(prompt), Some(place)) = (prompts.get(i), trajectories.get(i)) else {
                    return;
                };
                let read = self.read(prompt.clone(), request, progress);
                failed.fetch_add(usize::from(read.is_err()), Ordering::Relaxed);
                *place.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(read);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..prompts.len().min(IN_FLIGHT) {
                // With fewer threads it takes longer.
                let _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        let read = trajectories.into_iter().filter_map(|read| {
            let read = read.into_inner();
            read.unwrap_or_else(|poisoned| poisoned.into_inner())
        });
        read.collect()
    }

    fn generate(&self, prompt: &Prompt, count: usize) -> Result<Prompt> {
        let last = Request {
            layers: crate::lens::Layers::just(&[self.model.card.layers - 1], false),
            top_k: 1,
            ..Request::default()
        };
        continuation(self.model, prompt, count, &|ids| {
            let prompt = Prompt {
                ids: ids.to_vec(),
                targets: Vec::new(),
                ..prompt.clone()
            };
            Ok(self.read(prompt, &last, &())?.output[0].top1().id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nnsights_own_settings_hold_a_key() {
        let text =
            "API:\n  HOST: https://api.ndif.us\n  APIKEY: abc-123\n  COMPRESS: true\nAPP:\n  DEBUG: false\n";
        assert_eq!(key_in(text).as_deref(), Some("abc-123"));
        assert_eq!(key_in("API:\n  APIKEY: 'x y'  # mine\n").as_deref(), Some("x y"));
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
