//! The JSON document's schema, as types: no key may be missing, and none may be new without a line
//! here.

#![allow(dead_code, reason = "a key is checked by being here")]

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub meta: Meta,
    /// Absent unless a file of prompts brings one.
    pub id: Option<String>,
    pub layers: Vec<usize>,
    pub input: Vec<String>,
    pub input_ids: Vec<u32>,
    /// Absent when nothing was.
    pub generated: Option<usize>,
    /// Absent when all were read.
    pub positions: Option<Vec<usize>>,
    pub topk: Vec<Vec<Vec<String>>>,
    pub topk_ids: Vec<Vec<Vec<u32>>>,
    pub topk_probs: Vec<Vec<Vec<f64>>>,
    pub topk_logprobs: Vec<Vec<Vec<f64>>>,
    pub topk_logits: Vec<Vec<Vec<f64>>>,
    pub entropy: Vec<Vec<Option<f64>>>,
    pub forward_kl: Vec<Vec<Option<f64>>>,
    pub reverse_kl: Vec<Vec<Option<f64>>>,
    pub cross_entropy: Vec<Vec<Option<f64>>>,
    /// Absent when not asked for.
    pub js: Option<Vec<Vec<Option<f64>>>>,
    pub tv: Option<Vec<Vec<Option<f64>>>>,
    pub agrees: Vec<Vec<Option<bool>>>,
    pub tracked: Vec<BTreeMap<String, Vec<f64>>>,
    pub tracked_ids: Vec<BTreeMap<u32, Track>>,
    pub followed_ids: Vec<Vec<u32>>,
    pub settles_at: Vec<Option<usize>>,
    pub leads_first_at: Vec<Option<usize>>,
    pub sudden_change: Vec<Option<SuddenChange>>,
    /// Absent unless asked for.
    pub targets: Option<Vec<Target>>,
    /// Absent unless asked for.
    pub points: Option<BTreeMap<String, Points>>,
    /// Absent when not asked for.
    pub embed: Option<OneRow>,
    pub output: OneRow,
    /// Absent without --assert.
    pub assertions: Option<Vec<Assertion>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    pub expression: String,
    pub holds: bool,
    pub found: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuddenChange {
    pub layer: usize,
    pub drop: f64,
}

/// A token or a group of them, followed by name: `[layer][position]`; at the embedding, `[position]`.
pub type Target = Targets<Vec<Option<f64>>, Vec<Option<u64>>>;
pub type TargetAtEmbed = Targets<Option<f64>, Option<u64>>;

#[derive(Deserialize, Debug, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Targets<F, N> {
    pub name: String,
    pub ids: Vec<u32>,
    pub tokens: Vec<String>,
    pub probs: Vec<F>,
    pub logprobs: Vec<F>,
    pub logits: Vec<F>,
    pub ranks: Vec<N>,
    /// Absent unless it is several tokens.
    pub sequence: Option<Vec<TargetToken>>,
    /// Absent without --against.
    pub against: Option<String>,
    pub logit_difference: Option<Vec<F>>,
}

#[derive(Deserialize, Debug, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct TargetToken {
    pub id: u32,
    pub token: String,
    pub probs: Vec<f64>,
    pub logprobs: Vec<f64>,
    pub logits: Vec<f64>,
    pub ranks: Vec<u64>,
}

/// What is read at another point of the blocks, as the document has it of `resid_post`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    pub layers: Vec<usize>,
    pub topk: Vec<Vec<Vec<String>>>,
    pub topk_ids: Vec<Vec<Vec<u32>>>,
    pub topk_probs: Vec<Vec<Vec<f64>>>,
    pub topk_logprobs: Vec<Vec<Vec<f64>>>,
    pub topk_logits: Vec<Vec<Vec<f64>>>,
    pub entropy: Vec<Vec<Option<f64>>>,
    pub forward_kl: Vec<Vec<Option<f64>>>,
    pub reverse_kl: Vec<Vec<Option<f64>>>,
    pub cross_entropy: Vec<Vec<Option<f64>>>,
    pub agrees: Vec<Vec<Option<bool>>>,
    pub tracked: Vec<BTreeMap<String, Vec<f64>>>,
    pub tracked_ids: Vec<BTreeMap<u32, Track>>,
    /// Absent unless asked for.
    pub targets: Option<Vec<Target>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    pub version: u32,
    pub schema_version: u32,
    pub timestamp: String,
    pub model: String,
    /// Null for a directory, but there.
    #[serde(deserialize_with = "Option::deserialize")]
    pub revision: Option<String>,
    pub prompt: String,
    pub tool: String,
    pub tool_version: String,
    pub family: String,
    pub parameters: u64,
    pub n_layers: usize,
    pub vocabulary: usize,
    pub parallel: bool,
    pub device: String,
    pub dtype: String,
    pub file_dtype: String,
    pub compute_dtype: String,
    pub layer_convention: String,
    pub rank_base: u32,
    pub log_base: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    pub token: String,
    pub probs: Vec<f64>,
    pub logits: Vec<f64>,
    pub ranks: Vec<u64>,
}

#[derive(Deserialize, Debug, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct OneRow {
    pub topk: Vec<Vec<String>>,
    pub topk_ids: Vec<Vec<u32>>,
    pub topk_probs: Vec<Vec<f64>>,
    pub topk_logprobs: Vec<Vec<f64>>,
    pub topk_logits: Vec<Vec<f64>>,
    pub entropy: Vec<Option<f64>>,
    pub forward_kl: Vec<Option<f64>>,
    pub reverse_kl: Vec<Option<f64>>,
    /// Null at the last position too: no token follows.
    pub cross_entropy: Vec<Option<f64>>,
    pub agrees: Vec<Option<bool>>,
    pub js: Option<Vec<Option<f64>>>,
    pub tv: Option<Vec<Option<f64>>>,
    /// Of the embedding, when asked for.
    pub targets: Option<Vec<TargetAtEmbed>>,
}

impl Document {
    /// The row of the `l`th layer shown, in the form of the rows that are not layers.
    pub fn row(&self, l: usize) -> OneRow {
        OneRow {
            topk: self.topk[l].clone(),
            topk_ids: self.topk_ids[l].clone(),
            topk_probs: self.topk_probs[l].clone(),
            topk_logprobs: self.topk_logprobs[l].clone(),
            topk_logits: self.topk_logits[l].clone(),
            entropy: self.entropy[l].clone(),
            forward_kl: self.forward_kl[l].clone(),
            reverse_kl: self.reverse_kl[l].clone(),
            cross_entropy: self.cross_entropy[l].clone(),
            agrees: self.agrees[l].clone(),
            js: self.js.as_ref().map(|js| js[l].clone()),
            tv: self.tv.as_ref().map(|tv| tv[l].clone()),
            targets: None,
        }
    }
}
