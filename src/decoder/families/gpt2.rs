//! GPT-2 (Radford et al. 2019), as `transformers`' modeling_gpt2.py stores and runs it.

use super::shared::{GptLike, Shape};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder, Mlp, Order, Projections};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "gpt2",
    known_as: "GPT-2, DistilGPT-2, DialoGPT",
    spells: &[
        ("n_embd", "hidden_size"),
        ("n_positions", "max_position_embeddings"),
        ("n_head", "num_attention_heads"),
        ("n_layer", "num_hidden_layers"),
        ("n_inner", "intermediate_size"),
    ],
    defaults: r#"{"max_position_embeddings": 1024}"#,
    supports: &["scale_attn_weights", "scale_attn_by_inverse_layer_idx"],
    load,
    modules: Some(Modules::GPT2),
    is_buffer: |name| name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias"),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = &Shape::read(config)?;
    let activation = Activation::from_config(config, "activation_function", "gelu_new")?;
    let scale_by_width = config.flag("scale_attn_weights")?.unwrap_or(true);
    let scale_by_layer = config.flag("scale_attn_by_inverse_layer_idx")?.unwrap_or(false);
    let (hidden, inner) = (shape.hidden, shape.inner);
    let model = GptLike {
        config,
        weights,
        shape,
    };
    model.decoder(|layer, names| {
        let projections = Projections::Fused {
            qkv: names.conv1d("attn.c_attn", [hidden, 3 * hidden])?,
            order: Order::stacked(shape.heads, shape.heads),
        };
        let output = names.conv1d("attn.c_proj", [hidden; 2])?;
        let mut attention = Attention::new([shape.heads; 2], shape.head_dim, projections, output);
        if !scale_by_width {
            attention.scale = 1.;
        }
        if scale_by_layer {
            attention.scale /= (layer + 1) as f64;
        }
        let mlp = Mlp {
            gate: None,
            up: names.conv1d("mlp.c_fc", [hidden, inner])?,
            activation,
            down: names.conv1d("mlp.c_proj", [inner, hidden])?,
        };
        Ok((attention, mlp))
    })
}
