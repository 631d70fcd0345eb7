//! Helium 1 (Kyutai 2025), as `transformers`' modeling_helium.py stores and runs it: Llama whose
//! heads are turned by neighbours.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, pre_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder, Pairs};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "helium",
    known_as: "Helium 1",
    defaults: r#"{"num_key_value_heads": 20, "head_dim": 128, "max_position_embeddings": 4096}"#,
    supports: &["rope_theta", "rope_scaling", "rope_parameters"],
    load,
    modules: Some(Modules::LLAMA),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf {
        theta: (Some("rope_theta"), 1e5),
        pairs: Pairs::Neighbours,
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let norm = NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-8));
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let attention_bias = config.flag("attention_bias")?.unwrap_or(false);
    let mlp_bias = config.flag("mlp_bias")?.unwrap_or(false);
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| {
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, attention_bias, false)?
        };
        let mlp = gated(&shape, names, activation, mlp_bias)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}
