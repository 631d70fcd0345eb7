//! OLMo 3 (OLMo Team 2025), as `transformers`' modeling_olmo3.py stores and runs it: OLMo 2 with a window
//! in three blocks of four.

use super::olmo2::{block, norms};
use super::shared::{LlamaLike, RopeOf, Shape, window};
use super::{Family, Modules};
use crate::decoder::{Config, Decoder};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "olmo3",
    known_as: "OLMo 3",
    defaults: r#"{"sliding_window": 4096}"#,
    supports: &[
        "sliding_window",
        "layer_types",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load,
    modules: Some(Modules::POST_NORMED),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let full = RopeOf {
        theta: (Some("rope_theta"), 5e5),
        ..RopeOf::new(config, shape.head_dim)?
    };
    // Outside of its own object nothing says its theta, not even rope_theta, as in transformers.
    let sliding = RopeOf {
        theta: (None, 5e5),
        ..full
    };
    let [full, sliding] = full.read_both(&sliding)?;
    let norm = norms(config)?;
    let model = LlamaLike::new(config, weights, &shape, norm, &full);
    model.decoder(|layer, names| {
        let window = window(config, layer, shape.layers, layer % 4 != 3)?;
        let rope = if window.is_some() { &sliding } else { &full };
        block(config, &shape, names, norm, rope, window)
    })
}
