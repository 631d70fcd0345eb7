//! Two models over many prompts: how far apart they are at each layer, and where most.

use super::compare::{Comparison, RowPair, Side, layer_beside};
use super::summary::{Mean, Share};
use crate::decoder::{Point, Site};
use crate::error::Result;
use crate::lens::Trajectory;

/// So many of the prompts that moved most are kept.
const MOST: usize = 10;

/// What has been seen so far. The sample is the prompt: where several of its positions are read, their mean
/// counts once.
#[derive(Debug, Clone, Default)]
pub struct ModelComparison {
    pub prompts: usize,
    /// The positions compared, of all prompts together.
    pub positions: usize,
    /// How many prompts have a target on both sides.
    pub targets: usize,
    pub same_vocabulary: bool,
    pub same_depth: bool,
    /// How many prompts the models cut into different tokens, though of one vocabulary.
    pub cut_differently: usize,
    pub rows: Vec<ModelComparisonRow>,
    /// By how many layers the right model settles later, at the prompts' last positions; of other depth than the
    /// left one, after the layer that is as far through it.
    pub settles_later: Mean,
    /// The prompts whose outputs are furthest apart, furthest first.
    pub moved: Vec<Moved>,
}

/// The means at one layer of the left model and the one beside it of the right.
#[derive(Debug, Clone)]
pub struct ModelComparisonRow {
    pub left: Site,
    pub right: Site,
    /// KL(left‖right), in nats; of no prompts where the vocabularies differ.
    pub kl_left_right: Mean,
    /// KL(right‖left), in nats.
    pub kl_right_left: Mean,
    /// How often both have the same top-1.
    pub same_top1: Share,
    /// The share of the top k that both have.
    pub overlap: Mean,
    /// The target's log-probability on the right less that on the left, in nats.
    pub target_logprob_change: Mean,
}

/// A prompt, and how far apart the models are on it.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The prompt's number in the run, from 0.
    pub number: usize,
    pub id: Option<String>,
    pub prompt: String,
    /// The share of the top k of the outputs that only one side has: the order where there is no KL.
    pub unshared: f64,
    /// KL(left‖right) of the outputs at the last position compared, in nats.
    pub kl_left_right: Option<f64>,
    pub kl_right_left: Option<f64>,
    /// The left model's layer at which KL(left‖right) is largest, or the overlap least.
    pub layer: Option<usize>,
    /// The outputs' top tokens, as labels.
    pub left_top1: String,
    pub right_top1: String,
    /// The change of the target's log-probability in the output, in nats.
    pub target_logprob_change: Option<f64>,
}

/// A prompt as both models read it.
pub struct Pair<'a> {
    pub left: Side<'a>,
    pub right: Side<'a>,
    pub id: Option<&'a str>,
}

impl ModelComparison {
    /// Adds a prompt that both models have read, with their rows kept.
    ///
    /// # Errors
    /// As [`Comparison::new`].
    pub fn add(&mut self, pair: &Pair) -> Result<()> {
        let comparison = Comparison::new(pair.left, pair.right)?;
        let (left, right) = (pair.left.trajectory, pair.right.trajectory);
        if self.rows.is_empty() {
            self.same_vocabulary = comparison.same_vocabulary;
            self.same_depth = comparison.same_depth;
            let pairs = comparison.positions[0].rows.iter();
            self.rows = pairs
                .map(|row| ModelComparisonRow::new(left, right, row))
                .collect();
        }
        for (nth, row) in self.rows.iter_mut().enumerate() {
            row.add(pair, &comparison, nth);
        }
        self.targets += usize::from(target_change(left, right, None).is_some());
        self.settle(pair);
        self.keep(pair, &comparison);
        self.cut_differently += usize::from(comparison.cut_differently);
        self.positions += comparison.positions.len();
        self.prompts += 1;
        Ok(())
    }

    fn settle(&mut self, pair: &Pair) {
        let settles = |side: Side| side.trajectory.settles_at(side.trajectory.answer_position());
        let depth = |side: Side| side.model.decoder.blocks.len();
        if let (Some(left), Some(right)) = (settles(pair.left), settles(pair.right)) {
            let beside = layer_beside(left, depth(pair.left), depth(pair.right));
            self.settles_later.add(right as f64 - beside as f64);
        }
    }

    /// Keeps the prompt if it is among those whose outputs are furthest apart.
    fn keep(&mut self, pair: &Pair, comparison: &Comparison) {
        let Some(last) = comparison.positions.last() else {
            return;
        };
        let blocks = last
            .rows
            .iter()
            .filter(|row| pair.left.trajectory.rows[row.left].site.point == Point::ResidPost);
        let Some(output) = blocks.clone().next_back() else {
            return;
        };
        let apart = |row: &RowPair| row.kl.map_or(1. - row.overlap, |[kl, _]| kl);
        let furthest = blocks.reduce(|most, row| if apart(row) > apart(most) { row } else { most });
        let label = |side: Side, at: usize| {
            let top1 = side.trajectory.output[at].top1();
            side.model.tokens.label(top1.id)
        };
        let moved = Moved {
            number: self.prompts,
            id: pair.id.map(str::to_string),
            prompt: pair.left.trajectory.prompt.asked().to_string(),
            unshared: 1. - output.overlap,
            kl_left_right: output.kl.map(|kl| kl[0]),
            kl_right_left: output.kl.map(|kl| kl[1]),
            layer: furthest.map(|row| pair.left.trajectory.rows[row.left].site.layer),
            left_top1: label(pair.left, last.left),
            right_top1: label(pair.right, last.right),
            target_logprob_change: target_change(
                pair.left.trajectory,
                pair.right.trajectory,
                Some((output.left, output.right)),
            ),
        };
        let before = |other: &Moved| other.apart() >= moved.apart();
        let at = self.moved.iter().position(|other| !before(other));
        self.moved.insert(at.unwrap_or(self.moved.len()), moved);
        self.moved.truncate(MOST);
    }
}

impl Moved {
    /// How far apart the outputs are, to order by.
    fn apart(&self) -> f64 {
        self.kl_left_right.unwrap_or(self.unshared)
    }
}

impl ModelComparisonRow {
    fn new(left: &Trajectory, right: &Trajectory, row: &RowPair) -> Self {
        let none = Mean::default();
        Self {
            left: left.rows[row.left].site,
            right: right.rows[row.right].site,
            kl_left_right: none,
            kl_right_left: none,
            same_top1: Share::default(),
            overlap: none,
            target_logprob_change: none,
        }
    }

    /// Adds the `nth` pair of rows of a prompt.
    fn add(&mut self, pair: &Pair, comparison: &Comparison, nth: usize) {
        let (left, right) = (pair.left, pair.right);
        let positions = || comparison.positions.iter();
        let of = |part: fn(&RowPair) -> f64| -> Vec<f64> {
            positions().map(|position| part(&position.rows[nth])).collect()
        };
        if comparison.same_vocabulary {
            self.kl_left_right
                .add_prompt(of(|row| row.kl.map_or(f64::NAN, |kl| kl[0])).into_iter());
            self.kl_right_left
                .add_prompt(of(|row| row.kl.map_or(f64::NAN, |kl| kl[1])).into_iter());
        }
        self.overlap.add_prompt(of(|row| row.overlap).into_iter());
        let same: Vec<bool> = positions()
            .map(|position| {
                let row = position.rows[nth];
                let top1 = |side: Side, row: usize, at: usize| {
                    let id = side.trajectory.rows[row].readings[at].top1().id;
                    (id, side.model.tokens.bytes(id))
                };
                let [(left_id, left_bytes), (right_id, right_bytes)] = [
                    top1(left, row.left, position.left),
                    top1(right, row.right, position.right),
                ];
                match comparison.same_vocabulary {
                    true => left_id == right_id,
                    false => left_bytes == right_bytes,
                }
            })
            .collect();
        self.same_top1.add_prompt(same.into_iter());
        let row = comparison.positions[0].rows[nth];
        let change = target_change(left.trajectory, right.trajectory, Some((row.left, row.right)));
        self.target_logprob_change.add_prompt(change.into_iter());
    }
}

/// By how much the target's log-probability is higher on the right, at these rows (else at the last ones) and the
/// prompts' last positions. The target is the prompt's own, else the request's first; `None` without.
fn target_change(left: &Trajectory, right: &Trajectory, rows: Option<(usize, usize)>) -> Option<f64> {
    let (left_row, right_row) = rows.unwrap_or((left.rows.len() - 1, right.rows.len() - 1));
    let logprob = |side: &Trajectory, row: usize| {
        let own = side.prompt.targets.first();
        let tracked = side
            .targets
            .first()
            .filter(|_| side.prompt.unusable_targets.is_empty());
        let value = side.value(own.or(tracked)?, row, side.answer_position())?;
        Some(value.logprob)
    };
    Some(logprob(right, right_row)? - logprob(left, left_row)?)
}
