//! StableLM 2 and StableLM 3B (Stability AI 2023), as `transformers`' modeling_stablelm.py stores and
//! runs them.

use super::shared::{LlamaLike, Names, NormStyle, RopeOf, Shape, attention, gated, pre_norm, shared_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder, HeadNorm, Over};
use crate::error::Result;
use crate::weights::{Vector, Weights};

pub const FAMILY: Family = Family {
    model_type: "stablelm",
    known_as: "StableLM 2 1.6B and 12B, StableLM 3B, Stable Code 3B",
    defaults: r#"{"num_key_value_heads": 32, "max_position_embeddings": 4096}"#,
    supports: &[
        "use_parallel_residual",
        "qk_layernorm",
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
        partial: Some(("partial_rotary_factor", 0.25)),
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let norm = NormStyle::layer(config.epsilon("layer_norm_eps")?.unwrap_or(1e-5));
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let biased = config.flag("use_qkv_bias")?.unwrap_or(false);
    let parallel = config.flag("use_parallel_residual")?.unwrap_or(false);
    let normed_heads = config.flag("qk_layernorm")?.unwrap_or(false);
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| {
        let mut attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, biased, false)?
        };
        if normed_heads {
            let heads = |name: &str, heads| {
                of_each_head(
                    &names.at(format!("self_attn.{name}")),
                    norm,
                    heads,
                    shape.head_dim,
                )
            };
            attention.q_norm = Some(heads("q_layernorm", shape.heads)?);
            attention.k_norm = Some(heads("k_layernorm", shape.kv_heads)?);
        }
        let mlp = gated(&shape, names, activation, false)?;
        match parallel {
            true => shared_norm(&shape, names, norm, attention, mlp),
            false => pre_norm(&shape, names, norm, attention, mlp),
        }
    })
}

/// A norm of heads whose weights are stored one by one.
fn of_each_head(names: &Names, norm: NormStyle, heads: usize, head_dim: usize) -> Result<HeadNorm> {
    let weights: Vec<Vector> = (0..heads)
        .map(|head| names.vector(&format!("norms.{head}.weight"), head_dim))
        .collect::<Result<_>>()?;
    Ok(HeadNorm {
        norm: norm.of(Some(Vector::joined(&weights)), None),
        over: Over::Head,
    })
}
