//! StarCoder and SantaCoder (Li et al. 2023), as `transformers`' modeling_gpt_bigcode.py stores and runs
//! them: GPT-2 with one key and value for all heads.

use super::shared::{Names, NormStyle, Shape};
use super::{Family, tables};
use crate::decoder::{
    Activation, Attention, Block, Config, Decoder, Embedding, Mlp, Order, Positions, Projections, Unembed,
};
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
    is_buffer: |name| name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias"),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let shape = Shape {
        kv_heads: match config.flag("multi_query")?.unwrap_or(true) {
            true => 1,
            false => shape.heads,
        },
        ..shape
    };
    let context = config.required_count("max_position_embeddings")?;
    let names = Names::below(weights, &["", "transformer."], "h");
    let norm = NormStyle::layer(config.epsilon("layer_norm_epsilon")?.unwrap_or(1e-5));
    let activation = Activation::from_config(config, "activation_function", "gelu_pytorch_tanh")?;
    let scaled = config.flag("scale_attn_weights")?.unwrap_or(true);
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(true);
    let (hidden, inner) = (shape.hidden, shape.inner);
    let table = [&names.of("wte.weight"), "lm_head.weight"];
    let [tokens, head] = tables(weights, table, [shape.vocabulary, hidden], tied)?;

    let block = |layer: usize| -> Result<Block> {
        let names = names.at(format!("h.{layer}"));
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
        let (first, second) = (
            norm.read(&names, "ln_1", hidden)?,
            norm.read(&names, "ln_2", hidden)?,
        );
        Ok(Block::new(first, attention, second, mlp))
    };
    Ok(Decoder {
        hidden,
        vocabulary: shape.vocabulary,
        context: Some(context),
        embedding: Embedding {
            positions: Some(Positions {
                table: names.matrix("wpe.weight", [context, hidden])?,
                offset: 0,
            }),
            ..Embedding::new(tokens)
        },
        blocks: (0..shape.layers).map(block).collect::<Result<_>>()?,
        unembed: Unembed::new(norm.read(&names, "ln_f", hidden)?, head),
    })
}
