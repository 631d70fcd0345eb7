//! `quantization_config`: how a checkpoint's weights are stored, where not as they were trained.

use serde_json::Value;

use super::Config;
use crate::error::{Error, Result};
use crate::weights::Tile;

impl Config {
    /// The tiles that share a scale where weights are 8-bit floats (`fp8`); `None` where they are plain.
    ///
    /// Weights are read exactly. That some runtimes round activations to 8 bits too (`activation_scheme: dynamic`)
    /// is theirs, and not done here.
    ///
    /// # Errors
    /// Any other way to store them, by its name.
    pub fn tiles(&self) -> Result<Option<Tile>> {
        let Some(stored) = self.object("quantization_config")? else {
            return Ok(None);
        };
        let method = stored.text("quant_method")?;
        if method.as_deref() != Some("fp8") {
            let method = method.map_or("no quant_method".to_string(), |method| {
                format!("quant_method = {method:?}")
            });
            return Err(Error::failed(
                format!(
                    "The checkpoint is quantised in a way that lens does not read: its quantization_config has {method}."
                ),
                "Use the original checkpoint, one in fp8, or a GGUF file of the model.",
            ));
        }
        stored.only("activation_scheme", &Value::from("dynamic"))?;
        stored.only("fmt", &Value::from("e4m3"))?;
        if stored.has("weight_block_size") && stored.get("weight_block_size").is_none() {
            return Err(stored.unsupported("weight_block_size", "null", "two whole numbers"));
        }
        let sizes = stored.numbers("weight_block_size")?.unwrap_or(vec![128., 128.]);
        match sizes.as_slice() {
            &[rows, columns]
                if [rows, columns]
                    .iter()
                    .all(|n| (1. ..1e9).contains(n) && n.fract() == 0.) =>
            {
                Ok(Some(Tile {
                    rows: rows as usize,
                    columns: columns as usize,
                }))
            }
            other => Err(stored.unsupported("weight_block_size", &format!("{other:?}"), "two whole numbers")),
        }
    }
}
