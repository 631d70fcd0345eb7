//! Gemma 1, 2 and 3 (Gemma Team 2024, 2024, 2025), as `transformers`' modeling_gemma.py,
//! modeling_gemma2.py and modeling_gemma3.py store and run them.

use super::Family;
use super::shared::{
    LlamaLike, Names, NormStyle, Rope, RopeOf, Shape, attention, gated, is_sliding, pre_norm,
};
use crate::decoder::{Activation, Attention, Block, Config, Decoder, Mlp, Over};
use crate::error::Result;
use crate::weights::Weights;

pub const GEMMA: Family = Family {
    model_type: "gemma",
    known_as: "Gemma 1, CodeGemma",
    defaults: r#"{"num_key_value_heads": 16, "head_dim": 256, "tie_word_embeddings": true,
        "max_position_embeddings": 8192, "hidden_act": "gelu_pytorch_tanh"}"#,
    supports: &["rope_theta", "rope_scaling", "rope_parameters"],
    load: load1,
    ..Family::NEW
};

pub const GEMMA2: Family = Family {
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
    load: load2,
    ..Family::NEW
};

pub const GEMMA3_TEXT: Family = Family {
    model_type: "gemma3_text",
    known_as: "Gemma 3 270M and 1B",
    defaults: r#"{"vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216,
        "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
        "tie_word_embeddings": true, "max_position_embeddings": 131072,
        "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 256, "sliding_window": 4096,
        "sliding_window_pattern": 6}"#,
    supports: &[
        "sliding_window",
        "layer_types",
        "sliding_window_pattern",
        "_sliding_window_pattern",
        "query_pre_attn_scalar",
        "final_logit_softcapping",
        "rope_local_base_freq",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load: load3,
    ..Family::NEW
};

/// The text part of a multimodal checkpoint.
pub const GEMMA3: Family = Family {
    model_type: "gemma3",
    known_as: "Gemma 3 4B, 12B and 27B, MedGemma",
    nested: Some("text_config"),
    // As the text part alone, but transformers applies no final_logit_softcapping here.
    supports: &[
        "sliding_window",
        "layer_types",
        "sliding_window_pattern",
        "_sliding_window_pattern",
        "query_pre_attn_scalar",
        "rope_local_base_freq",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    is_buffer: |name| name.contains("vision_tower.") || name.contains("multi_modal_projector."),
    ..GEMMA3_TEXT
};

fn load1(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = norms(config)?;
    let activation = gelu(config, "hidden_act")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let mut decoder = like(config, weights, &shape, norm, &rope).decoder(|_, names| {
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, biased, biased)?
        };
        let mlp = gated(&shape, names, activation, false)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })?;
    decoder.embedding.scale = (shape.hidden as f64).sqrt();
    Ok(decoder)
}

fn load2(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = norms(config)?;
    let activation = gelu(config, "hidden_activation")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let scale = scale(config)?;
    let cap = config.number("attn_logit_softcapping")?;
    let mut decoder = like(config, weights, &shape, norm, &rope).decoder(|layer, names| {
        let sliding = is_sliding(config, layer, shape.layers, layer % 2 == 0)?;
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            scale,
            cap,
            window: match sliding {
                true => Some(config.required_count("sliding_window")?),
                false => None,
            },
            ..attention(&shape, names, biased, biased)?
        };
        let mlp = gated(&shape, names, activation, false)?;
        four_norms(&shape, names, norm, attention, mlp)
    })?;
    decoder.embedding.scale = (shape.hidden as f64).sqrt();
    decoder.unembed.cap = config.number("final_logit_softcapping")?;
    Ok(decoder)
}

fn load3(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let [full, local] = ropes(config, &shape)?;
    let norm = norms(config)?;
    let activation = gelu(config, "hidden_activation")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let scale = scale(config)?;
    let pattern = config.count("sliding_window_pattern")?.unwrap_or(6);
    let mut decoder = like(config, weights, &shape, norm, &full).decoder(|layer, names| {
        let sliding = is_sliding(config, layer, shape.layers, !(layer + 1).is_multiple_of(pattern))?;
        let heads = |name: &str| norm.heads(&names.at("self_attn"), name, &[shape.head_dim], Over::Head);
        let attention = Attention {
            q_norm: Some(heads("q_norm")?),
            k_norm: Some(heads("k_norm")?),
            rotary: Some(if sliding { &local } else { &full }.rotary.clone()),
            scale,
            window: match sliding {
                true => Some(config.required_count("sliding_window")?),
                false => None,
            },
            ..attention(&shape, names, biased, biased)?
        };
        let mlp = gated(&shape, names, activation, false)?;
        four_norms(&shape, names, norm, attention, mlp)
    })?;
    decoder.embedding.scale = (shape.hidden as f64).sqrt();
    decoder.unembed.cap = config.number("final_logit_softcapping")?;
    Ok(decoder)
}

fn like<'a>(
    config: &'a Config,
    weights: &'a Weights,
    shape: &'a Shape,
    norm: NormStyle,
    rope: &Rope,
) -> LlamaLike<'a> {
    LlamaLike {
        config,
        weights,
        shape,
        norm,
        context: rope.context,
    }
}

/// Norms before and after both branches.
fn four_norms(
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

fn norms(config: &Config) -> Result<NormStyle> {
    let eps = config.epsilon("rms_norm_eps")?.unwrap_or(1e-6);
    Ok(NormStyle::rms(eps).one_plus())
}

fn scale(config: &Config) -> Result<f64> {
    Ok(config.required_number("query_pre_attn_scalar")?.powf(-0.5))
}

/// The activation that `key` names. Early files say `gelu` and mean its tanh form, as `transformers`
/// reads them.
fn gelu(config: &Config, key: &str) -> Result<Activation> {
    match Activation::from_config(config, key, "gelu_pytorch_tanh")? {
        Activation::Gelu | Activation::GeluTanh => Ok(Activation::GeluTanh),
        _ => {
            let name = config.required_text(key)?;
            Err(config.unsupported(key, &name, "gelu_pytorch_tanh"))
        }
    }
}

/// Rope of the layers that see everything and of those with a window, which is never scaled.
fn ropes(config: &Config, shape: &Shape) -> Result<[Rope; 2]> {
    let full = RopeOf {
        theta: (Some("rope_theta"), 1e6),
        ..RopeOf::new(config, shape.head_dim)?
    };
    full.read_both(&RopeOf {
        theta: (Some("rope_local_base_freq"), 1e4),
        ..full
    })
}
