//! All readings of one prompt.

use std::sync::Arc;

use candle_core::Tensor;

use super::Request;
use crate::decoder::{Point, Site};
use crate::error::Result;
use crate::readout::lenses::{Lens, LogitLens};
use crate::readout::{Reading, Tracked};
use crate::text::prompt::Prompt;
use crate::text::targets::Target;
use crate::text::tokens::Tokens;

/// All readings of one prompt.
#[derive(Debug, Clone)]
pub struct Trajectory {
    /// What the rows were mapped by.
    pub lens: Arc<dyn Lens>,
    pub prompt: Prompt,
    /// The positions read, rising.
    pub positions: Vec<usize>,
    /// The rows read, in the order in which they come to be in the model.
    pub rows: Vec<Row>,
    /// The model's output at each position read: the last block's reading, shown or not.
    pub output: Vec<Reading>,
    /// The tokens asked for.
    pub targets: Vec<Target>,
    /// At each position read, the tokens followed, likeliest first (by their highest probability at
    /// any row shown), with a value for each row.
    pub tracked: Vec<Vec<Track>>,
    /// The targets that are several tokens in a row, after the prompt.
    pub continuations: Vec<Continuation>,
    /// The rows shown, `[positions, rows, hidden]`, before the final norm and after the lens; `None` unless kept.
    pub hidden: Option<Tensor>,
    /// What the run's other lenses make of the same prompt, with the same positions, output and targets. A lens
    /// that has no map for some row lacks it.
    pub others: Vec<Trajectory>,
}

/// The readings at one site, one for each position read.
#[derive(Debug, Clone)]
pub struct Row {
    pub site: Site,
    pub readings: Vec<Reading>,
}

/// A target of several tokens after the prompt (teacher forcing): each token as it is read at the position
/// before it, where the prompt and the tokens before it are what was said.
#[derive(Debug, Clone)]
pub struct Continuation {
    /// One for each token, in their order.
    pub tokens: Vec<Track>,
    /// Whether each of them is the output's top-1: what the model says by itself.
    pub is_output: bool,
}

impl Continuation {
    /// Whether it is what `target` is.
    pub fn is(&self, target: &Target) -> bool {
        self.tokens
            .iter()
            .map(|track| track.id)
            .eq(target.ids.iter().copied())
    }

    /// What the row `row` makes of it: the sum of its tokens' log-probabilities, and the worst of their ranks, so
    /// that it is 1 where each token is the top-1. Its tokens' logits are of different rows, each with a constant
    /// of its own, and have no sum.
    fn value(&self, row: usize) -> TargetValue {
        let values = || self.tokens.iter().map(|track| track.values[row]);
        let logprob: f64 = values().map(|value| value.logprob).sum();
        TargetValue {
            logit: None,
            logprob,
            prob: logprob.exp(),
            rank: values().map(|value| value.rank).max().unwrap_or(1),
        }
    }
}

/// A token followed through the rows at one position.
#[derive(Debug, Clone)]
pub struct Track {
    pub id: u32,
    /// One for each of [`Trajectory::rows`].
    pub values: Vec<Tracked>,
}

impl Track {
    /// The token's highest probability at any row.
    pub fn highest(&self) -> f64 {
        self.values.iter().fold(0., |highest, v| v.prob.max(highest))
    }
}

/// What a row makes of a target: of its token, or of its tokens together (of those in a row, see
/// [`Continuation`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetValue {
    /// log Σ e^l over the tokens of a group: the logit, of a single one. `None` of those in a row.
    pub logit: Option<f64>,
    /// In nats.
    pub logprob: f64,
    /// The sum of the tokens' probabilities.
    pub prob: f64,
    /// The best of the tokens' ranks, 1 = top.
    pub rank: u64,
}

impl TargetValue {
    /// How far it is above `other` of the same row, in nats: the difference of their log-probabilities. Of two
    /// that have logits it is that of the logits, since one softmax takes the same constant from both.
    pub fn above(&self, other: &Self) -> f64 {
        match (self.logit, other.logit) {
            (Some(logit), Some(other)) => logit - other,
            _ => self.logprob - other.logprob,
        }
    }
}

/// Where forward KL falls most from one layer shown to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SuddenChange {
    pub layer: usize,
    /// By how much, in nats.
    pub drop: f64,
}

impl Trajectory {
    /// It and those of the other lenses.
    pub fn of_each_lens(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// How many top tokens its readings keep.
    pub fn kept(&self) -> usize {
        self.output.first().map_or(0, |reading| reading.top.len())
    }

    /// What would be read of a prompt by a model of so many blocks: everything but the readings.
    ///
    /// # Errors
    /// A layer or position that is not there.
    pub fn unread(prompt: Prompt, request: &Request, blocks: usize) -> Result<Self> {
        let site = |layer| Site {
            layer,
            point: Point::ResidPost,
        };
        let rows = request.layers.resolve(blocks)?.into_iter().map(|layer| Row {
            site: site(layer),
            readings: Vec::new(),
        });
        Ok(Self {
            positions: request.positions.resolve(prompt.ids.len())?,
            rows: rows.collect(),
            output: Vec::new(),
            targets: request.targets.iter().chain(&prompt.targets).cloned().collect(),
            tracked: Vec::new(),
            hidden: None,
            lens: request
                .lenses
                .first()
                .cloned()
                .unwrap_or_else(|| Arc::new(LogitLens)),
            others: Vec::new(),
            continuations: Vec::new(),
            prompt,
        })
    }

    /// The rows after blocks, those of the ordinary logit lens.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.rows.iter().filter(|row| row.site.point == Point::ResidPost)
    }

    /// The rows at one point, block after block.
    pub fn at_point(&self, point: Point) -> impl Iterator<Item = (usize, &Row)> {
        let rows = self.rows.iter().enumerate();
        rows.filter(move |(_, row)| row.site.point == point)
    }

    /// The index into [`Trajectory::positions`] of the prompt's last position, which is where its answer is
    /// and its target belongs; of the last one read where that was not.
    pub fn answer_position(&self) -> usize {
        let read = self.positions.binary_search(&self.last_of_prompt());
        read.unwrap_or(self.positions.len() - 1)
    }

    /// The layer at which the prediction at the `at`th position read settles: the first layer
    /// shown from which every layer shown has the model's output as its top-1 (prediction depth,
    /// Baldock et al. 2021). `None` when the last one shown does not.
    pub fn settles_at(&self, at: usize) -> Option<usize> {
        let agreeing = self.layers().rev().take_while(|row| self.agrees(row, at));
        agreeing.last().map(|row| row.site.layer)
    }

    /// The first layer shown whose top-1 is the model's output, at the `at`th position read.
    pub fn leads_first_at(&self, at: usize) -> Option<usize> {
        let first = self.layers().find(|row| self.agrees(row, at));
        first.map(|row| row.site.layer)
    }

    fn agrees(&self, row: &Row, at: usize) -> bool {
        row.readings[at].top1().id == self.output[at].top1().id
    }

    /// The layer shown at which forward KL is lower than at the layer shown before it by the most,
    /// at the `at`th position read. `None` where it never falls. The embedding does not count: it
    /// says the prompt's own token, and is far from the output wherever that is another.
    pub fn sudden_change(&self, at: usize) -> Option<SuddenChange> {
        let layers: Vec<&Row> = self.layers().collect();
        let changes = layers.windows(2).map(|pair| SuddenChange {
            layer: pair[1].site.layer,
            drop: pair[0].readings[at].forward_kl - pair[1].readings[at].forward_kl,
        });
        changes
            .filter(|change| change.drop > 0.)
            .reduce(|most, change| if change.drop > most.drop { change } else { most })
    }

    /// What is followed at the `at`th position read: the targets asked for; without any, the tokens
    /// that are top-1 at some layer shown (or some other row of a block), ordered by their highest
    /// probability. What leads before block 0 is the prompt's own token, and says nothing.
    pub fn targets_at(&self, at: usize, tokens: &Tokens) -> Vec<Target> {
        if !self.targets.is_empty() {
            return self.targets.clone();
        }
        let in_blocks = |row: &&Row| row.site.point != Point::Embed;
        let leads = |id: u32| {
            let mut rows = self.rows.iter().filter(in_blocks);
            rows.any(|row| row.readings[at].top1().id == id)
        };
        let followed = self.tracked[at].iter().filter(|track| leads(track.id));
        followed.map(|track| Target::token(track.id, tokens)).collect()
    }

    /// What the row `row` makes of `target` at the `at`th position read; `None` if it was not
    /// followed.
    pub fn value(&self, target: &Target, row: usize, at: usize) -> Option<TargetValue> {
        if target.sequence {
            return Some(self.continuation(target, at)?.value(row));
        }
        let of = |id: &u32| self.tracked.get(at)?.iter().find(|track| track.id == *id);
        let mut values = target.ids.iter().map(|id| of(id).map(|track| track.values[row]));
        let first = values.next()??;
        let mut sum = TargetValue {
            logit: Some(first.logit as f64),
            logprob: first.logprob,
            prob: first.prob,
            rank: first.rank,
        };
        for value in values {
            let value = value?;
            sum.logit = sum.logit.map(|logit| log_sum(logit, value.logit as f64));
            sum.logprob = log_sum(sum.logprob, value.logprob);
            sum.prob += value.prob;
            sum.rank = sum.rank.min(value.rank);
        }
        Some(sum)
    }

    /// The tokens of `target` after the prompt, if they are several in a row and the `at`th position read is
    /// the prompt's last.
    pub fn continuation(&self, target: &Target, at: usize) -> Option<&Continuation> {
        let is_last = self.positions[at] == self.last_of_prompt();
        let found = self
            .continuations
            .iter()
            .find(|continuation| continuation.is(target));
        found.filter(|_| is_last && target.sequence)
    }

    /// Whether `target` is what the model says at the `at`th position read.
    pub fn is_output(&self, target: &Target, at: usize) -> bool {
        match target.sequence {
            true => self
                .continuation(target, at)
                .is_some_and(|continuation| continuation.is_output),
            false => target.ids.contains(&self.output[at].top1().id),
        }
    }

    /// The last position of the prompt as it was given, before what the model wrote.
    pub fn last_of_prompt(&self) -> usize {
        self.prompt.ids.len() - self.prompt.generated - 1
    }

    /// How far `target` is above `other` there, in nats ([`TargetValue::above`]); `None` if one was not followed.
    pub fn logit_difference(&self, target: &Target, other: &Target, row: usize, at: usize) -> Option<f64> {
        Some(self.value(target, row, at)?.above(&self.value(other, row, at)?))
    }
}

/// log(e^a + e^b).
fn log_sum(a: f64, b: f64) -> f64 {
    let (large, small) = if a > b { (a, b) } else { (b, a) };
    large + (small - large).exp().ln_1p()
}
