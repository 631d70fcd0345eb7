//! What ran, and through which lenses.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::EngineCard;
use crate::readout::lenses::Lens;

/// What it takes to reproduce the readings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
