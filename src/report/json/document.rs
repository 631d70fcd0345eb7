//! The JSON document, as types: what is written, what its schema says, what is read back.
//!
//! It is a logitlenskit V2 document with what V2 lacks beside it. The V2 part is read by
//! logitlenskit's widget as it is: it is keyed by token text and has no ids. The additions are
//! keyed by id, at full precision. Every array over positions has one entry for each token of the
//! prompt, so that an index is always a position; where a position was not read, the entry is empty
//! (`[]`, `{}`) or `null`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::EngineCard;

use super::sequence::{Entries, Sequence};
use super::statistics::StatisticArrays;
use crate::readout::lenses::Lens;

/// The version of the document, `meta.schema_version`. Within a version keys may be added; a key that
/// goes, or whose meaning or shape changes, makes the next version.
pub const SCHEMA_VERSION: u32 = 1;

/// `[position]`.
pub type ByPosition<'a, T> = Sequence<'a, T>;
/// `[layer][position]`.
pub type ByLayer<'a, T> = Sequence<'a, Sequence<'a, T>>;

/// The readings of one prompt.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Readings<'a> {
    pub meta: Meta,
    /// What the prompt's file calls it; absent where it has no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The layers shown: layer i is the output of block i.
    pub layers: Vec<usize>,
    /// The prompt's tokens as text; a byte of a split character as its label, `\xE6`, here and wherever
    /// a token is text.
    pub input: Vec<String>,
    pub input_ids: Vec<u32>,
    /// How many of the last tokens the model generated; absent when none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated: Option<usize>,
    /// The positions read; absent when all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positions: Option<Vec<usize>>,
    #[serde(flatten)]
    pub rows: Layers<'a>,
    /// `[position][token]`: the ids to plot, those of the targets or every token that is top-1 at some layer;
    /// absent with `--lean`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed_ids: Option<Vec<Vec<u32>>>,
    /// `[position]`: the first layer shown from which every layer's top-1 is the output's.
    pub settles_at: Vec<Option<usize>>,
    /// `[position]`: the first layer shown whose top-1 is the output's.
    pub leads_first_at: Vec<Option<usize>>,
    /// `[position]`: where forward KL falls most from one layer shown to the next.
    pub sudden_change: Vec<Option<SuddenChange>>,
    /// The targets asked for; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Targets<'a>>>,
    /// What was read at other points of the blocks, by point (`attn_out`, `resid_mid`, `mlp_out`); absent
    /// unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<BTreeMap<String, PointReadings<'a>>>,
    /// The residual stream before block 0; absent when not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embed: Option<EmbedReadings<'a>>,
    /// What the run's other lenses make of the same rows, on the same axes; absent with one lens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lenses: Option<Vec<LensReadings<'a>>>,
    /// The model's output.
    pub output: Row<'a>,
    /// What `--assert` comes to, in order; absent without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertions: Option<Vec<Assertion>>,
}

/// An assertion and what it comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assertion {
    /// The expression as it was written.
    pub expression: String,
    pub holds: bool,
    /// The value that was found; null where there is none, and the assertion does not hold.
    pub found: Option<Found>,
}

/// A value that an assertion is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Found {
    Flag(bool),
    Number(f64),
    /// A token as text.
    Token(String),
}

/// What another lens makes of the same rows. Its keys are as those of the document.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct LensReadings<'a> {
    /// The lens, as in `meta.lenses`.
    pub lens: String,
    pub layers: Vec<usize>,
    #[serde(flatten)]
    pub rows: Layers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed_ids: Option<Vec<Vec<u32>>>,
    pub settles_at: Vec<Option<usize>>,
    pub leads_first_at: Vec<Option<usize>>,
    pub sudden_change: Vec<Option<SuddenChange>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Targets<'a>>>,
    /// Absent also where this lens has no map for the embedding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embed: Option<EmbedReadings<'a>>,
}

/// What it takes to reproduce the readings.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Meta {
    /// The version of logitlenskit's format: 2.
    pub version: u32,
    /// The version of this format; see the schema's description.
    pub schema_version: u32,
    /// When this was written, RFC 3339 in UTC.
    pub timestamp: String,
    /// The hub id, or the path as given.
    pub model: String,
    /// The commit hash of a hub model.
    pub revision: Option<String>,
    pub prompt: String,
    pub tool: String,
    pub tool_version: String,
    /// `model_type` in config.json.
    pub family: String,
    pub parameters: u64,
    /// The number of blocks.
    pub n_layers: usize,
    /// Rows of the unembedding.
    pub vocabulary: usize,
    /// Whether attention and MLP of a block run side by side: `resid_mid` is then the stream with the
    /// attention's output added, which no MLP reads.
    #[serde(default)]
    pub parallel: bool,
    pub device: String,
    /// What ran the model, where that was a server; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// The type that the weights are held in.
    pub dtype: String,
    /// The type of the weights in the file.
    pub file_dtype: String,
    /// The type that products, norms and logits are computed in.
    pub compute_dtype: String,
    pub layer_convention: String,
    /// The rank of the top token.
    pub rank_base: u32,
    /// The base of all logarithms.
    pub log_base: String,
    /// What maps the rows before the final norm, the document's own first; absent where that is the logit lens
    /// alone, which maps nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lenses: Option<Vec<LensMeta>>,
}

/// A lens, and where its maps come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LensMeta {
    /// `logit`, `tuned` or `jacobian`.
    pub lens: String,
    /// The path as given; absent of a lens without files, as all that follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artefact: Option<String>,
    /// The commit hash of an artefact of the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Of the file of matrices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What it was fitted on, as far as it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fitted_on: Option<FittedOn>,
}

/// What a lens was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FittedOn {
    pub model: Option<String>,
    pub model_revision: Option<String>,
    pub dataset: Option<String>,
    /// How many prompts.
    pub prompts: Option<u64>,
    /// How many positions at the beginning of each were left out.
    pub skipped_positions: Option<u64>,
    /// Whether they began with the BOS token.
    pub bos: Option<bool>,
}

impl LensMeta {
    /// Those of several lenses; `None` of the logit lens alone.
    pub fn of_each<'a>(lenses: impl Iterator<Item = &'a dyn Lens>) -> Option<Vec<Self>> {
        let lenses: Vec<Self> = lenses.map(Self::of).collect();
        let has_files = lenses.iter().any(|lens| lens.artefact.is_some());
        (has_files || lenses.len() > 1).then_some(lenses)
    }

    fn of(lens: &dyn Lens) -> Self {
        let artefact = lens.artefact();
        Self {
            lens: lens.name().to_string(),
            artefact: artefact.map(|artefact| artefact.name.clone()),
            revision: artefact.and_then(|artefact| artefact.revision.clone()),
            sha256: artefact.and_then(|artefact| artefact.sha256().map(str::to_string)),
            fitted_on: artefact.map(|artefact| {
                let fitted = artefact.fitted.clone();
                FittedOn {
                    model: fitted.model,
                    model_revision: fitted.model_revision,
                    dataset: fitted.dataset,
                    prompts: fitted.prompts,
                    skipped_positions: fitted.skipped,
                    bos: fitted.bos,
                }
            }),
        }
    }
}

/// A server that ran a model.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Engine {
    /// Its software.
    pub name: String,
    /// The version that it says it is.
    pub version: Option<String>,
    /// The type that it computes in, where it says so.
    pub dtype: Option<String>,
}

impl From<&EngineCard> for Engine {
    fn from(card: &EngineCard) -> Self {
        Self {
            name: card.name.clone(),
            version: card.version.clone(),
            dtype: card.dtype().map(str::to_string),
        }
    }
}

/// The most likely tokens of each row, likeliest first.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row<'a> {
    #[serde(flatten)]
    pub top: TopByPosition<'a>,
    #[serde(flatten)]
    pub statistics: StatisticArrays<ByPosition<'a, Option<Measure>>>,
}

/// The embedding's row.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct EmbedReadings<'a> {
    #[serde(flatten)]
    pub row: Row<'a>,
    /// The targets asked for; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<EmbedTarget<'a>>>,
}

/// What was read at one other point of the blocks.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PointReadings<'a> {
    pub layers: Vec<usize>,
    #[serde(flatten)]
    pub rows: Layers<'a>,
    /// The targets asked for; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Targets<'a>>>,
}

/// The value of a statistic: a number, or whether it is so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Measure {
    Flag(bool),
    Number(f64),
}

/// A token followed through the layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// Where forward KL falls most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuddenChange {
    pub layer: usize,
    /// By how much, in nats.
    pub drop: f64,
}

/// A token of a target, read at the position before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetToken {
    pub id: u32,
    /// The token as text.
    pub token: String,
    /// By layer; at the embedding, its one value.
    pub probs: Vec<f64>,
    /// In nats.
    pub logprobs: Vec<f64>,
    pub logits: Vec<f64>,
    /// 1 = top.
    pub ranks: Vec<u64>,
}

/// A target: a token, a group of tokens whose probabilities add up, or a text of several tokens.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Target<Numbers, Ranks> {
    pub name: String,
    pub ids: Vec<u32>,
    /// The tokens as text.
    pub tokens: Vec<String>,
    pub probs: Numbers,
    /// In nats.
    pub logprobs: Numbers,
    /// Of a group, the log of the sum of the exponentials; null of a text that is several tokens, whose logits are
    /// of different rows.
    pub logits: Numbers,
    /// Of a group, the best of its tokens'.
    pub ranks: Ranks,
    /// Of a text that is several tokens, each of them in turn, after the prompt and those before it (teacher
    /// forcing); the target's log-probabilities are their sums, its ranks the worst of theirs. At the prompt's last
    /// position only. Absent of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Vec<TargetToken>>,
    /// What the target is compared with; absent without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// The target's log-probability less the other's, in nats, which of two that have logits is the difference of
    /// these; absent without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logit_difference: Option<Numbers>,
}

/// A target at the layers, `[layer][position]`.
pub type Targets<'a> = Target<ByLayer<'a, Option<f64>>, ByLayer<'a, Option<u64>>>;
/// A target at the embedding, `[position]`.
pub type EmbedTarget<'a> = Target<ByPosition<'a, Option<f64>>, ByPosition<'a, Option<u64>>>;
