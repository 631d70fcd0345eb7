//! Targets, as a document has them.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ByLayer, ByPosition};

/// A token of a target, read at the position before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
