//! What is read of rows, as a document has it.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::targets::{EmbedTarget, Targets};
use super::{ByLayer, ByPosition};
use crate::report::json::sequence::Entries;
use crate::report::json::statistics::StatisticArrays;

/// The most likely tokens of each row, likeliest first.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Top<Texts, Ids, Numbers> {
    /// The tokens as text.
    pub topk: Texts,
    pub topk_ids: Ids,
    pub topk_probs: Numbers,
    /// In nats; absent with `--lean`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topk_logprobs: Option<Numbers>,
    /// Absent with `--lean`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topk_logits: Option<Numbers>,
}

/// The top tokens at the layers, `[layer][position][k]`.
pub type TopByLayer<'a> = Top<ByLayer<'a, Vec<String>>, ByLayer<'a, Vec<u32>>, ByLayer<'a, Vec<f64>>>;
/// The top tokens of a row that has no layer, `[position][k]`.
pub type TopByPosition<'a> =
    Top<ByPosition<'a, Vec<String>>, ByPosition<'a, Vec<u32>>, ByPosition<'a, Vec<f64>>>;

/// The rows at one point of the blocks, `[layer][position]`.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Layers<'a> {
    #[serde(flatten)]
    pub top: TopByLayer<'a>,
    #[serde(flatten)]
    pub statistics: StatisticArrays<ByLayer<'a, Option<Measure>>>,
    /// `[position]`: token text → probability by layer, as logitlenskit has it. Of two ids with one text, the
    /// likelier; `tracked_ids` has both. Absent with `--lean`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracked: Option<ByPosition<'a, Entries<'a, Vec<f64>>>>,
    /// `[position]`: token id → its values by layer; absent with `--lean`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracked_ids: Option<ByPosition<'a, Entries<'a, Track>>>,
}

/// One row that has no layer, `[position]`.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Row<'a> {
    #[serde(flatten)]
    pub top: TopByPosition<'a>,
    #[serde(flatten)]
    pub statistics: StatisticArrays<ByPosition<'a, Option<Measure>>>,
}

/// The embedding's row.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct EmbedReadings<'a> {
    #[serde(flatten)]
    pub row: Row<'a>,
    /// The targets asked for; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<EmbedTarget<'a>>>,
}

/// What was read at one other point of the blocks.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct PointReadings<'a> {
    pub layers: Vec<usize>,
    #[serde(flatten)]
    pub rows: Layers<'a>,
    /// The targets asked for; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Targets<'a>>>,
}

/// The value of a statistic: a number, or whether it is so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Measure {
    Flag(bool),
    Number(f64),
}

/// A token followed through the layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Track {
    /// The token as text.
    pub token: String,
    /// By layer.
    pub probs: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logits: Option<Vec<f64>>,
    /// By layer, 1 = top.
    pub ranks: Vec<u64>,
}
