//! Gemma 2 (Gemma Team 2024), as `transformers`' modeling_gemma2.py stores and runs it: norms before and
//! after both branches, capped scores and logits, a window in every second block.

use super::gemma::{gelu, norms};
use super::shared::{LlamaLike, Names, NormStyle, RopeOf, Shape, attention, gated, window};
use super::{Family, Modules};
use crate::decoder::{Attention, Block, Config, Decoder, Mlp};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "gemma2",
    known_as: "Gemma 2",
    defaults: r#"{"num_key_value_heads": 4, "head_dim": 256, "tie_word_embeddings": true,
        "max_position_embeddings": 8192, "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": 256, "sliding_window": 4096, "final_logit_softcapping": 30.0,
        "attn_logit_softcapping": 50.0}"#,
    supports: &[
        "sliding_window",
        "layer_types",
        "query_pre_attn_scalar",
        "final_logit_softcapping",
        "attn_logit_softcapping",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load,
    modules: Some(Modules {
        // Torch's fused attention has no cap on scores.
        plain_attention: true,
        ..Modules::POST_NORMED
    }),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = norms(config)?;
    let activation = gelu(config, "hidden_activation")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let scale = scale(config)?;
    let cap = config.number("attn_logit_softcapping")?;
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    let mut decoder = model.decoder(|layer, names| {
        let window = window(config, layer, shape.layers, layer % 2 == 0)?;
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            scale,
            cap,
            window,
            ..attention(&shape, names, biased, biased)?
        };
        let mlp = gated(&shape, names, activation, false)?;
        four_norms(&shape, names, norm, attention, mlp)
    })?;
    decoder.embedding.scale = (shape.hidden as f64).sqrt();
    decoder.unembed.cap = config.number("final_logit_softcapping")?;
    Ok(decoder)
}

/// A block with norms before and after both branches.
pub fn four_norms(
    shape: &Shape,
    names: &Names,
    norm: NormStyle,
    attention: Attention,
    mlp: Mlp,
) -> Result<Block> {
    let norm = |name: &str| norm.read(names, name, shape.hidden).map(Some);
    Ok(Block {
        attention_norm: norm("input_layernorm")?,
        attention_post_norm: norm("post_attention_layernorm")?,
        mlp_norm: norm("pre_feedforward_layernorm")?,
        mlp_post_norm: norm("post_feedforward_layernorm")?,
        ..Block::bare(attention, mlp)
    })
}

/// What scores are multiplied by.
pub fn scale(config: &Config) -> Result<f64> {
    Ok(config.required_number("query_pre_attn_scalar")?.powf(-0.5))
}
