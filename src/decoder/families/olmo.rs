//! OLMo 1 (Groeneveld et al. 2024), as `transformers`' modeling_olmo.py stores and runs it: Llama whose
//! norms have no parameters.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, pre_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "olmo",
    known_as: "OLMo 1",
    supports: &["clip_qkv", "rope_theta", "rope_scaling", "rope_parameters"],
    load,
    modules: Some(Modules::LLAMA),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = NormStyle::layer(1e-5).bare();
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let clip = config.number("clip_qkv")?;
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| {
        let attention = Attention {
            clip,
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, biased, biased)?
        };
        let mlp = gated(&shape, names, activation, false)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}
