//! What the file of a lens says beside its matrices, by name.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::source::Asset;
use crate::weights::torch::Item;

/// The parts of an artefact that hold such facts beside the artefact itself.
const PARTS: [&str; 2] = ["metadata", "provenance"];

/// Facts by name, looked up where they lie: of a file nothing is copied but what is asked for.
#[derive(Debug, Default)]
pub struct Facts<'a> {
    /// Dicts that `torch.save` wrote, those asked first before the others.
    dicts: Vec<Item<'a>>,
    /// Objects of a JSON file, which are asked after them.
    objects: Vec<Map<String, Value>>,
}

/// A fact where it lies.
enum Fact<'a, 'b> {
    Item(Item<'a>),
    Json(&'b Value),
}

impl<'a> Facts<'a> {
    /// Those of a dict that `torch.save` wrote.
    pub fn of_item(root: Item<'a>) -> Self {
        let parts = PARTS.iter().filter_map(|part| root.get(part));
        Self {
            dicts: std::iter::once(root).chain(parts).collect(),
            objects: Vec::new(),
        }
    }

    /// Those of a JSON file.
    ///
    /// # Errors
    /// A file that cannot be read, or is no JSON object.
    pub fn of_json(asset: &Asset) -> Result<Self> {
        let bytes = asset.read()?;
        let mut object: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|e| {
            Error::failed(
                format!("{asset} is not a JSON object: {e}."),
                "It should describe the lens beside it; fetch it again.",
            )
        })?;
        let parts = PARTS.iter().filter_map(|part| match object.remove(*part) {
            Some(Value::Object(part)) => Some(part),
            _ => None,
        });
        let mut objects: Vec<_> = parts.collect();
        objects.push(object);
        Ok(Self {
            dicts: Vec::new(),
            objects,
        })
    }

    /// These, and of `others` what these do not say.
    pub fn or(mut self, others: Self) -> Self {
        self.dicts.extend(others.dicts);
        self.objects.extend(others.objects);
        self
    }

    /// The first that has this name and says something.
    fn find(&self, name: &str) -> Option<Fact<'a, '_>> {
        let items = self.dicts.iter().filter_map(|dict| dict.get(name));
        let mut items = items.filter(|item| item.is_some()).map(Fact::Item);
        let values = self.objects.iter().filter_map(|object| object.get(name));
        let mut values = values.filter(|value| !value.is_null()).map(Fact::Json);
        items.next().or_else(|| values.next())
    }

    /// Whether there is a fact of this name.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The first of these names that has a text.
    pub fn text(&self, names: &[&str]) -> Option<&str> {
        let texts = names.iter().filter_map(|name| match self.find(name)? {
            Fact::Item(item) => item.text(),
            Fact::Json(value) => value.as_str(),
        });
        texts.map(str::trim).find(|text| !text.is_empty())
    }

    /// The first of these names that has a whole number.
    pub fn number(&self, names: &[&str]) -> Option<i64> {
        names.iter().find_map(|name| match self.find(name)? {
            Fact::Item(item) => item.number(),
            Fact::Json(value) => value.as_i64(),
        })
    }

    /// How the first of these sizes, by name, that is another than the model's differs, for the middle of a
    /// sentence.
    pub fn other_size(&self, ours: &[(&str, usize)]) -> Option<String> {
        ours.iter().find_map(|&(name, ours)| {
            let theirs = self.number(&[name]).filter(|&theirs| theirs != ours as i64)?;
            Some(format!(
                "was fitted on a model with {name} {theirs}, and this one has {ours}"
            ))
        })
    }

    /// The first of these names that has a yes or a no.
    pub fn flag(&self, names: &[&str]) -> Option<bool> {
        names.iter().find_map(|name| match self.find(name)? {
            Fact::Item(item) => item.flag(),
            Fact::Json(value) => value.as_bool(),
        })
    }

    /// A list of whole numbers.
    pub fn numbers(&self, name: &str) -> Option<Vec<i64>> {
        match self.find(name)? {
            Fact::Item(item) => item.numbers(),
            Fact::Json(value) => value.as_array()?.iter().map(Value::as_i64).collect(),
        }
    }
}
