//! The model that the binary carries. `src/demo/recipe` makes it.

use bytes::Bytes;

use super::{Asset, ModelFiles, TokenizerFiles};

/// The demo model's name on the command line.
pub const DEMO: &str = "demo";

const ABOUT: &str = "\
A small GPT-2 that lens carries, trained from nothing on sentences generated from 1921 facts (capitals, \
languages, landmarks, people, elements, opposites, sums, …). It recalls them in phrasings it has not seen \
them in, and shows at which layers; it knows nothing else.";

macro_rules! embedded {
    ($file:literal) => {
        Asset::Memory {
            name: concat!("the demo model's ", $file).into(),
            bytes: Bytes::from_static(include_bytes!(concat!("../demo/", $file))),
        }
    };
}

/// The demo model's files.
pub fn files() -> ModelFiles {
    ModelFiles {
        name: DEMO.to_string(),
        about: Some(ABOUT),
        revision: None,
        config: embedded!("config.json"),
        tokenizer: TokenizerFiles::Json(embedded!("tokenizer.json")),
        tokenizer_config: None,
        chat_template: None,
        special_tokens_map: None,
        added_tokens: None,
        generation_config: None,
        index: None,
        weights: vec![embedded!("model.safetensors")],
        outline: None,
    }
}
