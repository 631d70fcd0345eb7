//! Gemma 3 (Gemma Team 2025), as `transformers`' modeling_gemma3.py stores and runs it: Gemma 2 with norms
//! of heads in the place of caps, and rotary positions of their own where there is a window.

use super::gemma::{gelu, norms};
use super::gemma2::{four_norms, scale};
use super::shared::{LlamaLike, Rope, RopeOf, Shape, attention, gated, window};
use super::{Family, Modules};
use crate::decoder::{Attention, Config, Decoder, Over};
use crate::error::Result;
use crate::weights::Weights;

pub const TEXT: Family = Family {
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
    load,
    modules: Some(Modules::POST_NORMED),
    ..Family::NEW
};

/// The text part of a multimodal checkpoint.
pub const WRAPPER: Family = Family {
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
    // Its text model is found elsewhere from one version of transformers to the next.
    modules: None,
    ..TEXT
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let [full, local] = ropes(config, &shape)?;
    let norm = norms(config)?;
    let activation = gelu(config, "hidden_activation")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let scale = scale(config)?;
    let pattern = config.count("sliding_window_pattern")?.unwrap_or(6);
    let model = LlamaLike::new(config, weights, &shape, norm, &full);
    let mut decoder = model.decoder(|layer, names| {
        let window = window(config, layer, shape.layers, !(layer + 1).is_multiple_of(pattern))?;
        let heads = |name: &str| norm.heads(&names.at("self_attn"), name, &[shape.head_dim], Over::Head);
        let attention = Attention {
            q_norm: Some(heads("q_norm")?),
            k_norm: Some(heads("k_norm")?),
            rotary: Some(if window.is_some() { &local } else { &full }.rotary.clone()),
            scale,
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
