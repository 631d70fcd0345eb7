//! Prompts that are continued, and documents of what is generated, token by token.

use anyhow::Result;
use logit_lens::analysis::statistics::Statistics;
use logit_lens::engine::ReadSoFar;
use logit_lens::error::Error;
use logit_lens::lens::{Positions, Request, Trajectory};
use logit_lens::machine::progress::Progress;
use logit_lens::report::Document;
use logit_lens::text::prompt::Prompt;
use logit_lens::text::prompts::Item;

use super::reader::Reader;
use super::sinks::Sinks;

/// The position at which the last token was predicted.
const BEFORE_THE_LAST: i64 = -2;

impl Reader<'_> {
    /// The prompt of an item, the `number`th of the run, continued by `count` tokens and read; where `sinks` stream,
    /// each token is a document there as soon as it is there.
    pub(super) fn read_continued(
        &self,
        (item, number): (&Item, usize),
        count: usize,
        request: &Request,
        sinks: &mut Sinks,
        progress: &dyn Progress,
    ) -> Result<Trajectory> {
        let mut failed = None;
        let mut each = |longer: &Prompt, read: &ReadSoFar| {
            if !sinks.stream() {
                return Ok(());
            }
            let written = self.token((item, number), longer, read, request, sinks);
            written.map_err(|error| {
                failed = Some(error);
                Error::failed("A document was not written.", "See what was said of it.")
            })
        };
        let read = self.given(item).and_then(|prompt| {
            let engine = self.engine;
            engine.generate_and_read(&prompt, count, request, progress, &mut each)
        });
        match failed {
            // As it was: a reader that went away is no failure.
            Some(error) => Err(error),
            None => read.map_err(|error| item.locate(error).into()),
        }
    }

    /// Writes the prompt so far, read where its last token was predicted or at the positions asked for; nothing
    /// while it does not have these.
    fn token(
        &self,
        (item, number): (&Item, usize),
        longer: &Prompt,
        read: &ReadSoFar,
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
        sinks.token(&Document {
            card: &self.model.card,
            tokens: &self.model.tokens,
            trajectory: &read(&request)?,
            statistics: &Statistics::none(),
            against: request.against.as_ref(),
            assertions: &[],
            number,
            id: item.id.as_deref(),
        })
    }
}
