//! The numbers in a result, as readings: each checked against what was asked for.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use crate::decoder::Site;
use crate::engine::local::ids_to_follow;
use crate::lens::{Request, Row, Track, Trajectory};
use crate::readout::lenses::LogitLens;
use crate::readout::{Candidate, Distances, Reading, Tracked};
use crate::text::prompt::Prompt;
use crate::text::targets::Target;

/// What the body saved.
#[derive(Deserialize)]
pub struct Saved {
    /// What the request was marked with.
    pub mark: String,
    /// The type of the residual stream, as torch calls it.
    pub dtype: String,
    pub vocabulary: usize,
    rows: Vec<Numbers>,
    followed: Vec<Followed>,
}

/// One row's numbers, each list `[position]` or `[position][k]`.
#[derive(Deserialize)]
struct Numbers {
    ids: Vec<Vec<u32>>,
    logits: Vec<Vec<f64>>,
    log_sum_exp: Vec<f64>,
    entropy: Vec<f64>,
    forward_kl: Vec<f64>,
    reverse_kl: Vec<f64>,
    /// The logit of the token that comes next in the prompt.
    next: Vec<Option<f64>>,
    js: Vec<f64>,
    tv: Vec<f64>,
}

/// The tokens followed at a position, with numbers `[row][token]`.
#[derive(Deserialize)]
struct Followed {
    ids: Vec<u32>,
    logits: Vec<Vec<f64>>,
    ranks: Vec<Vec<u64>>,
}

/// What was asked of one prompt.
pub struct Asked<'a> {
    pub prompt: Prompt,
    pub positions: Vec<usize>,
    pub targets: Vec<Target>,
    /// The rows read, the output last.
    pub sites: &'a [Site],
    /// How many of them are shown.
    pub shown: usize,
    /// How many tokens of a row are kept.
    pub top_k: usize,
    pub request: &'a Request,
}

impl Saved {
    /// The trajectory of what was asked.
    ///
    /// # Errors
    /// What does not fit it, for the middle of a sentence.
    pub fn trajectory(self, asked: Asked) -> Result<Trajectory, String> {
        let count = asked.positions.len();
        if self.rows.len() != asked.sites.len() || self.followed.len() != count {
            return Err("it has another number of rows or positions than was asked for".to_string());
        }
        let mut rows = Vec::new();
        for numbers in &self.rows {
            let readings = (0..count).map(|at| numbers.reading(at, &asked, self.vocabulary));
            rows.push(readings.collect::<Option<Vec<Reading>>>());
        }
        let rows: Option<Vec<Vec<Reading>>> = rows.into_iter().collect();
        let rows = rows.ok_or("a row of it lacks numbers, or has some that cannot be")?;
        let tracked = (self.followed.iter().enumerate())
            .map(|(at, followed)| followed.tracks(at, &rows, &asked, self.vocabulary))
            .collect::<Option<Vec<_>>>();
        let output = rows[rows.len() - 1].clone();
        let shown = asked.sites.iter().zip(rows).take(asked.shown);
        Ok(Trajectory {
            lens: Arc::new(LogitLens),
            others: Vec::new(),
            continuations: Vec::new(),
            rows: shown.map(|(&site, readings)| Row { site, readings }).collect(),
            output,
            tracked: tracked.ok_or("the tokens that it follows are not those that were asked for")?,
            prompt: asked.prompt,
            positions: asked.positions,
            targets: asked.targets,
            hidden: None,
        })
    }
}

impl Numbers {
    fn reading(&self, at: usize, asked: &Asked, vocabulary: usize) -> Option<Reading> {
        let log_sum_exp = *self.log_sum_exp.get(at)?;
        let (ids, logits) = (self.ids.get(at)?, self.logits.get(at)?);
        let mut top: Vec<Candidate> = (ids.iter().zip(logits))
            .map(|(&id, &logit)| candidate(id, logit, log_sum_exp))
            .collect();
        top.sort_by(|a, b| b.logit.total_cmp(&a.logit).then(a.id.cmp(&b.id)));
        let fits = top.len() == asked.top_k && logits.len() == ids.len() && !top.is_empty();
        let distinct: HashSet<u32> = ids.iter().copied().collect();
        if !fits || distinct.len() < ids.len() || ids.iter().any(|&id| id as usize >= vocabulary) {
            return None;
        }
        let next = asked.prompt.ids.get(asked.positions[at] + 1);
        let cross_entropy = match next {
            Some(_) => Some(log_sum_exp - (*self.next.get(at)?)?),
            None => None,
        };
        let distances = match asked.request.distances {
            true => Some(Distances {
                js: self.js.get(at)?.max(0.),
                tv: *self.tv.get(at)?,
            }),
            false => None,
        };
        let reading = Reading {
            top,
            log_sum_exp,
            entropy: *self.entropy.get(at)?,
            // Rounding may leave a divergence of (nearly) equal rows a hair below zero.
            forward_kl: self.forward_kl.get(at)?.max(0.),
            reverse_kl: self.reverse_kl.get(at)?.max(0.),
            cross_entropy,
            distances,
            lens_kl: None,
        };
        let is_number = |x: f64| x.is_finite();
        let all = [
            reading.log_sum_exp,
            reading.entropy,
            reading.forward_kl,
            reading.reverse_kl,
        ];
        let finite = all.into_iter().all(is_number) && reading.top.iter().all(|top| is_number(top.logprob));
        (finite && is_possible(&reading, vocabulary)).then_some(reading)
    }
}

/// Whether the numbers are those that a distribution over a vocabulary can have, but for rounding.
fn is_possible(reading: &Reading, vocabulary: usize) -> bool {
    const ROUNDING: f64 = 1e-4;
    let within = |x: f64, most: f64| (-ROUNDING..=most + ROUNDING).contains(&x);
    let distances = reading
        .distances
        .is_none_or(|distances| within(distances.js, std::f64::consts::LN_2) && within(distances.tv, 1.));
    let sum: f64 = reading.top.iter().map(|top| top.prob).sum();
    distances && within(reading.entropy, (vocabulary as f64).ln()) && within(sum, 1.)
}

fn candidate(id: u32, logit: f64, log_sum_exp: f64) -> Candidate {
    let logprob = logit - log_sum_exp;
    Candidate {
        id,
        logit: logit as f32,
        logprob,
        prob: logprob.exp(),
    }
}

impl Followed {
    fn tracks(
        &self,
        at: usize,
        rows: &[Vec<Reading>],
        asked: &Asked,
        vocabulary: usize,
    ) -> Option<Vec<Track>> {
        let readings: Vec<Reading> = rows.iter().map(|row| row[at].clone()).collect();
        let output = readings.last()?;
        let next = asked.prompt.ids.get(asked.positions[at] + 1).copied();
        let shown = &readings[..asked.shown];
        let wanted = ids_to_follow(
            &shown.iter().collect::<Vec<_>>(),
            output,
            next,
            &asked.targets,
            asked.request,
        );
        let place: HashMap<u32, usize> = self.ids.iter().enumerate().map(|(i, &id)| (id, i)).collect();
        let track = |id: u32| {
            let nth = *place.get(&id)?;
            let value = |row: usize| {
                let logit = *self.logits.get(row)?.get(nth)?;
                let rank = *self.ranks.get(row)?.get(nth)?;
                let Candidate {
                    logit, logprob, prob, ..
                } = candidate(id, logit, shown[row].log_sum_exp);
                let is_possible = logprob <= 1e-4 && (1..=vocabulary as u64).contains(&rank);
                is_possible.then_some(Tracked {
                    id,
                    logit,
                    logprob,
                    prob,
                    rank,
                })
            };
            let values = (0..asked.shown).map(value).collect::<Option<Vec<_>>>()?;
            Some(Track { id, values })
        };
        let mut tracks = wanted.into_iter().map(track).collect::<Option<Vec<Track>>>()?;
        tracks.sort_by(|a, b| b.highest().total_cmp(&a.highest()).then(a.id.cmp(&b.id)));
        Some(tracks)
    }
}
