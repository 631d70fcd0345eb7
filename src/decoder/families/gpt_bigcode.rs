//! StarCoder and SantaCoder (Li et al. 2023), as `transformers`' modeling_gpt_bigcode.py stores and runs
//! them: GPT-2 with one key and value for all heads.

use super::shared::{GptLike, Shape};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder, Mlp, Order, Projections};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "gpt_bigcode",
    known_as: "StarCoder, SantaCoder",
    spells: &[
        ("n_embd", "hidden_size"),
        ("n_positions", "max_position_embeddings"),
        ("n_head", "num_attention_heads"),
        ("n_layer", "num_hidden_layers"),
        ("n_inner", "intermediate_size"),
    ],
    defaults: r#"{"max_position_embeddings": 1024}"#,
    supports: &["scale_attn_weights", "multi_query"],
    load,
    modules: Some(Modules::GPT2),
    is_buffer: |name| name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias"),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let shape = &Shape {
        kv_heads: match config.flag("multi_query")?.unwrap_or(true) {
            true => 1,
            false => shape.heads,
        },
        ..shape
    };
    let activation = Activation::from_config(config, "activation_function", "gelu_pytorch_tanh")?;
    let scaled = config.flag("scale_attn_weights")?.unwrap_or(true);
    let (hidden, inner) = (shape.hidden, shape.inner);
    let model = GptLike {
        config,
        weights,
        shape,
    };
    model.decoder(|_, names| {
        let width = shape.queries() + 2 * shape.keys();
        let projections = Projections::Fused {
            qkv: names.linear("attn.c_attn", [hidden, width], true)?,
            order: Order::grouped(shape.heads, shape.kv_heads),
        };
        let output = names.linear("attn.c_proj", [hidden; 2], true)?;
        let heads = [shape.heads, shape.kv_heads];
        let mut attention = Attention::new(heads, shape.head_dim, projections, output);
        if !scaled {
            attention.scale = 1.;
        }
        let mlp = Mlp {
            gate: None,
            up: names.linear("mlp.c_fc", [hidden, inner], true)?,
            activation,
            down: names.linear("mlp.c_proj", [inner, hidden], true)?,
        };
        Ok((attention, mlp))
    })
}
