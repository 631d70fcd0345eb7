//! Readings held against those of an earlier run, from its JSON.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;

use crate::decoder::Point;
use crate::error::{Error, Result};
use crate::lens::{Row, Trajectory};
use crate::readout::Reading;
use crate::report::Document;

/// What may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// A token's probability: one of the top k of either run, or a target.
    Prob,
    /// KL from the output, in nats.
    Kl,
    /// In nats.
    Entropy,
}

/// How far each quantity may move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    pub prob: f64,
    pub kl: f64,
    pub entropy: f64,
}

/// More than three times what other prompts in a batch were seen to change: in 24 prompts each through SmolLM2 135M
/// and Gemma 3 270M, at every layer, a probability by 7.5e-6, a KL by 2.7e-4, an entropy by 3.5e-5 at most. The number
/// of threads changes nothing. A CPU with AVX2 alone beside one with AVX-512 changed, in 24 prompts through the demo
/// model at every layer and position, a probability by 1.6e-6, a KL by 5.7e-6 and an entropy by 5.9e-6 at most.
impl Default for Tolerance {
    fn default() -> Self {
        Self {
            prob: 1e-4,
            kl: 1e-3,
            entropy: 1e-3,
        }
    }
}

impl Quantity {
    const ALL: [Self; 3] = [Self::Prob, Self::Kl, Self::Entropy];

    /// Its name in `--tolerance`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prob => "prob",
            Self::Kl => "kl",
            Self::Entropy => "entropy",
        }
    }
}

impl Tolerance {
    /// How far `quantity` may move.
    pub fn of(&self, quantity: Quantity) -> f64 {
        match quantity {
            Quantity::Prob => self.prob,
            Quantity::Kl => self.kl,
            Quantity::Entropy => self.entropy,
        }
    }
}

/// `prob=1e-3,kl=0.01`; what is not named keeps its default.
impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut tolerance = Self::default();
        for part in text.split(',') {
            let wrong = || format!("cannot read {part:?}; write prob=1e-3,kl=0.01,entropy=0.01");
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let value: f64 = value.trim().parse().map_err(|_| wrong())?;
            if value.is_nan() || value < 0. {
                return Err(wrong());
            }
            match name.trim() {
                "prob" => tolerance.prob = value,
                "kl" | "forward_kl" => tolerance.kl = value,
                "entropy" => tolerance.entropy = value,
                _ => return Err(wrong()),
            }
        }
        Ok(tolerance)
    }
}

/// A document of an earlier run, or what it has of another lens than its first: what of it is compared.
#[derive(Debug, Deserialize)]
struct Earlier {
    #[serde(default)]
    meta: EarlierMeta,
    /// Only a whole document has them.
    #[serde(default)]
    input_ids: Vec<u32>,
    layers: Vec<usize>,
    topk_ids: Vec<Vec<Vec<u32>>>,
    topk_probs: Vec<Vec<Vec<f64>>>,
    #[serde(default)]
    forward_kl: Vec<Vec<Option<f64>>>,
    #[serde(default)]
    entropy: Vec<Vec<Option<f64>>>,
    #[serde(default)]
    targets: Vec<EarlierTarget>,
    #[serde(default)]
    lenses: Vec<Earlier>,
}

#[derive(Debug, Default, Deserialize)]
struct EarlierMeta {
    /// Absent where that is the logit lens alone.
    lenses: Option<Vec<EarlierLens>>,
}

#[derive(Debug, Deserialize)]
struct EarlierLens {
    lens: String,
}

#[derive(Debug, Deserialize)]
struct EarlierTarget {
    name: String,
    ids: Vec<u32>,
    probs: Vec<Vec<Option<f64>>>,
}

/// The documents of an earlier run, in order.
#[derive(Debug)]
pub struct Baseline {
    name: String,
    documents: Vec<Earlier>,
}

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

impl Baseline {
    /// The documents in `text`: one, an array of them, or one a line.
    ///
    /// # Errors
    /// What is no such document.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let wrong = |problem: String| {
            Error::failed(
                format!("{name} is no baseline: {problem}."),
                "Give the JSON of an earlier run of prompts: lens … -o before.json",
            )
        };
        let mut documents = Vec::new();
        let read = match text.trim_start().starts_with('[') {
            true => serde_json::from_str(text).map(|read| documents = read),
            false => (serde_json::Deserializer::from_str(text).into_iter::<Earlier>())
                .try_for_each(|document| document.map(|document| documents.push(document))),
        };
        read.map_err(|error| match is_table(text) {
            true => wrong(
                "it is a summary or another table, and a baseline holds the readings of prompts".to_string(),
            ),
            false => wrong(error.to_string()),
        })?;
        match documents.is_empty() {
            true => Err(wrong("it holds no document".to_string())),
            false => Ok(Self {
                name: name.to_string(),
                documents,
            }),
        }
    }

    /// What moved most of each quantity on one prompt.
    ///
    /// # Errors
    /// A prompt that the earlier run does not have, or that had other tokens there; readings that have no layer
    /// and position in common.
    pub fn compare(&self, document: &Document) -> Result<Vec<Move>> {
        let trajectory = document.trajectory;
        let number = document.number;
        let wrong = |problem: &str| {
            Error::failed(
                format!("{}: {problem} prompt {number} of this run.", self.name),
                "Read the prompts of the earlier run, in its order and with its model's tokenizer.",
            )
        };
        let Some(earlier) = self.documents.get(number) else {
            return Err(wrong("it has no document for"));
        };
        if earlier.input_ids != trajectory.prompt.ids {
            return Err(wrong("its tokens are not those of"));
        }
        let lenses: Vec<&str> = trajectory.of_each_lens().map(|read| read.lens.name()).collect();
        let before = earlier.lens_names();
        if before != lenses {
            return Err(Error::failed(
                format!(
                    "{} was read under the lenses {}, and this run under {}.",
                    self.name,
                    before.join(", "),
                    lenses.join(", ")
                ),
                format!("Read with --lens {}, each as it was then.", before.join(",")),
            ));
        }
        let mut moves = Moves {
            document,
            most: BTreeMap::new(),
        };
        let of_each_lens = std::iter::once(earlier).chain(&earlier.lenses);
        for (earlier, now) in of_each_lens.zip(trajectory.of_each_lens()) {
            moves.compare(earlier, now);
        }
        match moves.most.is_empty() {
            true => Err(wrong("it has no layer and position of")),
            false => Ok(moves.most.into_values().collect()),
        }
    }

    /// How many prompts there are.
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }
}

/// Whether `text` is a table of lens's: a summary, an evaluation, a comparison.
fn is_table(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Table {
        #[serde(rename = "rows")]
        _rows: Vec<serde::de::IgnoredAny>,
    }
    serde_json::from_str::<Table>(text).is_ok()
}

impl Earlier {
    fn lens_names(&self) -> Vec<&str> {
        match &self.meta.lenses {
            Some(lenses) => lenses.iter().map(|lens| lens.lens.as_str()).collect(),
            None => vec!["logit"],
        }
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
struct Moves<'a, 'b> {
    document: &'a Document<'b>,
    most: BTreeMap<Quantity, Move>,
}

impl Moves<'_, '_> {
    /// Compares what one lens makes of the layers that both have with what it made of them.
    fn compare(&mut self, earlier: &Earlier, now: &Trajectory) {
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

impl Quantity {
    /// Every quantity, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_read_as_written() {
        let tolerance: Tolerance = "prob=1e-3, kl=0.01".parse().unwrap();
        assert_eq!((tolerance.prob, tolerance.kl), (1e-3, 0.01));
        assert_eq!(tolerance.entropy, Tolerance::default().entropy);
        for wrong in [
            "",
            "prob",
            "prob=",
            "prob=x",
            "prob=-1",
            "rank=1",
            "prob=1,,kl=1",
            "prob=NaN",
        ] {
            assert!(wrong.parse::<Tolerance>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_no_document_is_no_baseline() {
        let document = r#"{"layers": [], "input_ids": [], "topk_ids": [], "topk_probs": []}"#;
        let count = |text: &str| Baseline::parse(text, "b").map(|baseline| baseline.len());
        assert_eq!(count(document).unwrap(), 1);
        assert_eq!(count(&format!("[{document}, {document}]")).unwrap(), 2);
        assert_eq!(
            count(&format!("{document}\n{document}\n{document}\n")).unwrap(),
            3
        );
        for wrong in [
            "",
            "[]",
            "{}",
            "7",
            "[1]",
            "{\"meta\": {}, \"rows\": []}",
            "not JSON",
        ] {
            let error = count(wrong).unwrap_err();
            assert!(
                error.problem.starts_with("b is no baseline: "),
                "{wrong}: {error}"
            );
        }
    }
}
