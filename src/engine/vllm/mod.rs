//! vLLM with the vllm-lens plugin: token ids out, the residual stream of every block back, unembedded here.

mod rows;
mod server;
mod wire;

use candle_core::{DType, Tensor};

use super::Engine;
use super::local::{Chosen, Source, continuation};
use super::several::several;
use crate::decoder::{Batch, Hook, Point, Site};
use crate::error::{Error, Result};
use crate::lens::{Request, Trajectory};
use crate::machine::progress::Progress;
use crate::model::{Card, Model};
use crate::readout::{Readout, Rows};
use crate::text::prompt::Prompt;
use crate::text::tokens::Tokens;
use server::Said;

pub use server::Server;

/// The most bytes of rows, as float32, that one answer is asked for.
const PART: usize = 256 << 20;
/// Requests under way at a time: the server puts them through the model together.
const IN_FLIGHT: usize = 8;
/// What rows of one batch of prompts may take, all layers counted.
const BATCH: usize = 256 << 20;

/// A model whose blocks a server runs.
pub struct Vllm<'a> {
    /// Its final norm, its unembedding, its tokenizer.
    pub model: &'a Model,
    pub server: Server,
}

impl Vllm<'_> {
    /// The residual stream of each prompt after each of `layers`, several requests at a time.
    fn ask_all(&self, prompts: &[&[u32]], layers: &[usize]) -> Result<Vec<Said>> {
        several(prompts, IN_FLIGHT, |ids| {
            self.server.ask(self.model, ids, layers, layers.len())
        })
    }

    /// Holds the server's own next tokens against what its rows of the last block make of them here: a server
    /// that runs other weights, or whose rows are not the residual stream, is found out.
    fn confirm(&self, last: &Tensor, next: &[(usize, u32, f64)]) -> Result<()> {
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
                    let (id, logprob) = said.next.ok_or_else(|| self.server.silent())?;
                    next.push((stream.len() / hidden - 1, id, logprob));
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

    fn batch_prompts(&self) -> usize {
        2 * IN_FLIGHT
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

    fn generate_each(
        &self,
        prompt: &Prompt,
        count: usize,
        each: &mut dyn FnMut(&Prompt) -> Result<()>,
    ) -> Result<Prompt> {
        let mut next = |ids: &[u32]| self.model.next_token(self, ids);
        continuation(self.model, prompt, count, &mut next, each)
    }
}
