//! The documents of an earlier run, as far as they are compared.

use serde::Deserialize;

/// A document of an earlier run, or what it has of another lens than its first: what of it is compared.
#[derive(Debug, Deserialize)]
pub(super) struct Earlier {
    #[serde(default)]
    pub meta: EarlierMeta,
    /// Only a whole document has them.
    #[serde(default)]
    pub input_ids: Vec<u32>,
    pub layers: Vec<usize>,
    pub topk_ids: Vec<Vec<Vec<u32>>>,
    pub topk_probs: Vec<Vec<Vec<f64>>>,
    #[serde(default)]
    pub forward_kl: Vec<Vec<Option<f64>>>,
    #[serde(default)]
    pub entropy: Vec<Vec<Option<f64>>>,
    #[serde(default)]
    pub targets: Vec<EarlierTarget>,
    #[serde(default)]
    pub lenses: Vec<Earlier>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct EarlierMeta {
    /// Absent where that is the logit lens alone.
    pub lenses: Option<Vec<EarlierLens>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct EarlierLens {
    pub lens: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct EarlierTarget {
    pub name: String,
    pub ids: Vec<u32>,
    pub probs: Vec<Vec<Option<f64>>>,
}

impl Earlier {
    pub(super) fn lens_names(&self) -> Vec<&str> {
        match &self.meta.lenses {
            Some(lenses) => lenses.iter().map(|lens| lens.lens.as_str()).collect(),
            None => vec!["logit"],
        }
    }
}

/// Whether `text` is a table of lens's: a summary, an evaluation, a comparison.
pub(super) fn is_table(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Table {
        #[serde(rename = "rows")]
        _rows: Vec<serde::de::IgnoredAny>,
    }
    serde_json::from_str::<Table>(text).is_ok()
}
