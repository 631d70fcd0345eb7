//! A conversation as the text that a model was trained on, by its own chat template.

mod limits;

use minijinja::context;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::Model;
use crate::source::ModelFiles;

/// A model's chat template.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    source: String,
    /// The names of the special tokens, which templates write.
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// The template among a model's files: `chat_template.jinja`, or the one in
    /// `tokenizer_config.json`.
    ///
    /// # Errors
    /// A model without a template, or files that cannot be read.
    pub fn of(files: &ModelFiles, model: &Model) -> Result<Self> {
        let config = config(files)?;
        let name = |given: Option<SpecialToken>, id: Option<u32>| match given {
            Some(token) => token.text(),
            None => id.map_or(String::new(), |id| model.tokens.text(id)),
        };
        Ok(Self {
            bos: name(config.bos_token, model.bos),
            eos: name(config.eos_token, model.generation.eos.first().copied()),
            source: source(files, config.chat_template)?,
        })
    }

    /// The template `source` for a model whose special tokens are these.
    pub fn new(source: String, bos: String, eos: String) -> Self {
        Self { source, bos, eos }
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
        let values = context! {
            messages,
            bos_token => self.bos,
            eos_token => self.eos,
            add_generation_prompt => true,
        };
        limits::render(self.source.clone(), values)
    }
}

/// What is needed of `tokenizer_config.json`.
#[derive(Deserialize, Default)]
struct TokenizerConfig {
    chat_template: Option<Templates>,
    bos_token: Option<SpecialToken>,
    eos_token: Option<SpecialToken>,
}

/// A special token, by its text or with its properties.
#[derive(Deserialize)]
#[serde(untagged)]
enum SpecialToken {
    Text(String),
    Object { content: String },
}

impl SpecialToken {
    fn text(self) -> String {
        match self {
            Self::Text(text) | Self::Object { content: text } => text,
        }
    }
}

fn config(files: &ModelFiles) -> Result<TokenizerConfig> {
    let Some(asset) = &files.tokenizer_config else {
        return Ok(TokenizerConfig::default());
    };
    serde_json::from_slice(&asset.read()?).map_err(|e| {
        Error::failed(
            format!("{asset} is not a tokenizer's config: {e}."),
            "Fetch the model's tokenizer_config.json again.",
        )
    })
}

fn source(files: &ModelFiles, templates: Option<Templates>) -> Result<String> {
    if let Some(asset) = &files.chat_template {
        return Ok(String::from_utf8_lossy(&asset.read()?).into_owned());
    }
    templates.and_then(Templates::default).ok_or_else(|| {
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
            Self::Named(named) => (named.into_iter())
                .find(|n| n.name == "default")
                .map(|n| n.template),
        }
    }
}
