//! Command R7B and Command A (Cohere 2024), as `transformers`' modeling_cohere2.py stores and runs them:
//! a window and positions in three blocks of four, neither in the others.

use serde_json::json;

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, shared_norm, window};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder, Pairs};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "cohere2",
    known_as: "Command R7B, Command A",
    defaults: r#"{"tie_word_embeddings": true, "logit_scale": 0.0625, "max_position_embeddings": 8192,
        "sliding_window": 4096, "sliding_window_pattern": 4}"#,
    supports: &[
        "logit_scale",
        "position_embedding_type",
        "sliding_window",
        "sliding_window_pattern",
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
    // What published files call neighbours.
    config.only("position_embedding_type", &json!("rope_gptj"))?;
    let rope = RopeOf {
        pairs: Pairs::Neighbours,
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let norm = NormStyle::layer(config.epsilon("layer_norm_eps")?.unwrap_or(1e-5)).unbiased();
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let pattern = config.required_count("sliding_window_pattern")?;
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    let mut decoder = model.decoder(|layer, names| {
        let window = window(config, layer, shape.layers, !(layer + 1).is_multiple_of(pattern))?;
        let attention = Attention {
            rotary: window.is_some().then(|| rope.rotary.clone()),
            window,
            ..attention(&shape, names, biased, biased)?
        };
        let mlp = gated(&shape, names, activation, false)?;
        shared_norm(&shape, names, norm, attention, mlp)
    })?;
    decoder.unembed.scale = config.required_number("logit_scale")?;
    Ok(decoder)
}
