//! NDIF: a body in plain torch that the server runs beside the model, which reads there what is asked for and
//! saves one string of JSON. No weights are needed here, and nothing that comes back is unpickled.

mod archive;
mod pickle;
mod readings;
mod server;
mod wire;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Engine;
use super::continuations::add_continuations;
use super::http::Content;
use super::local::continuation;
use super::several::several;
use crate::decoder::{Modules, Point, Site};
use crate::error::{Error, Result};
use crate::lens::{Follow, Layers, Points, Request, Trajectory};
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
    model.card.modules.ok_or_else(|| {
        Error::failed(
            format!(
                "lens does not know the names of the modules of {} on an NDIF server.",
                model.card.family
            ),
            "Use a vLLM server (--remote vllm+http://host:8000), or run the model on this machine.",
        )
    })
}

/// Refuses points that the modules of `model` do not give.
///
/// # Errors
/// A family whose modules' names are not known, or of whose branches they are not.
pub fn check_points(model: &Model, points: &Points) -> Result<()> {
    let within = [Point::AttnOut, Point::ResidMid, Point::MlpOut];
    let asks_within = within.into_iter().any(|point| points.has(point));
    if asks_within && modules_of(model)?.branches.is_none() {
        return Err(Error::usage(
            format!(
                "What attention and MLP of {} add cannot be read on an NDIF server.",
                model.card.family
            ),
            "Leave out --point.",
        ));
    }
    Ok(())
}

/// What says of which tokens a request is.
fn mark(ids: &[u32]) -> String {
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    let digest = Sha256::digest(bytes);
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The error where rows themselves are needed.
pub fn no_rows() -> Error {
    Error::usage(
        "NDIF gives readings, and a comparison or a .safetensors file needs the rows themselves.",
        "Read two prompts one after another, or use a vLLM server.",
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
    /// Comes back with the numbers, so that they are known to be of this request.
    mark: String,
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
        if saved.mark != mark(&asked.prompt.ids) {
            return Err(odd("numbers of another request"));
        }
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
            engine.says(dtype);
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
            mark: mark(&asked.prompt.ids),
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
        let trace = Trace {
            repository: self.server.name.as_deref().unwrap_or(&model.card.name),
            revision: self.server.revision.as_deref(),
            modules: modules_of(model)?,
            ids: &asked.prompt.ids,
            blocks: &blocks,
            branches: asked.sites.iter().any(within),
            asked: &asked_text,
            body: BODY,
        };
        let attention = match trace.modules.plain_attention {
            true => "eager",
            false => "sdpa",
        };
        let key = wire::model_key(trace.repository, trace.revision);
        wire::form(key, attention, &pickle::request(&trace))
    }

    /// The most bytes that a result can come to.
    fn most(&self, asked: &Asked) -> usize {
        let rows = asked.sites.len() * asked.positions.len();
        let targets: usize = asked.targets.iter().map(|target| target.ids.len() + 1).sum();
        let followed = asked.sites.len() * asked.top_k + targets + 16;
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

    fn batch_prompts(&self) -> usize {
        2 * IN_FLIGHT
    }

    fn read_prompts(
        &self,
        prompts: Vec<Prompt>,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Vec<Trajectory>> {
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

    fn generate_each(
        &self,
        prompt: &Prompt,
        count: usize,
        each: &mut dyn FnMut(&Prompt) -> Result<()>,
    ) -> Result<Prompt> {
        let last = Request {
            layers: Layers::just(&[self.model.card.layers - 1], false),
            top_k: 1,
            ..Request::default()
        };
        let mut next = |ids: &[u32]| {
            let prompt = Prompt {
                ids: ids.to_vec(),
                targets: Vec::new(),
                ..prompt.clone()
            };
            Ok(self.read(prompt, &last, &())?.output[0].top1().id)
        };
        continuation(self.model, prompt, count, &mut next, each)
    }
}
