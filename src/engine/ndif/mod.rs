//! NDIF: a body in plain torch that the server runs beside the model, which reads there what is asked for and
//! saves one string of JSON. No weights are needed here, and nothing that comes back is unpickled.

mod archive;
mod pickle;
mod readings;
mod server;
mod wire;

use serde::Serialize;

use super::Engine;
use super::continuations::add_continuations;
use super::http::Content;
use super::local::continuation;
use super::several::several;
use crate::decoder::{Modules, Point, Site, modules};
use crate::error::{Error, Result};
use crate::lens::{Follow, Layers, Request, Trajectory};
use crate::machine::progress::Progress;
use crate::model::{Card, Model};
use crate::text::prompt::Prompt;
use crate::text::targets::Target;
use crate::text::tokens::Tokens;
use pickle::Trace;
use readings::{Asked, Saved};

pub use server::Server;

/// The text of the body.
const BODY: &str = include_str!("body.py");
/// What a result may have beside its numbers, in bytes.
const REST: usize = 4 << 20;
/// Logits of positions that the body has at once, of one row.
const TOGETHER: usize = 4 << 20;
/// Requests under way at a time.
const IN_FLIGHT: usize = 4;
/// Tokens of the prompts of one call.
const BATCH: usize = 4096;

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

/// The error where rows themselves are needed.
pub fn no_rows() -> Error {
    Error::usage(
        "NDIF gives readings, and a comparison needs the rows themselves.",
        "Read the two one after another, or use a vLLM server.",
    )
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
        if request.lenses.len() > 1 || request.lenses.iter().any(|lens| lens.artefact().is_some()) {
            return Err(Error::usage(
                "The server reads rows through the logit lens alone.",
                "Leave out --lens, or read with another engine.",
            ));
        }
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
    fn content(&self, asked: &Asked) -> Result<Content<'static>> {
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
            answer: request.follow == Follow::Top1,
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
        REST + rows * 50 * (asked.top_k + 12 + followed)
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
            return Err(no_rows());
        }
        let read = |prompts: Vec<Prompt>, request: &Request| {
            several(&prompts, IN_FLIGHT, |prompt| {
                self.read(prompt.clone(), request, progress)
            })
        };
        let mut trajectories = read(prompts, request)?;
        let context = self.model.card.context;
        add_continuations(&mut trajectories, request, BATCH, context, read)?;
        Ok(trajectories)
    }

    fn generate(&self, prompt: &Prompt, count: usize) -> Result<Prompt> {
        let last = Request {
            layers: Layers::just(&[self.model.card.layers - 1], false),
            top_k: 1,
            ..Request::default()
        };
        continuation(self.model, prompt, count, &mut |ids| {
            let prompt = Prompt {
                ids: ids.to_vec(),
                targets: Vec::new(),
                ..prompt.clone()
            };
            Ok(self.read(prompt, &last, &())?.output[0].top1().id)
        })
    }
}
