//! `config.json`, read field by field; a field that is there must make sense.

mod settings;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::source::{Asset, python_json};

pub use settings::check as check_settings;

/// The fields of one JSON object of a config, with where it came from for messages.
#[derive(Debug, Clone)]
pub struct Config {
    fields: Map<String, Value>,
    /// The file, and the path of the object in it.
    origin: String,
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
            Ok(Value::Object(fields)) => Ok(Self { fields, origin }),
            Ok(_) => Err(Error::failed(
                format!("{origin} does not hold a JSON object."),
                remedy,
            )),
            Err(e) => Err(Error::failed(format!("{origin} is not JSON: {e}."), remedy)),
        }
    }

    /// The same config with its fields by the names that its family has for them: of each pair, what
    /// the first name says takes the place of what the second does, as in `transformers`.
    pub fn renamed(&self, aliases: &[(&str, &str)]) -> Self {
        let mut renamed = self.clone();
        for (alias, name) in aliases {
            if let Some(value) = renamed.fields.remove(*alias) {
                renamed.fields.insert(name.to_string(), value);
            }
        }
        renamed
    }

    /// A field that is there and not null.
    fn get(&self, key: &str) -> Option<&Value> {
        self.fields.get(key).filter(|v| !v.is_null())
    }

    fn wrong(&self, key: &str, value: &Value, wanted: &str) -> Error {
        Error::failed(
            format!("{} has {key} = {value}, which should be {wanted}.", self.origin),
            "Check the model's config.json against the original.",
        )
    }

    /// The error for a field that is needed and absent.
    fn missing(&self, key: &str) -> Error {
        Error::failed(
            format!("{} has no {key}.", self.origin),
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
        Err(Error::failed(
            format!(
                "{} has {whole_key} = {whole}, which is not a multiple of {parts_key} = {parts}.",
                self.origin
            ),
            "Check the model's config.json against the original.",
        ))
    }
}
