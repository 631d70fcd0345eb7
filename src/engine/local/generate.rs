//! A prompt continued by what the model itself would say.

use super::growing::Growing;
use super::read::lenses_of;
use super::rows::{Chosen, Source};
use crate::decoder::Batch;
use crate::engine::EachToken;
use crate::error::{Error, Result};
use crate::lens::{Request, Trajectory};
use crate::machine::progress::Progress;
use crate::model::Model;
use crate::readout::{Readout, Rows};
use crate::text::prompt::Prompt;

/// The prompt with up to `count` tokens after it, each what `next` makes the likeliest after those before it
/// (greedy decoding). It ends early at a token that ends a text
/// ([`Generation::eos`](crate::model::Generation::eos)), which is kept. `each` is given the prompt so far with every
/// token.
///
/// # Errors
/// A continuation that the model's context does not hold, and those of `next` and `each`.
pub fn continuation(
    model: &Model,
    prompt: &Prompt,
    count: usize,
    next: &mut dyn FnMut(&[u32]) -> Result<u32>,
    each: &mut dyn FnMut(&Prompt) -> Result<()>,
) -> Result<Prompt> {
    let wanted = prompt.ids.len().saturating_add(count);
    if let Some(context) = model.card.context.filter(|&context| wanted > context) {
        return Err(Error::usage(
            format!(
                "{} tokens and {count} to be generated are more than the model's context, {context}.",
                prompt.ids.len()
            ),
            format!("Generate at most {}.", context.saturating_sub(prompt.ids.len())),
        ));
    }
    let mut longer = prompt.clone();
    for _ in 0..count {
        let next = next(&longer.ids)?;
        longer.ids.push(next);
        longer.generated += 1;
        each(&longer)?;
        if model.generation.eos.contains(&next) {
            break;
        }
    }
    Ok(longer)
}

impl Model {
    /// The prompt continued on this machine: on the CPU each new token is a pass of its own row alone.
    ///
    /// # Errors
    /// A continuation that the model's context or the memory does not hold, and those of `each`.
    pub(super) fn continue_greedily(
        &self,
        prompt: &Prompt,
        count: usize,
        each: &mut dyn FnMut(&Prompt) -> Result<()>,
    ) -> Result<Prompt> {
        let most = prompt.ids.len().saturating_add(count);
        let growing = Growing::new(self, Chosen::output(self.decoder.blocks.len()), most);
        self.grow_greedily(&growing, prompt, count, each)
    }

    /// The same, then read; on the CPU the rows that are read are those of the passes that made the tokens.
    ///
    /// # Errors
    /// Those too of [`Engine::read_prompts`](crate::engine::Engine::read_prompts).
    pub(super) fn continue_and_read(
        &self,
        prompt: &Prompt,
        count: usize,
        request: &Request,
        progress: &dyn Progress,
        each: &mut EachToken,
    ) -> Result<Trajectory> {
        let most = prompt.ids.len().saturating_add(count);
        let chosen = self.sites(request, &lenses_of(request))?;
        let chosen = match self.keeps_rows(most, chosen.sites(), request) {
            true => chosen,
            false => Chosen::output(self.decoder.blocks.len()),
        };
        let growing = Growing::new(self, chosen, most);
        let read = |longer: &Prompt, request: &Request, progress: &dyn Progress| {
            growing.grow(&longer.ids)?;
            let mut read = self.read_from(&growing, vec![longer.clone()], request, progress)?;
            Ok(read.remove(0))
        };
        let longer = self.grow_greedily(&growing, prompt, count, &mut |longer| {
            each(longer, &|request| read(longer, request, &()))
        })?;
        read(&longer, request, progress)
    }

    /// The prompt continued, as it grows in `growing`.
    fn grow_greedily(
        &self,
        growing: &Growing,
        prompt: &Prompt,
        count: usize,
        each: &mut dyn FnMut(&Prompt) -> Result<()>,
    ) -> Result<Prompt> {
        let mut next = |ids: &[u32]| {
            growing.grow(ids)?;
            self.likeliest_after(growing, ids)
        };
        continuation(self, prompt, count, &mut next, each)
    }

    /// The likeliest token after `ids`, whose stream `source` gives.
    pub(in crate::engine) fn next_token(&self, source: &dyn Source, ids: &[u32]) -> Result<u32> {
        self.require_memory(ids.len(), 1, 1, false, &Request::default())?;
        self.likeliest_after(source, ids)
    }

    /// The same, where there is memory for it.
    fn likeliest_after(&self, source: &dyn Source, ids: &[u32]) -> Result<u32> {
        let mut batch = Batch::default();
        batch.push(ids);
        let chosen = Chosen::output(self.decoder.blocks.len());
        let mut row = None;
        source.forward(&batch, &chosen, &mut |site, stream| {
            if chosen.has(site) {
                row = Some(stream.narrow(0, ids.len() - 1, 1)?.contiguous()?);
            }
            Ok(stream)
        })?;
        let Some(hidden) = row else {
            return Err(Error::failed(
                "The model has no blocks.",
                "Check its config.json.",
            ));
        };
        let rows = Rows {
            hidden,
            sites: 1,
            next: vec![None],
        };
        let readings = Readout::new(&self.decoder.unembed).read(&rows, 1)?;
        if !readings[0].is_finite() {
            return Err(source.not_finite(&batch)?);
        }
        Ok(readings[0].top1().id)
    }
}
