//! Llama (Touvron et al. 2023) and what is built like it, as `transformers`' modeling_llama.py
//! stores and runs it.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, pre_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "llama",
    known_as: "Llama 1 to 3, TinyLlama, SmolLM 1 and 2, Vicuna, DeepSeek-R1-Distill-Llama, Falcon 3",
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
    let attention_bias = config.flag("attention_bias")?.unwrap_or(false);
    let mlp_bias = config.flag("mlp_bias")?.unwrap_or(false);
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| {
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, attention_bias, attention_bias)?
        };
        let mlp = gated(&shape, names, activation, mlp_bias)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}
