//! `config.json`, read field by field; a field that is there must make sense.

mod quantised;
mod settings;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::source::{Asset, python_json};

pub use settings::check as check_settings;
#[cfg(test)]
pub use settings::is_setting;

/// The fields of one JSON object of a config, with where it came from for messages.
#[derive(Debug, Clone)]
pub struct Config {
    fields: Map<String, Value>,
    /// The file, and the path of the object in it.
    origin: String,
    /// The family's own names of fields, each with the one that it is read by.
    spells: &'static [(&'static str, &'static str)],
}

impl Config {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// A file that cannot be read or does not hold a JSON object.
    pub fn read(asset: &Asset) -> Result<Self> {
        Self::parse(&asset.read()?, asset.to_string())
    }

    /// The config in `text`; `origin` names it in messages.
    pub fn parse(text: &[u8], origin: String) -> Result<Self> {
        let remedy = "Fetch the model's config.json again.";
        match python_json::from_slice(text) {
            Ok(Value::Object(fields)) => Ok(Self {
                fields,
                origin,
                spells: &[],
            }),
            Ok(_) => Err(Error::failed(
                format!("{origin} does not hold a JSON object."),
                remedy,
            )),
            Err(e) => Err(Error::failed(format!("{origin} is not JSON: {e}."), remedy)),
        }
    }

    /// The same config by the names that most families have for its fields: of each pair, what the first
    /// name says is what the second means, unless that is there itself. Messages go on using the first.
    pub fn renamed(&self, spells: &'static [(&'static str, &'static str)]) -> Self {
        let mut renamed = self.clone();
        for (own, name) in spells {
            if let Some(value) = renamed.fields.remove(*own) {
                renamed.fields.entry(name.to_string()).or_insert(value);
            }
        }
        renamed.spells = spells;
        renamed
    }

    /// The same config with what `from` says of `other`, if it says anything, in the place of what this one
    /// says of `key`.
    pub fn overridden(&self, key: &str, from: &Self, other: &str) -> Self {
        let mut overridden = self.clone();
        if let Some(value) = from.get(other) {
            overridden.fields.insert(key.to_string(), value.clone());
        }
        overridden
    }

    /// What the file calls the field `key`.
    fn spelled<'k>(&self, key: &'k str) -> &'k str {
        let own = self.spells.iter().find(|(_, name)| *name == key);
        own.map_or(key, |(own, _)| own)
    }

    /// The same config with the fields of `defaults`, a JSON object, where it has none by their name: a
    /// field that is null stays so.
    ///
    /// # Panics
    /// If `defaults` is no JSON object.
    pub fn with_defaults(&self, defaults: &str) -> Self {
        // Each is written in a family's file, and a test reads them all.
        let defaults: Map<String, Value> = serde_json::from_str(defaults).expect("defaults are an object");
        let mut whole = self.clone();
        for (name, value) in defaults {
            whole.fields.entry(name).or_insert(value);
        }
        whole
    }

    /// Other fields, the JSON object `text`, as if this config had them.
    ///
    /// # Panics
    /// If `text` is no JSON object.
    pub fn like(&self, text: &str) -> Self {
        let empty = Self {
            fields: Map::new(),
            ..self.clone()
        };
        empty.with_defaults(text)
    }

    /// The same config with the fields of `other` over its own.
    pub fn updated(&self, other: &Self) -> Self {
        let mut updated = self.clone();
        updated.fields.extend(other.fields.clone());
        updated
    }

    /// Whether there is such a field, be it null.
    pub fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    /// A field that is there and not null.
    fn get(&self, key: &str) -> Option<&Value> {
        self.fields.get(key).filter(|v| !v.is_null())
    }

    fn wrong(&self, key: &str, value: &Value, wanted: &str) -> Error {
        let key = self.spelled(key);
        Error::failed(
            format!("{} has {key} = {value}, which should be {wanted}.", self.origin),
            "Check the model's config.json against the original.",
        )
    }

    /// The error for a field that is needed and absent.
    pub fn missing(&self, key: &str) -> Error {
        Error::failed(
            format!("{} has no {}.", self.origin, self.spelled(key)),
            "Check the model's config.json against the original.",
        )
    }

    /// The error for a value that changes the computation in a way lens does not follow.
    pub fn unsupported(&self, key: &str, value: &str, supported: &str) -> Error {
        Error::failed(
            format!(
                "{} has {key} = {value}, which lens does not support.",
                self.origin
            ),
            format!("Supported: {supported}."),
        )
    }

    /// Refuses a field whose value is not `neutral` (absent and null are fine).
    pub fn only(&self, key: &str, neutral: &Value) -> Result<()> {
        match self.get(key) {
            Some(value)
                if value != neutral && value.as_f64().zip(neutral.as_f64()).is_none_or(|(a, b)| a != b) =>
            {
                Err(self.unsupported(key, &value.to_string(), &format!("{neutral}")))
            }
            _ => Ok(()),
        }
    }

    /// A positive integer, if there.
    pub fn count(&self, key: &str) -> Result<Option<usize>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.as_u64() {
            Some(n) if (1..=u32::MAX as u64).contains(&n) => Ok(Some(n as usize)),
            _ => Err(self.wrong(key, value, "a positive integer")),
        }
    }

    /// A list, if there, each item through `item`, which gives `None` for what it does not take.
    fn list<T>(&self, key: &str, wanted: &str, item: impl Fn(&Value) -> Option<T>) -> Result<Option<Vec<T>>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let items = value
            .as_array()
            .and_then(|items| items.iter().map(item).collect());
        items.map(Some).ok_or_else(|| self.wrong(key, value, wanted))
    }

    /// A list of positive finite numbers, if there.
    pub fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>> {
        self.list(key, "a list of positive numbers", |value| {
            value.as_f64().filter(|x| x.is_finite() && *x > 0.)
        })
    }

    /// A list of 0s and 1s, if there.
    pub fn bits(&self, key: &str) -> Result<Option<Vec<bool>>> {
        self.list(key, "a list of 0s and 1s", |value| match value.as_u64() {
            Some(bit @ (0 | 1)) => Some(bit == 1),
            _ => value.as_bool(),
        })
    }

    /// A list of strings, if there.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<String>>> {
        self.list(key, "a list of strings", |value| {
            value.as_str().map(str::to_string)
        })
    }

    /// A list of pairs of strings and how often they come one after another, written out; at most
    /// `most` of them and one more.
    pub fn repeated(&self, key: &str, most: usize) -> Result<Vec<String>> {
        let pairs = self.list(key, "a list of pairs of names and a number", |pair| {
            let [names, times] = pair.as_array()?.as_slice() else {
                return None;
            };
            let names: Option<Vec<String>> = (names.as_array()?.iter())
                .map(|name| name.as_str().map(str::to_string))
                .collect();
            Some((names?, times.as_u64()?))
        })?;
        let pairs = pairs.ok_or_else(|| self.missing(key))?;
        let written = pairs
            .iter()
            .filter(|(names, _)| !names.is_empty())
            .flat_map(|(names, times)| (0..*times).flat_map(move |_| names.iter().cloned()));
        Ok(written.take(most + 1).collect())
    }

    /// An integer that may be zero, if there.
    pub fn whole(&self, key: &str) -> Result<Option<usize>> {
        match self.get(key).map(Value::as_u64) {
            Some(Some(0)) => Ok(Some(0)),
            _ => self.count(key),
        }
    }

    /// Token ids, if there: one, or a list of them. A negative one stands for none.
    pub fn ids(&self, key: &str) -> Result<Vec<u32>> {
        let listed = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(ids)) => ids.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        let is_negative = |id: &Value| id.as_i64().is_some_and(|id| id < 0);
        let ids = listed.iter().filter(|id| !is_negative(id)).map(|value| {
            let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
            id.ok_or_else(|| self.wrong(key, value, "a token id or a list of them"))
        });
        ids.collect()
    }

    /// A positive integer that must be there.
    pub fn required_count(&self, key: &str) -> Result<usize> {
        self.count(key)?.ok_or_else(|| self.missing(key))
    }

    /// A positive finite number, if there.
    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.as_f64() {
            Some(x) if x.is_finite() && x > 0. => Ok(Some(x)),
            _ => Err(self.wrong(key, value, "a positive number")),
        }
    }

    /// A finite number other than zero, if there.
    pub fn nonzero(&self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.as_f64() {
            Some(x) if x.is_finite() => Ok(Some(x).filter(|x| *x != 0.)),
            _ => Err(self.wrong(key, value, "a number")),
        }
    }

    /// A norm's epsilon, if there: a positive finite number, or 0.0.
    pub fn epsilon(&self, key: &str) -> Result<Option<f64>> {
        match self.get(key) {
            // `transformers` takes no integer here.
            Some(value) if value.is_f64() && value.as_f64() == Some(0.) => Ok(Some(0.)),
            Some(value) if self.number(key).is_err() => {
                Err(self.wrong(key, value, "0.0 or a positive number"))
            }
            _ => self.number(key),
        }
    }

    /// A positive finite number that must be there.
    pub fn required_number(&self, key: &str) -> Result<f64> {
        self.number(key)?.ok_or_else(|| self.missing(key))
    }

    /// A boolean, if there.
    pub fn flag(&self, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.as_bool() {
            Some(flag) => Ok(Some(flag)),
            None => Err(self.wrong(key, value, "true or false")),
        }
    }

    /// A string, if there.
    pub fn text(&self, key: &str) -> Result<Option<String>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.as_str() {
            Some(text) => Ok(Some(text.to_string())),
            None => Err(self.wrong(key, value, "a string")),
        }
    }

    /// A string that must be there.
    pub fn required_text(&self, key: &str) -> Result<String> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// An object with fields in it, if there.
    pub fn object(&self, key: &str) -> Result<Option<Config>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value {
            Value::Object(fields) if fields.is_empty() => Ok(None),
            Value::Object(fields) => Ok(Some(Self {
                fields: fields.clone(),
                origin: format!("{} ({key})", self.origin),
                spells: &[],
            })),
            _ => Err(self.wrong(key, value, "an object")),
        }
    }

    /// `whole / parts`, refused when it leaves a rest.
    pub fn divide(
        &self,
        (whole_key, whole): (&str, usize),
        (parts_key, parts): (&str, usize),
    ) -> Result<usize> {
        if whole % parts == 0 {
            return Ok(whole / parts);
        }
        let (whole_key, parts_key) = (self.spelled(whole_key), self.spelled(parts_key));
        Err(Error::failed(
            format!(
                "{} has {whole_key} = {whole}, which is not a multiple of {parts_key} = {parts}.",
                self.origin
            ),
            "Check the model's config.json against the original.",
        ))
    }
}
