//! Mistral (Jiang et al. 2023) and Ministral, as `transformers`' modeling_mistral.py and
//! modeling_ministral.py store and run them: Llama with a window.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, pre_norm, window};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder};
use crate::error::Result;
use crate::weights::Weights;

/// One window in every block.
pub const MISTRAL: Family = Family {
    model_type: "mistral",
    known_as: "Mistral 7B, Mistral Nemo, Zephyr, Mathstral",
    // A list of layer_types is not read here, as in transformers.
    supports: &[
        "sliding_window",
        "layer_types",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load: |config, weights| load(config, weights, |_| config.count("sliding_window")),
    ..MINISTRAL
};

/// A window in the blocks that `layer_types` says.
pub const MINISTRAL: Family = Family {
    model_type: "ministral",
    known_as: "Ministral 8B",
    modules: Some(Modules::LLAMA),
    defaults: r#"{"num_key_value_heads": 8, "sliding_window": 4096, "max_position_embeddings": 131072}"#,
    supports: &[
        "sliding_window",
        "layer_types",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load: |config, weights| {
        let layers = config.required_count("num_hidden_layers")?;
        let pattern = config.count("sliding_window")?.is_some();
        load(config, weights, |layer| window(config, layer, layers, pattern))
    },
    ..Family::NEW
};

fn load(
    config: &Config,
    weights: &Weights,
    window: impl Fn(usize) -> Result<Option<usize>>,
) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-6));
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|layer, names| {
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            window: window(layer)?,
            ..attention(&shape, names, false, false)?
        };
        let mlp = gated(&shape, names, activation, false)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}
