//! Granite 3 (IBM 2024), as `transformers`' modeling_granite.py stores and runs it: Llama with four
//! scales.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, pre_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Block, Config, Decoder};
use crate::error::{Error, Result};
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "granite",
    known_as: "Granite 3.0 to 3.3, dense",
    supports: &[
        "embedding_multiplier",
        "attention_multiplier",
        "residual_multiplier",
        "logits_scaling",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load,
    modules: Some(Modules::SCALED),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-6));
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let attention_bias = config.flag("attention_bias")?.unwrap_or(false);
    let mlp_bias = config.flag("mlp_bias")?.unwrap_or(false);
    let multiplier = |key: &str| Ok::<f64, Error>(config.number(key)?.unwrap_or(1.));
    let scale = multiplier("attention_multiplier")?;
    let branch_scale = multiplier("residual_multiplier")?;
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    let mut decoder = model.decoder(|_, names| {
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            scale,
            ..attention(&shape, names, attention_bias, attention_bias)?
        };
        let mlp = gated(&shape, names, activation, mlp_bias)?;
        Ok(Block {
            branch_scale,
            ..pre_norm(&shape, names, norm, attention, mlp)?
        })
    })?;
    decoder.embedding.scale = multiplier("embedding_multiplier")?;
    decoder.unembed.scale = 1. / multiplier("logits_scaling")?;
    Ok(decoder)
}
