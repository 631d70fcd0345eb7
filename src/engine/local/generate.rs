//! A prompt continued by what the model itself would say.

use candle_core::Tensor;

use crate::decoder::{Batch, Past, Point, Site};
use crate::error::{Error, Result};
use crate::lens::Request;
use crate::model::Model;
use crate::readout::{Readout, Rows};
use crate::text::prompt::Prompt;

impl Model {
    /// The prompt with up to `count` tokens after it, each the likeliest (greedy decoding). It ends
    /// early at a token that ends a text ([`Generation::eos`](crate::model::Generation::eos)), which is kept.
    ///
    /// # Errors
    /// A continuation that the model's context does not hold.
    pub(super) fn continue_greedily(&self, prompt: &Prompt, count: usize) -> Result<Prompt> {
        let wanted = prompt.ids.len().saturating_add(count);
        if let Some(context) = self.card.context.filter(|&context| wanted > context) {
            return Err(Error::usage(
                format!(
                    "{} tokens and {count} to be generated are more than the model's context, {context}.",
                    prompt.ids.len()
                ),
                format!("Generate at most {}.", context.saturating_sub(prompt.ids.len())),
            ));
        }
        self.require_memory_to_continue(prompt.ids.len(), count)?;
        let mut longer = prompt.clone();
        let mut past = Past::default();
        for _ in 0..count {
            let next = self.next_token(&longer.ids, &mut past)?;
            longer.ids.push(next);
            longer.generated += 1;
            if self.generation.eos.contains(&next) {
                break;
            }
        }
        Ok(longer)
    }

    /// The likeliest token after `ids`, the first of which may be in `past`. On a device each prompt is
    /// read from its beginning.
    fn next_token(&self, ids: &[u32], past: &mut Past) -> Result<u32> {
        if !self.device.is_cpu() || !self.decoder.can_continue(past.tokens(), ids.len()) {
            *past = Past::default();
        }
        let new = &ids[past.tokens()..];
        self.require_memory(new.len(), 1, 1, &Request::default())?;
        let last_block = self.decoder.blocks.len() - 1;
        let mut row: Option<Tensor> = None;
        let hook = &mut |site: Site, stream: Tensor| {
            if site.point == Point::ResidPost && site.layer == last_block {
                row = Some(stream.narrow(0, new.len() - 1, 1)?.contiguous()?);
            }
            Ok(stream)
        };
        let mut batch = Batch::default();
        batch.push(ids);
        match self.device.is_cpu() {
            true => self.decoder.forward_after(past, new, hook)?,
            false => self.decoder.forward(&batch, &self.device, hook)?,
        }
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
            return Err(self.not_finite(&batch)?);
        }
        Ok(readings[0].top1().id)
    }
}
