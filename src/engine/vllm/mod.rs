//! vLLM with the vllm-lens plugin: token ids out, the residual stream of every block back, unembedded here.

mod rows;
mod wire;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use candle_core::{DType, Tensor};
use reqwest::Url;
use reqwest::header::AUTHORIZATION;

use super::Engine;
use super::http::{Client, Content, Key, variable};
use super::local::{Chosen, Source, continuation};
use crate::decoder::{Batch, Hook, Point, Site};
use crate::error::{Error, Result};
use crate::lens::{Request, Trajectory};
use crate::machine::progress::Progress;
use crate::model::{Card, EngineCard, Model};
use crate::readout::{Readout, Rows};
use crate::text::prompt::Prompt;
use crate::text::tokens::Tokens;
use rows::{Numbers, Shape};
use wire::{Completed, Completion, Models, Served, Stream, Version};

/// Families whose blocks give vLLM the stream and, as what is still to be added, an older stream: the plugin adds
/// the two (commandr.py, stablelm.py of vLLM 0.30).
const NOT_THE_STREAM: [&str; 3] = ["cohere", "cohere2", "stablelm"];
/// The most bytes of an answer that holds no rows.
const SMALL: usize = 4 << 20;
/// The most bytes of rows, as float32, that one answer is asked for.
const PART: usize = 256 << 20;
/// Rows of more bytes than this come from an address of their own, not as base64 in JSON.
const INLINE: usize = 1 << 20;
/// Requests under way at a time: the server puts them through the model together.
const IN_FLIGHT: usize = 8;
/// What rows of one batch of prompts may take, all layers counted.
const BATCH: usize = 256 << 20;

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
struct Said {
    rows: Vec<f32>,
    numbers: Numbers,
    next: Option<(u32, f64)>,
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
        let client = Client::open(&base, key, patience)?;
        let models: Models = wire::read(&client, &client.get("/v1/models", SMALL)?)?;
        let served = pick(&client, models.data, address.fragment(), &model.card.name)?;
        let version = client.get("/version", SMALL).ok();
        let version = version.and_then(|reply| wire::read::<Version>(&client, &reply).ok());
        let version = version.map(|version| client.quoted(&version.version));
        let mut server = Self {
            client,
            name: served.id,
            context: served.max_model_len,
            numbers: Numbers::F32,
        };
        server.numbers = server.probe(model)?;
        let engine = EngineCard::new("vLLM", version);
        engine.says(server.numbers.name());
        model.card.device = format!("{engine} at {}", server.client.host());
        model.card.engine = Some(engine);
        Ok(server)
    }

    /// Reads the vocabulary's last token alone, at the last layer and at one that should not be there:
    /// whether the server runs the model at all. Gives the type that it computes in.
    fn probe(&self, model: &Model) -> Result<Numbers> {
        let id = model.card.vocabulary as u32 - 1;
        let layers = model.card.layers;
        let said = self.ask(model, &[id], &[layers - 1, layers], 1)?;
        Ok(said.numbers)
    }

    /// The residual stream of a prompt after each of `layers`, of which `there` are expected: the model's.
    fn ask(&self, model: &Model, ids: &[u32], layers: &[usize], there: usize) -> Result<Said> {
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

    fn another_model(&self, why: &str) -> Error {
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
    fn check_length(&self, tokens: usize) -> Result<()> {
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
    fn tolerance(&self) -> f64 {
        match self.numbers {
            Numbers::F32 => 0.01,
            Numbers::F16 | Numbers::Bf16 => 0.5,
        }
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
                names.join(", ")
            ),
            "Write the served model's name after the address: --remote 'vllm+http://host:8000#NAME'.",
        )
    })
}

/// A model whose blocks a server runs.
pub struct Vllm<'a> {
    /// Its final norm, its unembedding, its tokenizer.
    pub model: &'a Model,
    pub server: Server,
}

impl Vllm<'_> {
    /// The residual stream of each prompt after each of `layers`, several requests at a time.
    fn ask_all(&self, prompts: &[&[u32]], layers: &[usize]) -> Result<Vec<Said>> {
        let answers: Vec<Mutex<Option<Result<Said>>>> = prompts.iter().map(|_| Mutex::default()).collect();
        let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            while failed.load(Ordering::Relaxed) == 0 {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let (Some(ids), Some(place)) = (prompts.get(i), answers.get(i)) else {
                    return;
                };
                let answer = self.server.ask(self.model, ids, layers, layers.len());
                failed.fetch_add(usize::from(answer.is_err()), Ordering::Relaxed);
                *place.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(answer);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..prompts.len().min(IN_FLIGHT) {
                // With fewer threads it takes longer.
                let _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        let answers = answers.into_iter().filter_map(|answer| {
            let answer = answer.into_inner();
            answer.unwrap_or_else(|poisoned| poisoned.into_inner())
        });
        answers.collect()
    }

    /// Holds the server's own next tokens against what its rows of the last block make of them here: a server
    /// that runs other weights, or whose rows are not the residual stream, is found out.
    fn confirm(&self, last: &Tensor, next: &[(usize, u32, f64)]) -> Result<()> {
        if next.is_empty() {
            return Ok(());
        }
        let at: Vec<u32> = next.iter().map(|&(at, ..)| at as u32).collect();
        let at = Tensor::from_vec(at, next.len(), last.device())?;
        let rows = Rows {
            hidden: last.index_select(&at, 0)?,
            sites: 1,
            next: vec![None; next.len()],
        };
        let readout = Readout::new(&self.model.decoder.unembed);
        let readings = readout.read(&rows, 1)?;
        let wanted: Vec<Vec<u32>> = next.iter().map(|&(_, id, _)| vec![id]).collect();
        if wanted
            .iter()
            .flatten()
            .any(|&id| id as usize >= self.model.card.vocabulary)
        {
            return Err(self
                .server
                .another_model("it says a token that this model does not have"));
        }
        let tracked = readout.track(&rows, &readings, &wanted)?;
        for (track, &(_, id, said)) in tracked.iter().zip(next) {
            let ours = track[0].logprob;
            if (ours - said).abs() > self.server.tolerance() || ours.is_nan() {
                return Err(self.server.another_model(&format!(
                    "it gives the token {} a log-probability of {said:.3}, and its last row makes that {ours:.3} with \
                     the final norm and unembedding here",
                    self.model.tokens.label(id)
                )));
            }
        }
        Ok(())
    }
}

impl Source for Vllm<'_> {
    fn forward(&self, batch: &Batch, chosen: &Chosen, hook: &mut Hook) -> Result<()> {
        let embed = Site {
            layer: 0,
            point: Point::Embed,
        };
        let model = self.model;
        if chosen.has(embed) && model.decoder.embedding.is_at_hand() {
            hook(embed, model.decoder.embed(DType::F32, batch, &model.device)?)?;
        }
        let is_read = |layer: &usize| {
            chosen.has(Site {
                layer: *layer,
                point: Point::ResidPost,
            })
        };
        let layers: Vec<usize> = (0..model.card.layers).filter(is_read).collect();
        let (prompts, hidden) = (batch.prompts(), model.card.hidden);
        for prompt in &prompts {
            self.server.check_length(prompt.len())?;
        }
        let longest = prompts.iter().map(|prompt| prompt.len()).max().unwrap_or(1);
        let together = (PART / (longest * hidden * size_of::<f32>())).max(1);
        for part in layers.chunks(together) {
            let said = self.ask_all(&prompts, part)?;
            for (nth, &layer) in part.iter().enumerate() {
                let mut stream = Vec::with_capacity(batch.tokens() * hidden);
                let mut next = Vec::new();
                for (said, prompt) in said.iter().zip(&prompts) {
                    let size = prompt.len() * hidden;
                    stream.extend_from_slice(&said.rows[nth * size..(nth + 1) * size]);
                    next.extend(
                        said.next
                            .map(|(id, logprob)| (stream.len() / hidden - 1, id, logprob)),
                    );
                }
                if !stream.iter().all(|x| x.is_finite()) {
                    return Err(not_finite(layer));
                }
                let stream = Tensor::from_vec(stream, (batch.tokens(), hidden), &model.device)?;
                if layer + 1 == model.card.layers {
                    self.confirm(&stream, &next)?;
                }
                let site = Site {
                    layer,
                    point: Point::ResidPost,
                };
                hook(site, stream)?;
            }
        }
        Ok(())
    }

    fn not_finite(&self, _: &Batch) -> Result<Error> {
        Ok(Error::failed(
            "The numbers stop being finite in the final norm or the unembedding.",
            "Its weights hold NaN or infinity there: fetch them again.",
        ))
    }
}

fn not_finite(layer: usize) -> Error {
    Error::failed(
        format!("The server's numbers stop being finite at layer {layer}."),
        "Start the server in another type (vllm serve --dtype bfloat16, or float32).",
    )
}

impl Engine for Vllm<'_> {
    fn card(&self) -> &Card {
        &self.model.card
    }

    fn tokens(&self) -> &Tokens {
        &self.model.tokens
    }

    fn batch_tokens(&self, _: &Request) -> usize {
        let row = self.model.card.layers * self.model.card.hidden * size_of::<f32>();
        (BATCH / row.max(1)).max(1)
    }

    fn read_prompts(
        &self,
        prompts: Vec<Prompt>,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Vec<Trajectory>> {
        let reads_blocks = request.points.has(Point::ResidPost)
            && !request.layers.resolve(self.model.card.layers)?.is_empty();
        if !reads_blocks && !self.model.decoder.embedding.is_at_hand() {
            return Err(Error::usage(
                "The row before block 0 is made of the embedding, which is not on this machine.",
                "Read layers, or download the model: lens -m MODEL",
            ));
        }
        self.model.read_from(self, prompts, request, progress)
    }

    fn generate(&self, prompt: &Prompt, count: usize) -> Result<Prompt> {
        continuation(self.model, prompt, count, &|ids| self.model.next_token(self, ids))
    }
}
