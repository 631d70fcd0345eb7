//! GLM-4 9B and GLM-4-0414 (GLM Team 2024, 2025), as `transformers`' modeling_glm.py and
//! modeling_glm4.py store and run them: heads turned in part and by neighbours.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated_as_one, pre_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Block, Config, Decoder, Pairs};
use crate::error::Result;
use crate::weights::Weights;

pub const GLM: Family = Family {
    model_type: "glm",
    known_as: "GLM-4-9B, GLM-Edge",
    defaults: r#"{"num_key_value_heads": 2, "head_dim": 128, "attention_bias": true,
        "max_position_embeddings": 131072}"#,
    supports: &[
        "partial_rotary_factor",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load: |config, weights| load(config, weights, false),
    modules: Some(Modules::LLAMA),
    ..Family::NEW
};

/// The same with norms after the branches as well.
pub const GLM4: Family = Family {
    model_type: "glm4",
    known_as: "GLM-4-0414 9B and 32B, GLM-Z1",
    load: |config, weights| load(config, weights, true),
    modules: Some(Modules {
        branches: Some(["post_self_attn_layernorm", "post_mlp_layernorm"]),
        ..Modules::LLAMA
    }),
    ..GLM
};

fn load(config: &Config, weights: &Weights, post_norms: bool) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf {
        partial: Some(("partial_rotary_factor", 0.5)),
        pairs: Pairs::Neighbours,
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let norm = NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1.5625e-7));
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let biased = config.flag("attention_bias")?.unwrap_or(true);
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| {
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, biased, false)?
        };
        let mlp = gated_as_one(&shape, names, activation)?;
        let after = |name: &str| {
            post_norms
                .then(|| norm.read(names, name, shape.hidden))
                .transpose()
        };
        Ok(Block {
            attention_post_norm: after("post_self_attn_layernorm")?,
            mlp_post_norm: after("post_mlp_layernorm")?,
            ..pre_norm(&shape, names, norm, attention, mlp)?
        })
    })
}
