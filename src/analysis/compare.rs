//! Two trajectories side by side: one prompt through two models, or two prompts through one.

use std::collections::HashSet;

use crate::decoder::{Point, Site};
use crate::error::{Error, Result};
use crate::lens::Trajectory;
use crate::model::Model;
use crate::readout::{Reading, Readout};
use crate::text::tokens::Tokens;

/// One of the two: a trajectory with its rows kept, and the model that it is of.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub model: &'a Model,
    pub trajectory: &'a Trajectory,
}

/// Two trajectories, aligned.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Whether an id is the same token on both sides, so that distributions can be compared.
    pub same_vocabulary: bool,
    /// Whether layer i stands beside layer i; otherwise beside the layer of the same relative depth.
    pub same_depth: bool,
    /// Whether two models of one vocabulary make other tokens of one text: then it is not the weights alone that differ.
    pub cut_differently: bool,
    /// The positions that both have read, counted from the end of each prompt, rising.
    pub positions: Vec<PositionPair>,
}

/// A position of each side, as far from the end.
#[derive(Debug, Clone)]
pub struct PositionPair {
    /// Indices into [`Trajectory::positions`].
    pub left: usize,
    pub right: usize,
    pub rows: Vec<RowPair>,
}

/// A row of each side, at the same depth.
#[derive(Debug, Clone, Copy)]
pub struct RowPair {
    /// Indices into [`Trajectory::rows`].
    pub left: usize,
    pub right: usize,
    /// KL(left‖right) and KL(right‖left), in nats; `None` where the vocabularies differ.
    pub kl: Option<[f64; 2]>,
    /// The share of the tokens among the top k of either side that are among both: |L∩R| / k.
    pub overlap: f64,
}

impl Comparison {
    /// Aligns the two and measures how far apart they are.
    ///
    /// # Errors
    /// Trajectories that were read without keeping their rows, or have no position in common.
    pub fn new(left: Side, right: Side) -> Result<Self> {
        let same_model = std::ptr::eq(left.model, right.model);
        let same_vocabulary = same_model || same_vocabulary(left.model, right.model);
        let depths = [left, right].map(|side| side.model.decoder.blocks.len());
        let mut positions = Vec::new();
        for (l, r) in positions_from_the_end(left.trajectory, right.trajectory) {
            let logs = match same_vocabulary {
                true => Some([log_probs(left, l)?, log_probs(right, r)?]),
                false => None,
            };
            let rows = aligned(left.trajectory, right.trajectory, depths).into_iter();
            let rows = rows.map(|(i, j)| RowPair {
                left: i,
                right: j,
                kl: (logs.as_ref()).map(|[left, right]| [kl(&left[i], &right[j]), kl(&right[j], &left[i])]),
                overlap: overlap(
                    (&left.trajectory.rows[i].readings[l], &left.model.tokens),
                    (&right.trajectory.rows[j].readings[r], &right.model.tokens),
                    same_vocabulary,
                ),
            });
            positions.push(PositionPair {
                left: l,
                right: r,
                rows: rows.collect(),
            });
        }
        if positions.is_empty() {
            return Err(Error::usage(
                "The two have no position in common.",
                "Positions are aligned from the end; choose some that both prompts have, as -3:.",
            ));
        }
        Ok(Self {
            same_vocabulary,
            same_depth: depths[0] == depths[1],
            cut_differently: same_vocabulary && cut_differently(left, right),
            positions,
        })
    }
}

fn cut_differently(left: Side, right: Side) -> bool {
    let [left, right] = [left, right].map(|side| &side.trajectory.prompt);
    left.text == right.text && left.ids != right.ids
}

/// Whether the two tokenizers give every id the same bytes.
pub fn same_vocabulary(left: &Model, right: &Model) -> bool {
    left.card.vocabulary == right.card.vocabulary
        && (0..left.card.vocabulary as u32).all(|id| left.tokens.bytes(id) == right.tokens.bytes(id))
}

/// The pairs of positions read that are equally far from the ends of their prompts.
fn positions_from_the_end(left: &Trajectory, right: &Trajectory) -> Vec<(usize, usize)> {
    let from_end = |t: &Trajectory, at: usize| t.prompt.ids.len() - t.positions[at];
    let partner = |l: usize| {
        let r = (0..right.positions.len()).find(|&r| from_end(right, r) == from_end(left, l))?;
        Some((l, r))
    };
    (0..left.positions.len()).filter_map(partner).collect()
}

/// The pairs of rows at one point whose layers have the same relative depth.
fn aligned(left: &Trajectory, right: &Trajectory, [deep, other]: [usize; 2]) -> Vec<(usize, usize)> {
    let beside = |site: Site| match site.point {
        Point::Embed => site,
        point => Site {
            layer: layer_beside(site.layer, deep, other),
            point,
        },
    };
    let partner = |(i, site): (usize, Site)| {
        let j = right.rows.iter().position(|row| row.site == beside(site))?;
        Some((i, j))
    };
    (left.rows.iter().map(|row| row.site).enumerate())
        .filter_map(partner)
        .collect()
}

/// The layer of a model with `other` blocks that is as far through it as `layer` is through one
/// with `deep`: (layer + 1) / deep of the way, rounded.
pub fn layer_beside(layer: usize, deep: usize, other: usize) -> usize {
    (((layer + 1) * other * 2 + deep) / (deep * 2)).clamp(1, other) - 1
}

/// log p over the vocabulary, for each row at one position.
fn log_probs(side: Side, at: usize) -> Result<Vec<Vec<f64>>> {
    let Some(hidden) = &side.trajectory.hidden else {
        return Err(Error::failed(
            "The rows to compare were not kept.",
            "Read the prompts with Request::keep_rows.",
        ));
    };
    let logits = Readout::new(&side.model.decoder.unembed).logits(&hidden.get(at)?)?;
    let rows = logits.into_iter().zip(&side.trajectory.rows);
    Ok(rows
        .map(|(logits, row)| {
            let reading = &row.readings[at];
            logits.into_iter().map(|l| reading.logprob(l)).collect()
        })
        .collect())
}

/// Σ p (log p − log q).
fn kl(p: &[f64], q: &[f64]) -> f64 {
    let sum: f64 = p.iter().zip(q).map(|(p, q)| p.exp() * (p - q)).sum();
    sum.max(0.)
}

/// Tokens are the same when their ids are, or in two vocabularies when their bytes are.
fn overlap(
    (left, left_tokens): (&Reading, &Tokens),
    (right, right_tokens): (&Reading, &Tokens),
    same_vocabulary: bool,
) -> f64 {
    let shared = if same_vocabulary {
        let ids: HashSet<u32> = left.top.iter().map(|c| c.id).collect();
        right.top.iter().filter(|c| ids.contains(&c.id)).count()
    } else {
        let bytes = |reading: &Reading, tokens: &Tokens| -> HashSet<Vec<u8>> {
            reading.top.iter().filter_map(|c| tokens.bytes(c.id)).collect()
        };
        bytes(left, left_tokens)
            .intersection(&bytes(right, right_tokens))
            .count()
    };
    shared as f64 / left.top.len().max(right.top.len()) as f64
}
