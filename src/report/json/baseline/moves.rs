//! How far each reading is from the earlier one, and what moved most.

use std::collections::BTreeMap;

use super::earlier::{Earlier, EarlierTarget};
use super::tolerance::Quantity;
use crate::decoder::Point;
use crate::lens::{Row, Trajectory};
use crate::readout::Reading;
use crate::report::Document;

/// Where a quantity moved, and from what to what.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    pub quantity: Quantity,
    /// The prompt's number, from 0.
    pub prompt: usize,
    pub layer: usize,
    pub position: usize,
    /// The lens, of several.
    pub lens: Option<String>,
    /// The token whose probability it is, as its label.
    pub token: Option<String>,
    pub before: f64,
    pub now: f64,
}

impl Move {
    /// By how much.
    pub fn distance(&self) -> f64 {
        (self.now - self.before).abs()
    }
}

/// Where a quantity is.
#[derive(Clone, Copy)]
struct Place<'a> {
    layer: usize,
    position: usize,
    lens: Option<&'a str>,
}

/// What moved most so far.
pub(super) struct Moves<'a, 'b> {
    document: &'a Document<'b>,
    most: BTreeMap<Quantity, Move>,
}

impl<'a, 'b> Moves<'a, 'b> {
    /// Nothing yet.
    pub(super) fn new(document: &'a Document<'b>) -> Self {
        Self {
            document,
            most: BTreeMap::new(),
        }
    }

    /// What moved most of each quantity.
    pub(super) fn most(self) -> Vec<Move> {
        self.most.into_values().collect()
    }

    /// Compares what one lens makes of the layers that both have with what it made of them.
    pub(super) fn compare(&mut self, earlier: &Earlier, now: &Trajectory) {
        for (row, of) in now.at_point(Point::ResidPost) {
            let nth = earlier.layers.iter().position(|&layer| layer == of.site.layer);
            for at in 0..now.positions.len() {
                nth.into_iter()
                    .for_each(|nth| self.add((earlier, nth), (now, row), at));
            }
        }
    }

    /// Compares the row `row` at the `at`th position read with the earlier `nth` layer.
    fn add(&mut self, (earlier, nth): (&Earlier, usize), (trajectory, row): (&Trajectory, usize), at: usize) {
        let Row { site, readings } = &trajectory.rows[row];
        let reading = &readings[at];
        let position = trajectory.positions[at];
        let several = !self.document.trajectory.others.is_empty();
        let place = Place {
            layer: site.layer,
            position,
            lens: several.then(|| trajectory.lens.name()),
        };
        let cell = |arrays: &[Vec<Option<f64>>]| arrays.get(nth)?.get(position).copied()?;
        let statistics = [
            (Quantity::Kl, cell(&earlier.forward_kl), reading.forward_kl),
            (Quantity::Entropy, cell(&earlier.entropy), reading.entropy),
        ];
        for (quantity, before, now) in statistics {
            if let Some(before) = before {
                self.moved(quantity, place, None, before, now);
            }
        }
        let empty = (Vec::new(), Vec::new());
        let ids = earlier
            .topk_ids
            .get(nth)
            .and_then(|row| row.get(position))
            .unwrap_or(&empty.0);
        let probs = earlier
            .topk_probs
            .get(nth)
            .and_then(|row| row.get(position))
            .unwrap_or(&empty.1);
        let before: Vec<(u32, f64)> = ids.iter().copied().zip(probs.iter().copied()).collect();
        for (id, before, now) in probabilities(&before, reading) {
            self.moved(
                Quantity::Prob,
                place,
                Some(self.document.tokens.label(id)),
                before,
                now,
            );
        }
        for target in &trajectory.targets {
            let same = |other: &&EarlierTarget| other.name == target.name && other.ids == target.ids;
            let before = earlier
                .targets
                .iter()
                .find(same)
                .and_then(|target| cell(&target.probs));
            let now = trajectory.value(target, row, at);
            if let (Some(before), Some(now)) = (before, now) {
                self.moved(Quantity::Prob, place, Some(target.name.clone()), before, now.prob);
            }
        }
    }

    fn moved(&mut self, quantity: Quantity, place: Place, token: Option<String>, before: f64, now: f64) {
        let found = Move {
            quantity,
            prompt: self.document.number,
            layer: place.layer,
            position: place.position,
            lens: place.lens.map(str::to_string),
            token,
            before,
            now,
        };
        let most = self.most.entry(quantity).or_insert_with(|| found.clone());
        if found.distance() > most.distance() {
            *most = found;
        }
    }
}

/// The tokens among the top of either run with their probabilities in both. Where one of them is not among the
/// top, it is at most as likely as the last that is, and is taken to be as likely: it moved at least so far.
fn probabilities(before: &[(u32, f64)], now: &Reading) -> Vec<(u32, f64, f64)> {
    let Some(&(_, least_before)) = before.last() else {
        return Vec::new();
    };
    let least_now = now.top.last().map_or(0., |candidate| candidate.prob);
    let mut found: Vec<(u32, f64, f64)> = Vec::new();
    for candidate in &now.top {
        let was = before.iter().find(|(id, _)| *id == candidate.id);
        let was = was.map_or(least_before.min(candidate.prob), |(_, prob)| *prob);
        found.push((candidate.id, was, candidate.prob));
    }
    for &(id, prob) in before {
        if !now.top.iter().any(|candidate| candidate.id == id) {
            found.push((id, prob, least_now.min(prob)));
        }
    }
    found
}
