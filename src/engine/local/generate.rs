//! A prompt continued by what the model itself would say.

use candle_core::Tensor;

use super::rows::{Chosen, Source};
use crate::decoder::{Batch, Past, Site};
use crate::error::{Error, Result};
use crate::lens::Request;
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
        let mut past = Past::default();
        let mut next = |ids: &[u32]| match self.device.is_cpu() {
            true => {
                if past.tokens() == 0 {
                    self.require_memory_to_continue(ids.len(), count)?;
                }
                self.next_token_after(&mut past, ids)
            }
            false => self.next_token(self, ids),
        };
        continuation(self, prompt, count, &mut next, each)
    }

    /// The likeliest token after `ids`, whose stream `source` gives.
    pub(in crate::engine) fn next_token(&self, source: &dyn Source, ids: &[u32]) -> Result<u32> {
        let mut batch = Batch::default();
        batch.push(ids);
        self.require_memory(ids.len(), 1, 1, false, &Request::default())?;
        let chosen = Chosen::output(self.decoder.blocks.len());
        let mut row = LastRow::new(&chosen, ids.len());
        source.forward(&batch, &chosen, &mut |site, stream| row.keep(site, stream))?;
        self.likeliest(source, row, &batch)
    }

    /// The likeliest token after `ids`, the first of which are those of `past`.
    fn next_token_after(&self, past: &mut Past, ids: &[u32]) -> Result<u32> {
        if !self.decoder.can_continue(past.tokens(), ids.len()) {
            *past = Past::default();
        }
        let new = &ids[past.tokens()..];
        self.require_memory(new.len(), 1, 1, false, &Request::default())?;
        let chosen = Chosen::output(self.decoder.blocks.len());
        let mut row = LastRow::new(&chosen, new.len());
        (self.decoder).forward_after(past, new, &mut |site, stream| row.keep(site, stream))?;
        let mut batch = Batch::default();
        batch.push(ids);
        self.likeliest(self, row, &batch)
    }

    /// The token that a row of the model's output makes the likeliest.
    fn likeliest(&self, source: &dyn Source, row: LastRow, batch: &Batch) -> Result<u32> {
        let Some(hidden) = row.row else {
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
            return Err(source.not_finite(batch)?);
        }
        Ok(readings[0].top1().id)
    }
}

/// The last of the rows that come by at the model's output.
struct LastRow<'a> {
    chosen: &'a Chosen,
    rows: usize,
    row: Option<Tensor>,
}

impl<'a> LastRow<'a> {
    fn new(chosen: &'a Chosen, rows: usize) -> Self {
        Self {
            chosen,
            rows,
            row: None,
        }
    }

    fn keep(&mut self, site: Site, stream: Tensor) -> Result<Tensor> {
        if self.chosen.has(site) {
            self.row = Some(stream.narrow(0, self.rows - 1, 1)?.contiguous()?);
        }
        Ok(stream)
    }
}
