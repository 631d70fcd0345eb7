//! The targets asked for.

use super::Builder;
use crate::decoder::Point;
use crate::lens::{TargetValue, Track as Followed};
use crate::report::json::document::{EmbedTarget, Target, TargetToken, Targets};
use crate::text::targets::Target as Wanted;

impl<'a> Builder<'a> {
    /// The targets asked for, if there are any.
    pub(super) fn wanted(&self) -> Option<&'a [Wanted]> {
        Some(self.document.trajectory.targets.as_slice()).filter(|targets| !targets.is_empty())
    }

    pub(super) fn targets(&self, point: Point) -> Option<Vec<Targets<'a>>> {
        let trajectory = self.document.trajectory;
        let target = |wanted: &'a Wanted| {
            let value = move |row, at| trajectory.value(wanted, row, at);
            self.target(
                wanted,
                &self.rows_at(point),
                |part| self.by_layer(point, move |row, at| value(row, at).and_then(part)),
                self.by_layer(point, move |row, at| value(row, at).map(|v| v.rank)),
                |against| {
                    self.by_layer(point, move |row, at| {
                        trajectory.logit_difference(wanted, against, row, at)
                    })
                },
            )
        };
        self.wanted().map(|targets| targets.iter().map(target).collect())
    }

    pub(super) fn embed_target(&self, wanted: &'a Wanted, row: usize) -> EmbedTarget<'a> {
        let trajectory = self.document.trajectory;
        let value = move |at| trajectory.value(wanted, row, at);
        self.target(
            wanted,
            &[row],
            |part| self.by_position(move |at| value(at).and_then(part)),
            self.by_position(move |at| value(at).map(|v| v.rank)),
            |against| self.by_position(move |at| trajectory.logit_difference(wanted, against, row, at)),
        )
    }

    /// A target whose arrays are made by `numbers` of a part of its values and by `difference` of the target
    /// that it is compared with.
    fn target<Numbers, Ranks>(
        &self,
        wanted: &'a Wanted,
        rows: &[usize],
        numbers: impl Fn(fn(TargetValue) -> Option<f64>) -> Numbers,
        ranks: Ranks,
        difference: impl Fn(&'a Wanted) -> Numbers,
    ) -> Target<Numbers, Ranks> {
        let against = self.document.against;
        Target {
            name: wanted.name.clone(),
            ids: wanted.ids.clone(),
            tokens: self.texts(&wanted.ids),
            probs: numbers(|v| Some(v.prob)),
            logprobs: numbers(|v| Some(v.logprob)),
            logits: numbers(|v| v.logit),
            ranks,
            sequence: self.sequence(wanted, rows),
            against: against.map(|against| against.name.clone()),
            logit_difference: against.map(difference),
        }
    }

    /// The tokens of a target of several, at the rows `rows`.
    fn sequence(&self, wanted: &Wanted, rows: &[usize]) -> Option<Vec<TargetToken>> {
        let trajectory = self.document.trajectory;
        let continuation = trajectory.continuation(wanted, trajectory.answer_position())?;
        let token = |track: &Followed| {
            let values = || rows.iter().map(|&row| track.values[row]);
            TargetToken {
                id: track.id,
                token: self.document.tokens.exact(track.id),
                probs: values().map(|value| value.prob).collect(),
                logprobs: values().map(|value| value.logprob).collect(),
                logits: values().map(|value| value.logit.into()).collect(),
                ranks: values().map(|value| value.rank).collect(),
            }
        };
        Some(continuation.tokens.iter().map(token).collect())
    }

    fn texts(&self, ids: &[u32]) -> Vec<String> {
        ids.iter().map(|&id| self.document.tokens.exact(id)).collect()
    }
}
