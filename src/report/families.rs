//! The model families that lens reads.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::SCHEMA_VERSION;
use super::sheet::{Data, Table};
use super::{Cell, Sheet};
use crate::decoder::{Supported, supported};

/// What lists the families.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct FamiliesMeta {
    pub schema_version: u32,
    pub tool: String,
    pub tool_version: String,
}

/// A family.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct FamilyRow {
    /// `model_type` in config.json.
    pub model_type: String,
    /// Models that people know it by.
    pub models: String,
}

/// The document of `--families`: a row for each.
pub type FamiliesDocument = Table<FamiliesMeta, FamilyRow>;

/// What is left out, and what comes of it.
const OTHERS: &str = "The family is the model_type in a model's config.json. Others are refused by name: \
    mixtures of experts, latent and linear attention, recurrent layers and more.";

/// Each family and the models that people know it by.
pub fn families() -> Sheet {
    let row = |family: Supported| FamilyRow {
        model_type: family.model_type.to_string(),
        models: family.known_as.to_string(),
    };
    let data = FamiliesDocument {
        meta: FamiliesMeta {
            schema_version: SCHEMA_VERSION,
            tool: "lens".to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_string(),
        },
        rows: supported().map(row).collect(),
    };
    let cells = |row: &FamilyRow| [&row.model_type, &row.models].map(|text| Cell::Text(text.clone()));
    Sheet {
        columns: ["family", "models"].map(str::to_string).to_vec(),
        rows: data.rows.iter().map(|row| cells(row).to_vec()).collect(),
        wraps: true,
        explanations: vec![OTHERS.to_string()],
        data: Data::new(&data),
        ..Sheet::default()
    }
}
