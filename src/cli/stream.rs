//! Documents of what is generated, token by token.

use anyhow::Result;
use logit_lens::analysis::statistics::Statistics;
use logit_lens::error::Error;
use logit_lens::lens::{Positions, Request};
use logit_lens::report::Document;
use logit_lens::text::prompt::Prompt;
use logit_lens::text::prompts::Item;

use super::reader::Reader;
use super::sinks::Sinks;

/// The position at which the last token was predicted.
const BEFORE_THE_LAST: i64 = -2;

impl Reader<'_> {
    /// The prompt of an item, the `number`th of the run; each token of its continuation is a document in `sinks`
    /// as soon as it is there.
    pub(super) fn streamed_prompt(
        &self,
        item: &Item,
        number: usize,
        request: &Request,
        sinks: &mut Sinks,
    ) -> Result<Prompt> {
        let mut failed = None;
        let prompt = self.encode(item, &mut |longer| {
            let written = self.token(item, longer, number, request, sinks);
            written.map_err(|error| {
                failed = Some(error);
                Error::failed("A document was not written.", "See what was said of it.")
            })
        });
        match failed {
            // As it was: a reader that went away is no failure.
            Some(error) => Err(error),
            None => prompt.map_err(|error| item.locate(error).into()),
        }
    }

    /// Writes the prompt so far, read where its last token was predicted or at the positions asked for; nothing
    /// while it does not have these.
    fn token(
        &self,
        item: &Item,
        longer: &Prompt,
        number: usize,
        request: &Request,
        sinks: &mut Sinks,
    ) -> Result<()> {
        let positions = match &self.run.selection.positions {
            Some(positions) => positions.clone(),
            None => Positions::one(BEFORE_THE_LAST),
        };
        if positions.resolve(longer.ids.len()).is_err() {
            return Ok(());
        }
        let request = Request {
            positions,
            ..request.clone()
        };
        let read = self.engine.read_prompts(vec![longer.clone()], &request, &())?;
        sinks.token(&Document {
            card: &self.model.card,
            tokens: &self.model.tokens,
            trajectory: &read[0],
            statistics: &Statistics::none(),
            against: request.against.as_ref(),
            assertions: &[],
            number,
            id: item.id.as_deref(),
        })
    }
}
