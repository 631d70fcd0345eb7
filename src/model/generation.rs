//! What a checkpoint says of continuing a text.

use serde_json::{Value, json};

use crate::decoder::Config;
use crate::error::Result;
use crate::source::ModelFiles;

/// When a continuation ends, and what lens leaves out of how the checkpoint would have it made.
#[derive(Debug, Clone, Default)]
pub struct Generation {
    /// The tokens that end a text: those of generation_config.json, or, of a checkpoint without one, of
    /// config.json; as in `transformers` 5, none where generation_config.json is there and names none.
    pub eos: Vec<u32>,
    /// The settings that change greedy decoding in `transformers`, and that lens does not follow.
    pub not_followed: Vec<&'static str>,
}

impl Generation {
    /// Reads generation_config.json, or, of checkpoints made before there was one, config.json.
    ///
    /// # Errors
    /// A file that cannot be read or is no config, or an end of text that is no token's id.
    pub fn read(files: &ModelFiles, config: &Config) -> Result<Self> {
        let own = files.generation_config.as_ref().map(Config::read).transpose()?;
        let settings = own.as_ref().unwrap_or(config);
        let eos = settings.ids("eos_token_id")?;
        let changed =
            |(key, neutral): (&'static str, Value)| settings.only(key, &neutral).is_err().then_some(key);
        Ok(Self {
            eos,
            not_followed: neutral_values().into_iter().filter_map(changed).collect(),
        })
    }
}

/// The settings that `generate(do_sample=False)` heeds, each with the value that changes nothing.
fn neutral_values() -> [(&'static str, Value); 17] {
    [
        ("repetition_penalty", json!(1)),
        ("encoder_repetition_penalty", json!(1)),
        ("no_repeat_ngram_size", json!(0)),
        ("encoder_no_repeat_ngram_size", json!(0)),
        ("suppress_tokens", json!([])),
        ("begin_suppress_tokens", json!([])),
        ("bad_words_ids", json!([])),
        ("sequence_bias", json!([])),
        ("forced_bos_token_id", Value::Null),
        ("forced_eos_token_id", Value::Null),
        ("force_words_ids", Value::Null),
        ("min_length", json!(0)),
        ("min_new_tokens", json!(0)),
        ("stop_strings", json!([])),
        ("num_beams", json!(1)),
        ("penalty_alpha", json!(0)),
        ("guidance_scale", json!(1)),
    ]
}
