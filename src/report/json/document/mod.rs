//! The JSON document, as types: what is written, what its schema says, what is read back.
//!
//! It is a logitlenskit V2 document with what V2 lacks beside it. The V2 part is read by
//! logitlenskit's widget as it is: it is keyed by token text and has no ids. The additions are
//! keyed by id, at full precision. Every array over positions has one entry for each token of the
//! prompt, so that an index is always a position; where a position was not read, the entry is empty
//! (`[]`, `{}`) or `null`.

mod meta;
mod rows;
mod targets;

use std::collections::BTreeMap;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sequence::Sequence;

pub use meta::{Engine, FittedOn, LensMeta, Meta};
pub use rows::{EmbedReadings, Layers, Measure, PointReadings, Row, Top, Track};
pub use targets::{EmbedTarget, Target, TargetToken, Targets};

/// The version of the document, `meta.schema_version`. Within a version keys may be added; a key that
/// goes, or whose meaning or shape changes, makes the next version.
pub const SCHEMA_VERSION: u32 = 1;

/// `[position]`.
pub type ByPosition<'a, T> = Sequence<'a, T>;
/// `[layer][position]`.
pub type ByLayer<'a, T> = Sequence<'a, Sequence<'a, T>>;

/// The readings of one prompt.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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

/// Where forward KL falls most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct SuddenChange {
    pub layer: usize,
    /// By how much, in nats.
    pub drop: f64,
}

/// An assertion and what it comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Assertion {
    /// The expression as it was written.
    pub expression: String,
    pub holds: bool,
    /// The value that was found; null where there is none, and the assertion does not hold.
    pub found: Option<Found>,
}

/// A value that an assertion is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Found {
    Flag(bool),
    Number(f64),
    /// A token as text.
    Token(String),
}

/// What another lens makes of the same rows. Its keys are as those of the document.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
