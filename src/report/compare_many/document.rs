//! A comparison of two models over many prompts as a document: its types, and how they are made.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::compare_many::{ModelComparison, ModelComparisonRow, Moved};
use crate::analysis::summary::Mean;
use crate::decoder::{Point, Site};
use crate::model::Card;
use crate::report::json::SCHEMA_VERSION;
use crate::report::sheet::Table;

/// What two models were compared on.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Meta {
    pub schema_version: u32,
    pub left: Side,
    pub right: Side,
    /// Whether an id is the same token on both sides; without, there is no KL.
    pub same_vocabulary: bool,
    /// How many prompts both models have read.
    pub prompts: usize,
    /// How many of them the models, of one vocabulary, cut into different tokens.
    #[serde(default)]
    pub prompts_cut_differently: usize,
    /// How many of them have a target on both sides.
    pub prompts_with_target: usize,
    /// How many positions were compared, of all prompts together.
    pub positions: usize,
    /// The k of `overlap`.
    pub k: usize,
    /// By how many layers the right model's prediction settles later than the left one's, a mean over the prompts
    /// for which both settle (of models of different depth, later than the layer as far through it); null of none.
    pub settles_later: Option<f64>,
    pub settles_later_se: Option<f64>,
    /// The prompts whose outputs are furthest apart by KL(left‖right) (by overlap where there is none), furthest
    /// first.
    pub moved: Vec<MovedPrompt>,
    pub tool: String,
    pub tool_version: String,
}

/// A model.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Side {
    /// The hub id, or the path as given.
    pub model: String,
    /// The commit hash of a hub model.
    pub revision: Option<String>,
    /// The type that the weights are held in.
    pub dtype: String,
    /// The number of blocks.
    pub n_layers: usize,
}

/// A prompt whose outputs are far apart.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct MovedPrompt {
    /// The prompt's number, from 0.
    pub prompt: usize,
    pub id: Option<String>,
    pub text: String,
    /// KL(left‖right) of the outputs, in nats; null where the vocabularies differ.
    pub kl_left_right: Option<f64>,
    pub kl_right_left: Option<f64>,
    /// The left model's layer where they are furthest apart.
    pub layer: Option<usize>,
    /// The outputs' top tokens.
    pub left_top1: String,
    pub right_top1: String,
    /// The change of the target's log-probability, right less left, in nats; null without a target.
    pub target_logprob_change: Option<f64>,
}

/// The means over all prompts at one layer and the one beside it, each with its standard error (`_se`, null of
/// fewer than two). The sample is the prompt: of several positions of one, the mean counts once.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Row {
    /// The left model's layer; null at the embedding.
    pub layer: Option<usize>,
    /// The right model's layer, as far through it.
    pub right_layer: Option<usize>,
    /// Where in the block: `embed`, `attn_out`, `resid_mid`, `mlp_out` or `resid_post`.
    pub point: String,
    /// How many prompts these are the means of.
    pub n: u64,
    /// KL(left‖right), in nats; null where the vocabularies differ.
    pub kl_left_right: Option<f64>,
    pub kl_left_right_se: Option<f64>,
    /// KL(right‖left), in nats.
    pub kl_right_left: Option<f64>,
    pub kl_right_left_se: Option<f64>,
    /// How often both have the same top-1.
    pub same_top1: Option<f64>,
    pub same_top1_se: Option<f64>,
    pub same_top1_count: u64,
    /// The share of the tokens among the top k of either side that are among both.
    pub overlap: Option<f64>,
    pub overlap_se: Option<f64>,
    /// How many prompts have a target on both sides.
    pub target_n: u64,
    /// The change of the target's log-probability, right less left, in nats.
    pub target_logprob_change: Option<f64>,
    pub target_logprob_change_se: Option<f64>,
}

/// The document of a comparison of two models over many prompts.
pub type ModelComparisonDocument = Table<Meta, Row>;

impl Row {
    /// Of one row of the comparison.
    pub(super) fn new(row: &ModelComparisonRow) -> Self {
        let layer = |site: Site| (site.point != Point::Embed).then_some(site.layer);
        Self {
            layer: layer(row.left),
            right_layer: layer(row.right),
            point: row.left.point.name().to_string(),
            n: row.overlap.count(),
            kl_left_right: mean(row.kl_left_right),
            kl_left_right_se: row.kl_left_right.standard_error(),
            kl_right_left: mean(row.kl_right_left),
            kl_right_left_se: row.kl_right_left.standard_error(),
            same_top1: row.same_top1.value(),
            same_top1_se: row.same_top1.standard_error(),
            same_top1_count: row.same_top1.count,
            overlap: mean(row.overlap),
            overlap_se: row.overlap.standard_error(),
            target_n: row.target_logprob_change.count(),
            target_logprob_change: mean(row.target_logprob_change),
            target_logprob_change_se: row.target_logprob_change.standard_error(),
        }
    }
}

/// What the document says of itself.
pub(super) fn meta(comparison: &ModelComparison, cards: [&Card; 2], k: usize) -> Meta {
    let side = |card: &Card| Side {
        model: card.name.clone(),
        revision: card.revision.clone(),
        dtype: card.held.to_string(),
        n_layers: card.layers,
    };
    let moved = |moved: &Moved| MovedPrompt {
        prompt: moved.number,
        id: moved.id.clone(),
        text: moved.prompt.clone(),
        kl_left_right: moved.kl_left_right,
        kl_right_left: moved.kl_right_left,
        layer: moved.layer,
        left_top1: moved.left_top1.clone(),
        right_top1: moved.right_top1.clone(),
        target_logprob_change: moved.target_logprob_change,
    };
    Meta {
        schema_version: SCHEMA_VERSION,
        left: side(cards[0]),
        right: side(cards[1]),
        same_vocabulary: comparison.same_vocabulary,
        prompts: comparison.prompts,
        prompts_cut_differently: comparison.cut_differently,
        prompts_with_target: comparison.targets,
        positions: comparison.positions,
        k,
        settles_later: mean(comparison.settles_later),
        settles_later_se: comparison.settles_later.standard_error(),
        moved: comparison.moved.iter().map(moved).collect(),
        tool: "lens".to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_string(),
    }
}

/// The mean, if it is one of anything.
pub(super) fn mean(mean: Mean) -> Option<f64> {
    (mean.count() > 0).then(|| mean.mean())
}
