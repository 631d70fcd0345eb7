//! What the file of a lens says beside its matrices, by name.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::source::Asset;
use crate::weights::torch::{Item, Key};

/// The parts of an artefact that hold such facts beside the artefact itself.
const PARTS: [&str; 2] = ["metadata", "provenance"];

/// Facts by name.
#[derive(Debug, Clone, Default)]
pub struct Facts(Map<String, Value>);

impl Facts {
    /// Those of a dict that `torch.save` wrote.
    pub fn of_item(root: Item) -> Self {
        let mut facts = Self::default();
        let parts = PARTS.iter().filter_map(|part| root.get(part));
        for part in std::iter::once(root).chain(parts) {
            for (key, item) in part.entries() {
                if let Key::Text(key) = key {
                    facts.add(key, item.json());
                }
            }
        }
        facts
    }

    /// Those of a JSON file.
    ///
    /// # Errors
    /// A file that cannot be read, or is no JSON object.
    pub fn of_json(asset: &Asset) -> Result<Self> {
        let bytes = asset.read()?;
        let object: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|e| {
            Error::failed(
                format!("{asset} is not a JSON object: {e}."),
                "It should describe the lens beside it; fetch it again.",
            )
        })?;
        let mut facts = Self::default();
        for part in PARTS.iter().filter_map(|part| object.get(*part)?.as_object()) {
            for (key, value) in part {
                facts.add(key.clone(), value.clone());
            }
        }
        for (key, value) in object {
            facts.add(key, value);
        }
        Ok(facts)
    }

    /// These, and of `others` what these do not say.
    pub fn or(mut self, others: Self) -> Self {
        for (key, value) in others.0 {
            self.add(key, value);
        }
        self
    }

    fn add(&mut self, key: String, value: Value) {
        if !value.is_null() && !self.0.contains_key(&key) {
            self.0.insert(key, value);
        }
    }

    /// Whether there is a fact of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The first of these names that has a text.
    pub fn text(&self, names: &[&str]) -> Option<&str> {
        let texts = names.iter().filter_map(|name| self.0.get(*name)?.as_str());
        texts.map(str::trim).find(|text| !text.is_empty())
    }

    /// The first of these names that has a whole number.
    pub fn number(&self, names: &[&str]) -> Option<i64> {
        names.iter().find_map(|name| self.0.get(*name)?.as_i64())
    }

    /// The first of these names that has a yes or a no.
    pub fn flag(&self, names: &[&str]) -> Option<bool> {
        names.iter().find_map(|name| self.0.get(*name)?.as_bool())
    }

    /// A list of whole numbers.
    pub fn numbers(&self, name: &str) -> Option<Vec<i64>> {
        let list = self.0.get(name)?.as_array()?;
        list.iter().map(Value::as_i64).collect()
    }
}
