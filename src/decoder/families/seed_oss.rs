//! Seed-OSS (ByteDance 2025), as `transformers`' modeling_seed_oss.py stores and runs it: Llama with
//! biased queries, keys and values.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, pre_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "seed_oss",
    known_as: "Seed-OSS 36B",
    defaults: r#"{"num_key_value_heads": 8, "head_dim": 128, "attention_bias": true,
        "max_position_embeddings": 524288}"#,
    supports: &["rope_theta", "rope_scaling", "rope_parameters"],
    load,
    modules: Some(Modules::LLAMA),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-6));
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let biased = config.flag("attention_bias")?.unwrap_or(true);
    let output_biased = config.flag("attention_out_bias")?.unwrap_or(false);
    let mlp_bias = config.flag("mlp_bias")?.unwrap_or(false);
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| {
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, biased, output_biased)?
        };
        let mlp = gated(&shape, names, activation, mlp_bias)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}
