//! Tensors of a family's checkpoints that the conversion has put into the metadata.

use super::metadata::Metadata;
use crate::error::Result;

/// A tensor and its numbers.
pub struct Made {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// None.
pub fn nothing(_: Metadata, _: usize) -> Result<Vec<Made>> {
    Ok(Vec::new())
}

/// The four numbers of each block's activation: one for each block, or one for all.
pub fn apertus(metadata: Metadata, blocks: usize) -> Result<Vec<Made>> {
    let mut made = Vec::new();
    for (name, shape) in [
        ("alpha_p", vec![1]),
        ("alpha_n", vec![1]),
        ("beta", vec![]),
        ("eps", vec![]),
    ] {
        let key = format!("xielu.{name}");
        let values: Vec<f64> = match (metadata.number(&key), metadata.numbers(&key)) {
            (Some(all), _) => vec![all; blocks],
            (None, Some(each)) => each.collect(),
            (None, None) => return Err(metadata.lacks(&key)),
        };
        if values.len() != blocks || !values.iter().all(|value| value.is_finite()) {
            return Err(metadata.broken(&format!("{key} is not one finite number for each block")));
        }
        made.extend(values.iter().enumerate().map(|(block, &value)| Made {
            name: format!("model.layers.{block}.mlp.act_fn.{name}"),
            shape: shape.clone(),
            values: vec![value as f32],
        }));
    }
    Ok(made)
}
