//! SmolLM3 (Bakouch et al. 2025), as `transformers`' modeling_smollm3.py stores and runs it: Llama
//! without positions in every fourth block.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, pre_norm, window};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "smollm3",
    known_as: "SmolLM3",
    defaults: r#"{"num_key_value_heads": 4, "tie_word_embeddings": true, "max_position_embeddings": 32768}"#,
    supports: &[
        "no_rope_layers",
        "no_rope_layer_interval",
        "use_sliding_window",
        "sliding_window",
        "layer_types",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load,
    modules: Some(Modules::LLAMA),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf {
        theta: (Some("rope_theta"), 2e6),
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let norm = NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-6));
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let attention_bias = config.flag("attention_bias")?.unwrap_or(false);
    let mlp_bias = config.flag("mlp_bias")?.unwrap_or(false);
    // 1 where a block has positions, whatever the name says.
    let listed = config.bits("no_rope_layers")?;
    let interval = config.count("no_rope_layer_interval")?.unwrap_or(4);
    let windowed = config.flag("use_sliding_window")?.unwrap_or(false);
    if let Some(listed) = listed.as_ref().filter(|listed| listed.len() != shape.layers) {
        let given = format!("a list of {}", listed.len());
        return Err(config.unsupported("no_rope_layers", &given, "one entry for each layer"));
    }
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|layer, names| {
        let turned = match &listed {
            Some(listed) => listed[layer],
            None => !(layer + 1).is_multiple_of(interval),
        };
        let attention = Attention {
            rotary: turned.then(|| rope.rotary.clone()),
            window: window(config, layer, shape.layers, windowed && !turned)?,
            ..attention(&shape, names, attention_bias, attention_bias)?
        };
        let mlp = gated(&shape, names, activation, mlp_bias)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}
