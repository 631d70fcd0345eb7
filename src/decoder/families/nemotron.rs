//! Nemotron 4 (Parmar et al. 2024) and Minitron, as `transformers`' modeling_nemotron.py stores and runs
//! them.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, pre_norm, ungated};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "nemotron",
    known_as: "Nemotron-4, Minitron",
    defaults: r#"{"max_position_embeddings": 4096}"#,
    supports: &[
        "partial_rotary_factor",
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
        partial: Some(("partial_rotary_factor", 0.5)),
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let norm = NormStyle::layer(config.epsilon("norm_eps")?.unwrap_or(1e-5)).one_plus();
    let activation = Activation::from_config(config, "hidden_act", "relu2")?;
    let attention_bias = config.flag("attention_bias")?.unwrap_or(false);
    let mlp_bias = config.flag("mlp_bias")?.unwrap_or(false);
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| {
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, attention_bias, attention_bias)?
        };
        let mlp = ungated(&shape, names, ["up_proj", "down_proj"], activation, mlp_bias)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}
