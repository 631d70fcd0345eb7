//! `tokenizer_config.json` and the files beside it: what a tokenizer's class is made with.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;

use indexmap::IndexMap;
use serde_json::{Map, Value};
use tokenizers::AddedToken;

use super::class::Class;
use crate::error::{Error, Result};
use crate::source::gguf::is_gguf_asset;
use crate::source::{Asset, ModelFiles, python_json};
use crate::text::special::{STANDARD, SpecialTokens};

/// What the checkpoint's files say of its tokenizer besides the tokenizer itself.
#[derive(Debug, Default)]
pub struct Settings {
    /// tokenizer_config.json, with special_tokens_map.json over it where that counts.
    fields: Map<String, Value>,
    /// The special tokens that only this model has, by name.
    own_tokens: Map<String, Value>,
    /// The file that messages name.
    origin: String,
    /// The added tokens by id.
    pub added: BTreeMap<u32, AddedToken>,
    /// Whether `added` is all of them; else those of tokenizer.json come first.
    pub added_is_complete: bool,
    /// `model_type` in config.json.
    pub model_type: Option<String>,
    /// The name of the class in `transformers`, without "Fast".
    pub class: Option<String>,
}

impl Settings {
    /// Reads the files that are there.
    ///
    /// # Errors
    /// One that cannot be read, is not JSON, or names as a token what is none.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        let config = object(&files.config)?;
        let mut settings = Self {
            origin: "tokenizer_config.json".to_string(),
            // What a GGUF says of its tokenizer is all of it: no class knows better.
            model_type: string(&config, "model_type").filter(|_| !files.weights.iter().any(is_gguf_asset)),
            ..Self::default()
        };
        if let Some(asset) = &files.tokenizer_config {
            settings.origin = asset.to_string();
            settings.fields = object(asset)?;
        }
        let class =
            string(&settings.fields, "tokenizer_class").or_else(|| string(&config, "tokenizer_class"));
        settings.class = class.map(|class| class.strip_suffix("Fast").unwrap_or(&class).to_string());
        settings.read_added(files)?;
        Ok(settings)
    }

    /// The added tokens: those in tokenizer_config.json, or, of checkpoints made before it had them,
    /// in the two files that it replaced.
    fn read_added(&mut self, files: &ModelFiles) -> Result<()> {
        self.name_extra_tokens();
        if let Some(tokens) = self.get("added_tokens_decoder") {
            let listed = tokens
                .as_object()
                .ok_or_else(|| self.wrong("added_tokens_decoder"))?;
            let listed = listed.iter().map(|(id, value)| {
                let id = id.parse().ok();
                id.zip(token(value, false))
                    .ok_or_else(|| self.wrong("added_tokens_decoder"))
            });
            self.added = listed.collect::<Result<_>>()?;
            self.added_is_complete = true;
            return Ok(());
        }
        if let Some(asset) = &files.special_tokens_map {
            for (key, mut value) in object(asset)? {
                if key != "extra_special_tokens" && value.is_object() {
                    value["special"] = true.into();
                }
                self.fields.insert(key, value);
            }
            self.name_extra_tokens();
        }
        if let Some(asset) = &files.added_tokens {
            let special = self.special_tokens(Class::File, None)?;
            let special: HashSet<&str> = (special.named().map(|(_, text)| text))
                .chain(special.extra())
                .collect();
            for (text, id) in object(asset)? {
                let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
                let id = id.ok_or_else(|| wrong(asset, &text))?;
                let is_special = special.contains(text.as_str());
                self.added.insert(id, AddedToken::from(text, is_special));
            }
        }
        Ok(())
    }

    /// Takes `additional_special_tokens` for its later name, and the tokens that an object gives
    /// names to for named ones.
    fn name_extra_tokens(&mut self) {
        if !self.has_tokens("extra_special_tokens")
            && let Some(tokens) = self.fields.shift_remove("additional_special_tokens")
        {
            self.fields.insert("extra_special_tokens".to_string(), tokens);
        }
        if let Some(Value::Object(tokens)) = self.fields.get("extra_special_tokens") {
            self.own_tokens.extend(tokens.clone());
            self.fields.shift_remove("extra_special_tokens");
        }
    }

    fn has_tokens(&self, key: &str) -> bool {
        match self.get(key) {
            None => false,
            Some(Value::Array(tokens)) => !tokens.is_empty(),
            Some(Value::Object(tokens)) => !tokens.is_empty(),
            Some(_) => true,
        }
    }

    /// The special tokens by name, of a tokenizer of that class. `pad` is the token that its
    /// tokenizer.json pads with.
    ///
    /// # Errors
    /// A name whose value is no token.
    pub fn special_tokens(&self, class: Class, pad: Option<&str>) -> Result<SpecialTokens> {
        let mut named: IndexMap<String, AddedToken> = IndexMap::new();
        let pad = pad
            .filter(|_| class.pads_as_its_file())
            .map(|pad| ("pad_token", pad));
        for (name, text) in class.default_tokens().iter().copied().chain(pad) {
            if !self.fields.contains_key(name) {
                named.insert(name.to_string(), AddedToken::from(text, true));
            }
        }
        for (name, value) in self
            .fields
            .iter()
            .filter(|(name, value)| name.ends_with("_token") && !value.is_null())
        {
            match token(value, false) {
                Some(token) => drop(named.insert(name.clone(), token)),
                None if STANDARD.contains(&name.as_str()) => return Err(self.wrong(name)),
                // `add_bos_token` is no token.
                None => {}
            }
        }
        for (name, value) in &self.own_tokens {
            let token = token(value, true).ok_or_else(|| self.wrong(name))?;
            named.insert(name.clone(), token);
        }
        let wrong = || self.wrong("extra_special_tokens");
        let extra = match self.get("extra_special_tokens") {
            None => Vec::new(),
            Some(tokens) => {
                let tokens = tokens.as_array().ok_or_else(wrong)?.iter();
                tokens
                    .map(|value| token(value, true).ok_or_else(wrong))
                    .collect::<Result<_>>()?
            }
        };
        Ok(SpecialTokens { named, extra })
    }

    /// A boolean; `None` where it is absent or null.
    ///
    /// # Errors
    /// Anything else.
    pub fn flag(&self, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(key))
    }

    /// A field that is there and not null.
    fn get(&self, key: &str) -> Option<&Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str) -> Error {
        wrong(&self.origin, key)
    }
}

fn wrong(origin: &dyn Display, key: &str) -> Error {
    Error::failed(
        format!("{origin} gives {key:?} a value that it cannot have."),
        "Fetch the model's files again.",
    )
}

/// A token by its text, which is then special, or with its properties.
fn token(value: &Value, special: bool) -> Option<AddedToken> {
    if let Some(text) = value.as_str() {
        return Some(AddedToken::from(text, true));
    }
    let content = value.get("content")?.as_str()?;
    let flag = |key: &str, default: bool| match value.get(key) {
        None | Some(Value::Null) => Some(default),
        Some(value) => value.as_bool(),
    };
    let special = flag("special", special)?;
    Some(AddedToken {
        content: content.to_string(),
        single_word: flag("single_word", false)?,
        lstrip: flag("lstrip", false)?,
        rstrip: flag("rstrip", false)?,
        normalized: flag("normalized", !special)?,
        special,
    })
}

fn string(fields: &Map<String, Value>, key: &str) -> Option<String> {
    fields.get(key)?.as_str().map(str::to_string)
}

/// The JSON object that a file holds.
fn object(asset: &Asset) -> Result<Map<String, Value>> {
    python_json::from_slice(&asset.read()?).map_err(|e| {
        Error::failed(
            format!("{asset} does not hold a JSON object: {e}."),
            "Fetch the model's files again.",
        )
    })
}
