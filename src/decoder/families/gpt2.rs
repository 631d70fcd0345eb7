//! GPT-2 (Radford et al. 2019), as `transformers`' modeling_gpt2.py stores and runs it.

use super::shared::{Names, NormStyle, Shape};
use super::{Family, tables};
use crate::decoder::{
    Activation, Attention, Block, Config, Decoder, Embedding, Mlp, Order, Positions, Projections, Unembed,
};
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
    is_buffer: |name| name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias"),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let context = config.required_count("max_position_embeddings")?;
    // The hub's own repository stores the bare transformer, fine-tunes the whole model.
    let names = Names::below(weights, &["", "transformer."], "h");
    let norm = NormStyle::layer(config.epsilon("layer_norm_epsilon")?.unwrap_or(1e-5));
    let activation = Activation::from_config(config, "activation_function", "gelu_new")?;
    let scale_by_width = config.flag("scale_attn_weights")?.unwrap_or(true);
    let scale_by_layer = config.flag("scale_attn_by_inverse_layer_idx")?.unwrap_or(false);
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(true);
    let (hidden, inner) = (shape.hidden, shape.inner);
    let table = [&names.of("wte.weight"), "lm_head.weight"];
    let [tokens, head] = tables(weights, table, [shape.vocabulary, hidden], tied)?;

    let block = |layer: usize| -> Result<Block> {
        let names = names.at(format!("h.{layer}"));
        let projections = Projections::Fused {
            qkv: names.conv1d("attn.c_attn", [hidden, 3 * hidden])?,
            order: Order::stacked(shape.heads, shape.heads),
        };
        let output = names.conv1d("attn.c_proj", [hidden, hidden])?;
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
