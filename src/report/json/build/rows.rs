//! What is read of rows: the top tokens and the statistics.

use super::{Builder, Detail};
use crate::analysis::statistics::Statistic;
use crate::decoder::Point;
use crate::readout::{Candidate, Reading};
use crate::report::Document;
use crate::report::json::document::{Layers, Measure, Row, Top};
use crate::report::json::statistics::StatisticArrays;

impl<'a> Builder<'a> {
    /// All that is read at one point of the blocks.
    pub(super) fn layers(&self, point: Point) -> Layers<'a> {
        let trajectory = self.document.trajectory;
        let tokens = self.document.tokens;
        let reading = |row: usize, at: usize| &trajectory.rows[row].readings[at];
        let numbers = |part: fn(&Candidate) -> f64| {
            self.by_layer(point, move |row, at| {
                reading(row, at).top.iter().map(part).collect()
            })
        };
        let full = self.detail == Detail::Full;
        let statistics = self.document.statistics.iter();
        let statistics = statistics.map(|statistic| {
            let value = move |row, at: usize| measure(statistic, reading(row, at), &trajectory.output[at]);
            (statistic, self.by_layer(point, value))
        });
        Layers {
            top: Top {
                topk: self.by_layer(point, move |row, at| {
                    let top = reading(row, at).top.iter();
                    top.map(|c| tokens.exact(c.id)).collect()
                }),
                topk_ids: self.by_layer(point, move |row, at| {
                    reading(row, at).top.iter().map(|c| c.id).collect()
                }),
                topk_probs: numbers(|c| c.prob),
                topk_logprobs: full.then(|| numbers(|c| c.logprob)),
                topk_logits: full.then(|| numbers(|c| c.logit.into())),
            },
            statistics: StatisticArrays(statistics.collect()),
            tracked: full.then(|| self.tracked(point)),
            tracked_ids: (self.detail != Detail::Lean).then(|| self.tracked_ids(point)),
        }
    }

    /// A row that has no layer.
    pub(super) fn row(&self, readings: &'a [Reading]) -> Row<'a> {
        let Document {
            trajectory, tokens, ..
        } = self.document;
        let numbers = |part: fn(&Candidate) -> f64| {
            self.by_position(move |at| readings[at].top.iter().map(part).collect())
        };
        let full = self.detail == Detail::Full;
        let statistics = self.document.statistics.iter();
        let statistics = statistics.map(|statistic| {
            let value = move |at: usize| measure(statistic, &readings[at], &trajectory.output[at]);
            (statistic, self.by_position(value))
        });
        Row {
            top: Top {
                topk: self
                    .by_position(move |at| readings[at].top.iter().map(|c| tokens.exact(c.id)).collect()),
                topk_ids: self.by_position(move |at| readings[at].top.iter().map(|c| c.id).collect()),
                topk_probs: numbers(|c| c.prob),
                topk_logprobs: full.then(|| numbers(|c| c.logprob)),
                topk_logits: full.then(|| numbers(|c| c.logit.into())),
            },
            statistics: StatisticArrays(statistics.collect()),
        }
    }
}

fn measure(statistic: Statistic, reading: &Reading, output: &Reading) -> Option<Measure> {
    let value = statistic.of(reading, output)?;
    Some(match statistic {
        Statistic::Agrees => Measure::Flag(value == 1.),
        _ => Measure::Number(value),
    })
}
