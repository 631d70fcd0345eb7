//! A comparison as a document: its types, and how they are made.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Compared;
use crate::analysis::compare::{PositionPair, RowPair};
use crate::decoder::Point;
use crate::lens::TargetValue;
use crate::report::Document;
use crate::report::json::{Engine, LensMeta, SCHEMA_VERSION};
use crate::report::sheet::Table;
use crate::text::targets::Target;

/// What was compared.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Meta {
    pub schema_version: u32,
    pub left: SideMeta,
    pub right: SideMeta,
    /// Whether an id is the same token on both sides; where not, there is no KL.
    pub same_vocabulary: bool,
    /// Whether the models, of one vocabulary, make the same tokens of one prompt; true of two prompts.
    #[serde(default = "yes")]
    pub same_tokens: bool,
    /// How many top tokens of either side the overlap is of.
    pub k: usize,
    pub tool: String,
    pub tool_version: String,
    /// What maps the rows before the final norm; absent where that is the logit lens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lenses: Option<Vec<LensMeta>>,
}

fn yes() -> bool {
    true
}

/// One side of a comparison.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct SideMeta {
    /// The hub id, or the path as given.
    pub model: String,
    /// The commit hash of a hub model.
    pub revision: Option<String>,
    pub prompt: String,
    /// What ran the model, where that is a server; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// What maps this side's rows before the final norm, where that is not what `meta.lenses` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lenses: Option<Vec<LensMeta>>,
}

/// A row of one side and the one beside it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Row {
    /// The lens; absent where that is the logit lens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
    /// How far the position is from the end of its prompt: 1 is the last.
    pub from_end: usize,
    /// Where in the block: `embed`, `attn_out`, `resid_mid`, `mlp_out` or `resid_post`.
    pub point: String,
    pub left: SideRow,
    pub right: SideRow,
    /// KL(left‖right), in nats; null where the vocabularies differ.
    pub kl_left_right: Option<f64>,
    /// KL(right‖left), in nats; null where the vocabularies differ.
    pub kl_right_left: Option<f64>,
    /// The share of the top k that both have.
    pub overlap: f64,
    pub targets: Vec<TargetRow>,
}

/// What one side has at a row.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct SideRow {
    /// The layer; null at the embedding.
    pub layer: Option<usize>,
    pub position: usize,
    /// The prompt's token there.
    pub input: String,
    pub top1_id: u32,
    pub top1: String,
    pub top1_prob: f64,
}

/// A target on both sides.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct TargetRow {
    pub name: String,
    pub left: TargetSide,
    pub right: TargetSide,
    /// The right's probability less the left's.
    pub prob_difference: Option<f64>,
}

/// What one side makes of a target.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct TargetSide {
    pub prob: Option<f64>,
    /// In nats.
    pub logprob: Option<f64>,
    pub rank: Option<u64>,
}

/// The document of a comparison.
pub type ComparisonDocument = Table<Meta, Row>;

/// What the document says of itself.
pub(super) fn meta(lenses: &[Compared], compared: &Compared) -> Meta {
    let side = |document: &Document| SideMeta {
        model: document.card.name.clone(),
        revision: document.card.revision.clone(),
        prompt: document.trajectory.prompt.text.clone(),
        engine: document.card.engine.as_ref().map(Engine::from),
        lenses: None,
    };
    let left = LensMeta::of_each(lenses.iter().map(|one| one.left.trajectory.lens.as_ref()));
    let right = LensMeta::of_each(lenses.iter().map(|one| one.right.trajectory.lens.as_ref()));
    let readings = compared.left.trajectory.rows.iter().flat_map(|row| &row.readings);
    Meta {
        schema_version: SCHEMA_VERSION,
        left: side(&compared.left),
        right: SideMeta {
            lenses: right.filter(|right| left.as_ref() != Some(right)),
            ..side(&compared.right)
        },
        same_vocabulary: compared.comparison.same_vocabulary,
        same_tokens: !compared.comparison.cut_differently,
        k: readings.map(|reading| reading.top.len()).max().unwrap_or(0),
        tool: "lens".to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_string(),
        lenses: left,
    }
}

/// One row, without its lens.
pub(super) fn row(compared: &Compared, pair: &PositionPair, row: &RowPair) -> Row {
    let Compared { left, right, .. } = compared;
    let targets = left.trajectory.targets.iter().zip(&right.trajectory.targets);
    Row {
        lens: None,
        from_end: left.trajectory.prompt.ids.len() - left.trajectory.positions[pair.left],
        point: left.trajectory.rows[row.left].site.point.name().to_string(),
        left: side(left, row.left, pair.left),
        right: side(right, row.right, pair.right),
        kl_left_right: row.kl.map(|kl| kl[0]),
        kl_right_left: row.kl.map(|kl| kl[1]),
        overlap: row.overlap,
        targets: targets
            .map(|targets| target(compared, pair, row, targets))
            .collect(),
    }
}

fn side(document: &Document, row: usize, at: usize) -> SideRow {
    let trajectory = document.trajectory;
    let site = trajectory.rows[row].site;
    let top = trajectory.rows[row].readings[at].top1();
    let position = trajectory.positions[at];
    SideRow {
        layer: (site.point != Point::Embed).then_some(site.layer),
        position,
        input: document.tokens.text(trajectory.prompt.ids[position]),
        top1_id: top.id,
        top1: document.tokens.text(top.id),
        top1_prob: top.prob,
    }
}

fn target(compared: &Compared, pair: &PositionPair, row: &RowPair, targets: (&Target, &Target)) -> TargetRow {
    let left = compared.left.trajectory.value(targets.0, row.left, pair.left);
    let right = compared.right.trajectory.value(targets.1, row.right, pair.right);
    let side = |value: Option<TargetValue>| TargetSide {
        prob: value.map(|v| v.prob),
        logprob: value.map(|v| v.logprob),
        rank: value.map(|v| v.rank),
    };
    TargetRow {
        name: targets.0.name.clone(),
        left: side(left),
        right: side(right),
        prob_difference: left.zip(right).map(|(left, right)| right.prob - left.prob),
    }
}
