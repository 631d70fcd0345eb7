//! GPT-NeoX (Black et al. 2022), as `transformers`' modeling_gpt_neox.py stores and runs it.

use super::shared::{Names, NormStyle, RopeOf, Shape};
use super::{Family, Modules, tables};
use crate::decoder::{
    Activation, Attention, Block, Config, Decoder, Embedding, Mlp, Order, Projections, Residual, Unembed,
};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "gpt_neox",
    known_as: "Pythia, GPT-NeoX-20B, Dolly, RedPajama, StableLM-alpha",
    supports: &[
        "rotary_emb_base",
        "rotary_pct",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
        "use_parallel_residual",
    ],
    load,
    modules: Some(Modules {
        blocks: "gpt_neox.layers",
        norm: "gpt_neox.final_layer_norm",
        head: "lm_head",
        branches: Some(["attention", "mlp"]),
        plain_attention: false,
    }),
    is_buffer: |name| name.ends_with(".attention.bias") || name.ends_with(".attention.masked_bias"),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf {
        theta: (Some("rotary_emb_base"), 10_000.),
        partial: Some(("rotary_pct", 0.25)),
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let names = Names::below(weights, &["", "gpt_neox."], "layers");
    let norm = NormStyle::layer(config.epsilon("layer_norm_eps")?.unwrap_or(1e-5));
    let activation = Activation::from_config(config, "hidden_act", "gelu")?;
    let biased = config.flag("attention_bias")?.unwrap_or(true);
    let residual = match config.flag("use_parallel_residual")?.unwrap_or(true) {
        true => Residual::Parallel,
        false => Residual::Sequential,
    };
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(false);
    let head = match weights.contains("lm_head.weight") {
        true => "lm_head.weight",
        false => "embed_out.weight",
    };
    let (hidden, inner) = (shape.hidden, shape.inner);
    let table = [&names.of("embed_in.weight"), head];
    let [tokens, head] = tables(weights, table, [shape.vocabulary, hidden], tied)?;

    let block = |layer: usize| -> Result<Block> {
        let names = names.at(format!("layers.{layer}"));
        let projections = Projections::Fused {
            qkv: names.linear("attention.query_key_value", [hidden, 3 * hidden], biased)?,
            order: Order::grouped(shape.heads, shape.heads),
        };
        let output = names.linear("attention.dense", [hidden, hidden], biased)?;
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..Attention::new([shape.heads; 2], shape.head_dim, projections, output)
        };
        let mlp = Mlp {
            gate: None,
            up: names.linear("mlp.dense_h_to_4h", [hidden, inner], true)?,
            activation,
            down: names.linear("mlp.dense_4h_to_h", [inner, hidden], true)?,
        };
        let norm = |name: &str| norm.read(&names, name, hidden);
        Ok(Block {
            residual,
            ..Block::new(
                norm("input_layernorm")?,
                attention,
                norm("post_attention_layernorm")?,
                mlp,
            )
        })
    };
    Ok(Decoder {
        hidden,
        vocabulary: shape.vocabulary,
        context: rope.context,
        embedding: Embedding::new(tokens),
        blocks: (0..shape.layers).map(block).collect::<Result<_>>()?,
        unembed: Unembed::new(norm.read(&names, "final_layer_norm", hidden)?, head),
    })
}
