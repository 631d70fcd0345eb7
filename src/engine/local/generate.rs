//! A prompt continued by what the model itself would say.

use candle_core::Tensor;

use super::read::{Chosen, Source};
use crate::decoder::Batch;
use crate::error::{Error, Result};
use crate::lens::Request;
use crate::model::Model;
use crate::readout::{Readout, Rows};
use crate::text::prompt::Prompt;

/// The prompt with up to `count` tokens after it, each what `next` makes the likeliest after those before it
/// (greedy decoding). It ends early at a token that ends a text
/// ([`Generation::eos`](crate::model::Generation::eos)), which is kept.
///
/// # Errors
/// A continuation that the model's context does not hold.
pub fn continuation(
    model: &Model,
    prompt: &Prompt,
    count: usize,
    next: &dyn Fn(&[u32]) -> Result<u32>,
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
        if model.generation.eos.contains(&next) {
            break;
        }
    }
    Ok(longer)
}

impl Model {
    /// The likeliest token after `ids`, whose stream `source` gives.
    pub(in crate::engine) fn next_token(&self, source: &dyn Source, ids: &[u32]) -> Result<u32> {
        let mut batch = Batch::default();
        batch.push(ids);
        self.require_memory(ids.len(), 1, 1, &Request::default())?;
        let chosen = Chosen::output(self.decoder.blocks.len());
        let mut row: Option<Tensor> = None;
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
