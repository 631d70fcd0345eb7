//! Qwen 2 (Yang et al. 2024) and Qwen 3 (2025), as `transformers`' modeling_qwen2.py and
//! modeling_qwen3.py store and run them: Llama with biased queries, keys and values, or with norms
//! of queries and keys.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, is_sliding, pre_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder, Over};
use crate::error::Result;
use crate::weights::Weights;

pub const QWEN2: Family = Family {
    model_type: "qwen2",
    known_as: "Qwen 1.5, 2 and 2.5, QwQ, DeepSeek-R1-Distill-Qwen",
    defaults: r#"{"num_key_value_heads": 32, "sliding_window": 4096, "max_window_layers": 28,
        "max_position_embeddings": 32768}"#,
    supports: &[
        "use_sliding_window",
        "sliding_window",
        "layer_types",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load: |config, weights| load(config, weights, Kind::Biased),
    modules: Some(Modules::LLAMA),
    ..Family::NEW
};

pub const QWEN3: Family = Family {
    model_type: "qwen3",
    known_as: "Qwen 3",
    defaults: r#"{"num_key_value_heads": 32, "head_dim": 128, "sliding_window": 4096,
        "max_window_layers": 28, "max_position_embeddings": 32768}"#,
    load: |config, weights| load(config, weights, Kind::Normed),
    ..QWEN2
};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Biased,
    Normed,
}

fn load(config: &Config, weights: &Weights, kind: Kind) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-6));
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let windowed = config.flag("use_sliding_window")?.unwrap_or(false);
    let first_windowed = config.whole("max_window_layers")?.unwrap_or(0);
    let (biased, output_biased) = match kind {
        Kind::Biased => (true, false),
        Kind::Normed => [config.flag("attention_bias")?.unwrap_or(false); 2].into(),
    };
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|layer, names| {
        let pattern = windowed && layer >= first_windowed;
        let window = match is_sliding(config, layer, shape.layers, pattern)? {
            true if !windowed => {
                return Err(config.missing("use_sliding_window = true, which its layer_types need"));
            }
            true => Some(config.required_count("sliding_window")?),
            false => None,
        };
        let mut attention = Attention {
            rotary: Some(rope.rotary.clone()),
            window,
            ..attention(&shape, names, biased, output_biased)?
        };
        if kind == Kind::Normed {
            let heads = |name: &str| norm.heads(&names.at("self_attn"), name, &[shape.head_dim], Over::Head);
            attention.q_norm = Some(heads("q_norm")?);
            attention.k_norm = Some(heads("k_norm")?);
        }
        let mlp = gated(&shape, names, activation, false)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}
