//! Which blocks see the last tokens only.

use crate::decoder::Config;
use crate::error::{Error, Result};

/// Whether a block of `layers` sees its window only: as `layer_types` says where the config has it, else
/// as the family's `pattern` does.
///
/// # Errors
/// A list of another length, or a kind of layer that lens does not know.
pub fn is_sliding(config: &Config, layer: usize, layers: usize, pattern: bool) -> Result<bool> {
    let Some(kinds) = config.texts("layer_types")? else {
        return Ok(pattern);
    };
    if kinds.len() != layers {
        return Err(Error::failed(
            format!(
                "The config's layer_types has {} entries for {layers} layers.",
                kinds.len()
            ),
            "Check the model's config.json against the original.",
        ));
    }
    match kinds[layer].as_str() {
        "full_attention" | "attention" => Ok(false),
        "sliding_attention" => Ok(true),
        other => Err(config.unsupported("layer_types", other, "full_attention and sliding_attention")),
    }
}

/// The window of a block, the last of its keys a query's own; `None` where the block sees all.
///
/// # Errors
/// As [`is_sliding`], or a `sliding_window` that is needed and no positive integer.
pub fn window(config: &Config, layer: usize, layers: usize, pattern: bool) -> Result<Option<usize>> {
    match is_sliding(config, layer, layers, pattern)? {
        true => (config.count("sliding_window")?)
            .map(Some)
            .ok_or_else(|| config.missing("sliding_window")),
        false => Ok(None),
    }
}
