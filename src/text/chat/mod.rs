//! A conversation as the text that a model was trained on, by its own chat template.
//!
//! A template is rendered as `apply_chat_template` of `transformers` renders it, or refused.

mod environment;
mod filters;
mod json;
mod lexer;
mod limits;
mod literal;
mod namespace;
mod python;
mod source;
mod strings;
mod text;
mod tuple;

use minijinja::value::Value;
use minijinja::{ErrorKind, context};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::source::{ModelFiles, python_json};
use crate::text::special::SpecialTokens;

/// What a filter, a test or a function of a template gives.
type Answer<T> = std::result::Result<T, minijinja::Error>;

/// The error of a template that asks for what it cannot have.
fn refusal(message: String) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, message)
}

/// A model's chat template.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    source: String,
    /// The special tokens that have a name, which templates write.
    special: Vec<(String, String)>,
}

impl ChatTemplate {
    /// The template among a model's files: `chat_template.jinja`, or the one in
    /// `tokenizer_config.json`.
    ///
    /// # Errors
    /// A model without a template, or files that cannot be read.
    pub fn of(files: &ModelFiles, special: &SpecialTokens) -> Result<Self> {
        Ok(Self::new(source(files)?, special.named()))
    }

    /// The template `source` for a model whose special tokens are these, by name.
    pub fn new<'a>(source: String, special: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let special = special.into_iter();
        let special = special.map(|(name, token)| (name.to_string(), token.to_string()));
        Self {
            source,
            special: special.collect(),
        }
    }

    /// The text up to where the model's answer begins, of an optional system message and one of
    /// the user's.
    ///
    /// # Errors
    /// A template that refuses the messages, is none, or goes on without end.
    pub fn render(&self, system: Option<&str>, user: &str) -> Result<String> {
        let mut messages = Vec::new();
        messages.extend(system.map(|content| context! { role => "system", content }));
        messages.push(context! { role => "user", content => user });
        let given = context! {
            messages,
            tools => (),
            documents => (),
            add_generation_prompt => true,
        };
        let special = Value::from_iter(
            self.special
                .iter()
                .map(|(name, token)| (name.as_str(), token.as_str())),
        );
        limits::render(self.source.clone(), context! { ..special, ..given })
    }
}

/// What is needed of `tokenizer_config.json`.
#[derive(Deserialize, Default)]
struct TokenizerConfig {
    chat_template: Option<Templates>,
}

fn source(files: &ModelFiles) -> Result<String> {
    if let Some(asset) = &files.chat_template {
        return String::from_utf8(asset.read()?.to_vec()).map_err(|_| {
            Error::failed(
                format!("{asset} is not UTF-8."),
                "Fetch the model's chat_template.jinja again, or write the prompt without --chat.",
            )
        });
    }
    let config = match &files.tokenizer_config {
        Some(asset) => python_json::from_slice(&asset.read()?).map_err(|e| {
            Error::failed(
                format!("{asset} is not a tokenizer's config: {e}."),
                "Fetch the model's tokenizer_config.json again.",
            )
        })?,
        None => TokenizerConfig::default(),
    };
    config.chat_template.and_then(Templates::default).ok_or_else(|| {
        Error::usage(
            format!("{} has no chat template.", files.name),
            "Leave out --chat, or choose a model that was tuned for conversation.",
        )
    })
}

/// One template, or several by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Named(Vec<Named>),
}

#[derive(Deserialize)]
struct Named {
    name: String,
    template: String,
}

impl Templates {
    fn default(self) -> Option<String> {
        match self {
            Self::One(template) => Some(template),
            // The last of that name counts, as in a dict.
            Self::Named(named) => (named.into_iter().rev())
                .find(|n| n.name == "default")
                .map(|n| n.template),
        }
    }
}
