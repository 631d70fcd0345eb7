//! A vLLM server: reached, made sure of, asked for rows.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::AUTHORIZATION;

use super::rows::{self, Numbers, Shape};
use super::wire::{self, Completed, Completion, Models, Served, Stream, Version};
use crate::engine::http::{Client, Content, Key, variable};
use crate::error::{Error, Result};
use crate::model::{EngineCard, Model};
use crate::text::visible::escaped;

/// Families whose blocks give vLLM the stream and, as what is still to be added, an older stream: the plugin adds
/// the two (commandr.py, stablelm.py of vLLM 0.30).
const NOT_THE_STREAM: [&str; 3] = ["cohere", "cohere2", "stablelm"];
/// The most bytes of an answer that holds no rows.
const SMALL: usize = 4 << 20;
/// Rows of more bytes than this come from an address of their own, not as base64 in JSON.
const INLINE: usize = 1 << 20;

/// A vLLM server that runs the model.
pub struct Server {
    client: Client,
    /// The name by which it serves the model.
    name: String,
    /// The most tokens of a prompt and its continuation.
    context: Option<usize>,
    /// The type of the rows that it gives.
    numbers: Numbers,
}

/// What the server said of one prompt: rows `[layer][position][hidden]`, and its own next token with its
/// log-probability.
pub struct Said {
    pub rows: Vec<f32>,
    numbers: Numbers,
    pub next: Option<(u32, f64)>,
}

impl Server {
    /// Reaches the server at `address` and makes sure that it runs `model` with the plugin.
    ///
    /// # Errors
    /// A server that is not there, has no plugin, serves another model or several without one being named.
    pub fn connect(address: &Url, model: &mut Model, patience: Duration) -> Result<Self> {
        if NOT_THE_STREAM.contains(&model.card.family.as_str()) {
            return Err(Error::usage(
                format!(
                    "Of {} models vLLM gives no residual stream: the rows are sums of two.",
                    model.card.family
                ),
                "Use an NDIF server (--remote ndif), or run the model on this machine.",
            ));
        }
        let key = variable("VLLM_API_KEY").map(|secret| Key {
            header: AUTHORIZATION,
            scheme: "Bearer ",
            secret,
        });
        let mut base = address.clone();
        base.set_fragment(None);
        // What other clients of such a server are given.
        if let Some(path) = address.path().trim_end_matches('/').strip_suffix("/v1") {
            base.set_path(path);
        }
        let client = Client::open(&base, key, patience)?;
        let models: Models = wire::read(&client, &client.get("/v1/models", SMALL)?)?;
        let named = address
            .fragment()
            .map(|name| percent_decode_str(name).decode_utf8_lossy());
        let served = pick(&client, models.data, named.as_deref(), &model.card.name)?;
        let version = client.get("/version", SMALL).ok();
        let version = version.and_then(|reply| wire::read::<Version>(&client, &reply).ok());
        let mut server = Self {
            client,
            name: served.id,
            context: served.max_model_len,
            numbers: Numbers::F32,
        };
        server.numbers = server.probe(model)?;
        let engine = EngineCard::new("vLLM", version.as_ref().map(|version| version.version.as_str()));
        engine.says(server.numbers.name());
        let name = server.client.quoted(&server.name);
        let name = match name == model.card.name {
            true => String::new(),
            false => format!(", which calls it {}", escaped(&name)),
        };
        model.card.device = format!("{engine} at {}{name}", server.client.host());
        model.card.engine = Some(engine);
        Ok(server)
    }

    /// Reads the vocabulary's last token alone, at the last layer and at one that should not be there:
    /// whether the server runs the model at all. Gives the type that it computes in.
    fn probe(&self, model: &Model) -> Result<Numbers> {
        let id = model.card.vocabulary as u32 - 1;
        let layers = model.card.layers;
        let said = self.ask(model, &[id], &[layers - 1, layers], 1)?;
        if said.next.is_none() {
            return Err(self.silent());
        }
        Ok(said.numbers)
    }

    /// The residual stream of a prompt after each of `layers`, of which `there` are expected: the model's.
    pub fn ask(&self, model: &Model, ids: &[u32], layers: &[usize], there: usize) -> Result<Said> {
        let shape = Shape {
            layers: there,
            tokens: ids.len(),
            hidden: model.card.hidden,
        };
        let bytes = shape.layers * shape.tokens * shape.hidden * size_of::<f32>();
        let request = Completion::new(&self.name, ids, layers, bytes > INLINE);
        let content = Content {
            kind: "application/json",
            headers: Vec::new(),
            body: serde_json::to_vec(&request).map_err(|e| self.client.odd(&e.to_string()))?,
        };
        let reply = self.client.post("/v1/completions", content, SMALL + 2 * bytes)?;
        let completed: Completed = wire::read(&self.client, &reply)?;
        let next = completed.next();
        let Some(activations) = completed.activations else {
            return Err(self.without_rows());
        };
        let stream = activations.residual_stream;
        self.check_shape(&stream, shape)?;
        let Some(numbers) = Numbers::of(&stream) else {
            return Err(self.client.odd(&format!("rows of the type {}", stream.dtype)));
        };
        let packed = match (&stream.data, &stream.handle) {
            (Some(data), _) => rows::unpacked(data).map_err(|what| self.client.odd(&what))?,
            (None, Some(handle)) => self.fetch(handle, SMALL + 2 * bytes)?,
            (None, None) => return Err(self.client.odd("rows that are nowhere")),
        };
        let rows = rows::numbers(&packed, stream.compression.as_deref(), numbers, shape);
        Ok(Said {
            rows: rows.map_err(|what| self.client.odd(&what))?,
            numbers,
            next,
        })
    }

    /// What is kept under `handle`, which is a name and nothing that leads elsewhere.
    fn fetch(&self, handle: &str, most: usize) -> Result<Vec<u8>> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if handle.is_empty() || !handle.chars().all(is_plain) {
            return Err(self.client.odd("a handle that is no name"));
        }
        let reply = self.client.get(&format!("/v1/activations/{handle}"), most)?;
        match reply.status.as_u16() {
            200 => Ok(reply.body),
            404 => Err(Error::failed(
                format!("{} no longer has the rows that it announced.", self.client.host()),
                "Start the server with one front end (--api-server-count 1), and run the same command again.",
            )),
            _ => Err(wire::refusal(&self.client, &reply)),
        }
    }

    /// Refuses rows of another shape than was asked for.
    fn check_shape(&self, stream: &Stream, asked: Shape) -> Result<()> {
        let &[layers, tokens, hidden] = stream.shape.as_slice() else {
            return Err(self.client.odd(&format!("rows of the shape {:?}", stream.shape)));
        };
        if hidden != asked.hidden {
            return Err(self.another_model(&format!(
                "its rows have {hidden} numbers, and those of this model {}",
                asked.hidden
            )));
        }
        if layers != asked.layers {
            return Err(self.another_model("it has another number of layers"));
        }
        if tokens != asked.tokens {
            return Err(Error::failed(
                format!(
                    "{} gave rows of {tokens} of a prompt's {} tokens.",
                    self.client.host(),
                    asked.tokens
                ),
                "Start the server with --no-enable-prefix-caching, or update vllm-lens: what it took from a cache or in \
                 chunks is missing.",
            ));
        }
        Ok(())
    }

    /// The error for an answer without the server's own next token, by which its rows are made sure of.
    pub fn silent(&self) -> Error {
        Error::failed(
            format!(
                "{} gives no log-probability of its own next token, and nothing tells whether it runs this model.",
                self.client.host()
            ),
            "Ask the server itself, with no gateway in between, and start it with --max-logprobs 1 or more.",
        )
    }

    pub fn another_model(&self, why: &str) -> Error {
        Error::failed(
            format!(
                "{} serves another model as {}: {why}.",
                self.client.host(),
                self.client.quoted(&self.name)
            ),
            "Give --model the model that the server runs.",
        )
    }

    /// The error for an answer without rows: no plugin, or no layer of those asked for.
    fn without_rows(&self) -> Error {
        Error::failed(
            format!("{} gives no residual stream.", self.client.host()),
            "Install the plugin beside vLLM (pip install vllm-lens) and start the server again; if it is there, \
             --model names a model with more layers than the server's.",
        )
    }

    /// Refuses a prompt that is longer than the server takes.
    pub fn check_length(&self, tokens: usize) -> Result<()> {
        match self.context.filter(|&context| tokens >= context) {
            Some(context) => Err(Error::usage(
                format!(
                    "The prompt has {tokens} tokens, and {} takes at most {} and one more.",
                    self.client.host(),
                    context - 1
                ),
                "Start the server with a larger --max-model-len, or give a shorter prompt.",
            )),
            None => Ok(()),
        }
    }

    /// How far the server's log-probability of its own next token may be from ours, in nats: a half-precision
    /// server rounds its logits and the rows, too.
    pub fn tolerance(&self) -> f64 {
        match self.numbers {
            Numbers::F32 => 0.01,
            Numbers::F16 | Numbers::Bf16 => 0.5,
        }
    }
}

/// The first few of some names.
fn listed(names: &[String]) -> String {
    const MOST: usize = 5;
    match names.len() {
        0 => "none".to_string(),
        count if count > MOST => format!("{} and {} more", names[..MOST].join(", "), count - MOST),
        _ => names.join(", "),
    }
}

/// The model to ask for: the one that is named, or is `model`, or is the only one.
fn pick(client: &Client, served: Vec<Served>, named: Option<&str>, model: &str) -> Result<Served> {
    let names: Vec<String> = served.iter().map(|served| client.quoted(&served.id)).collect();
    let is_meant = |served: &Served| match named {
        Some(name) => served.id == name,
        None => served.id == model || served.root.as_deref() == Some(model),
    };
    let bases = served.iter().filter(|served| served.parent.is_none()).count();
    let mut served = served.into_iter();
    let found = match (named, bases) {
        (None, 1) if !names.iter().any(|name| name == model) => served.find(|served| served.parent.is_none()),
        _ => served.find(is_meant),
    };
    found.ok_or_else(|| {
        let wanted = named.unwrap_or(model);
        Error::failed(
            format!(
                "{} serves no model of the name {}; it has: {}.",
                client.host(),
                wanted,
                listed(&names)
            ),
            "Write the served model's name after the address: --remote 'vllm+http://host:8000#NAME'.",
        )
    })
}
