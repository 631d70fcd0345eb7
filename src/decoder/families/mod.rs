//! The model families that lens knows, one small file each.
//!
//! To add one: a file with its config, its tensor names and the parts of its block, and a line in
//! [`FAMILIES`].

mod gpt2;
mod llama;

use super::{Config, Decoder, check_settings};
use crate::error::{Error, Result};
use crate::weights::{Layout, Matrix, Weights};

/// How one family is read.
struct Family {
    /// `model_type` in config.json.
    model_type: &'static str,
    /// Names that config.json may have for its fields, each with the family's own.
    aliases: &'static [(&'static str, &'static str)],
    /// The fields among those that change a decoder's computation which this family follows, or
    /// checks itself.
    supports: &'static [&'static str],
    /// Reads the config, takes the tensors.
    load: fn(&Config, &Weights) -> Result<Decoder>,
    /// Whether a tensor of this name is a buffer without parameters, rightly left unused.
    is_buffer: fn(&str) -> bool,
}

const FAMILIES: &[Family] = &[gpt2::FAMILY, llama::FAMILY];

/// The `model_type`s that [`load`] reads.
pub fn supported() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.model_type)
}

/// The decoder that `config` describes, over `weights`.
///
/// # Errors
/// A family or a setting that lens does not know, a tensor missing, left over or misshapen.
pub fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let model_type = config.required_text("model_type")?;
    let Some(family) = FAMILIES.iter().find(|f| f.model_type == model_type) else {
        let known: Vec<&str> = supported().collect();
        return Err(config.unsupported("model_type", &model_type, &known.join(" and ")));
    };
    if config.object("quantization_config")?.is_some() {
        return Err(Error::failed(
            "The checkpoint is quantised (config.json has a quantization_config).",
            "Use the original checkpoint in float32, bfloat16 or float16.",
        ));
    }
    let config = config.renamed(family.aliases);
    check_settings(&config, &model_type, family.supports)?;
    let decoder = (family.load)(&config, weights)?;
    weights.finish(family.is_buffer)?;
    Ok(decoder)
}

/// The embedding and the unembedding, each `[vocabulary, hidden]`.
///
/// Where the two are `tied`, one of them may be stored for both; where both are stored, each is
/// used, as `transformers` does it.
fn tables(
    weights: &Weights,
    [embedding, head]: [&str; 2],
    shape: [usize; 2],
    tied: bool,
) -> Result<[Matrix; 2]> {
    let stored = |name, other| match tied && !weights.contains(name) && weights.contains(other) {
        true => other,
        false => name,
    };
    let matrix = |name| weights.matrix(name, shape, Layout::OutIn);
    Ok([matrix(stored(embedding, head))?, matrix(stored(head, embedding))?])
}

/// The prefix of a checkpoint's names: none if the model was saved without its head, as the tensor
/// `first` of such a one tells.
fn prefix(weights: &Weights, first: &str, prefix: &'static str) -> &'static str {
    if weights.contains(first) { "" } else { prefix }
}
