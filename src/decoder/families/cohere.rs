//! Command R and Aya (Cohere 2024), as `transformers`' modeling_cohere.py stores and runs them:
//! attention and MLP side by side, heads turned by neighbours, scaled logits.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, shared_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder, Over, Pairs};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "cohere",
    known_as: "Command R, Command R+, Aya 23, Aya Expanse",
    defaults: r#"{"tie_word_embeddings": true, "logit_scale": 0.0625, "max_position_embeddings": 8192}"#,
    supports: &[
        "use_qk_norm",
        "logit_scale",
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
        theta: (Some("rope_theta"), 5e5),
        pairs: Pairs::Neighbours,
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let norm = NormStyle::layer(config.epsilon("layer_norm_eps")?.unwrap_or(1e-5)).unbiased();
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let normed_heads = config.flag("use_qk_norm")?.unwrap_or(false);
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    let mut decoder = model.decoder(|_, names| {
        let mut attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, biased, biased)?
        };
        if normed_heads {
            let heads = |name: &str, heads| {
                norm.heads(&names.at("self_attn"), name, &[heads, shape.head_dim], Over::Head)
            };
            attention.q_norm = Some(heads("q_norm", shape.heads)?);
            attention.k_norm = Some(heads("k_norm", shape.kv_heads)?);
        }
        let mlp = gated(&shape, names, activation, false)?;
        shared_norm(&shape, names, norm, attention, mlp)
    })?;
    decoder.unembed.scale = config.required_number("logit_scale")?;
    Ok(decoder)
}
