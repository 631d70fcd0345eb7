//! A line of a JSON Lines file.

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::value::RawValue;

/// A line of a JSON Lines file; what else it holds is its author's.
#[derive(Deserialize)]
pub(super) struct Record {
    pub prompt: String,
    #[serde(default)]
    pub targets: Option<Texts>,
    /// Another name of the same: `targets` counts where both are there.
    #[serde(default)]
    pub target: Option<Texts>,
    #[serde(default)]
    pub intermediates: Option<Texts>,
    #[serde(default)]
    pub controls: Option<Texts>,
    #[serde(default)]
    pub position: Option<i64>,
    id: Option<Box<RawValue>>,
}

impl Record {
    pub(super) fn parse(line: &str) -> serde_json::Result<Self> {
        // An array of the fields' values would do for the derived implementation.
        if !line.trim_start().starts_with('{') {
            return Err(serde_json::Error::custom("it is no JSON object"));
        }
        serde_json::from_str(line)
    }

    /// The id, a number as it is written: one of many digits too.
    pub(super) fn id(&self) -> serde_json::Result<Option<String>> {
        let Some(id) = self.id.as_ref().map(|id| id.get()) else {
            return Ok(None);
        };
        match id.as_bytes() {
            [b'"', ..] => serde_json::from_str(id).map(Some),
            [b'-' | b'0'..=b'9', ..] => Ok(Some(id.to_string())),
            _ => Err(serde_json::Error::custom("its id is neither a text nor a number")),
        }
    }
}

/// One text, or a list of them.
#[derive(Deserialize, Default)]
#[serde(from = "OneOrMany")]
pub(super) struct Texts(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Texts {
    fn from(texts: OneOrMany) -> Self {
        match texts {
            OneOrMany::One(text) => Self(vec![text]),
            OneOrMany::Many(texts) => Self(texts),
        }
    }
}
