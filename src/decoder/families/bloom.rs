//! BLOOM (BigScience 2022), as `transformers`' modeling_bloom.py stores and runs it.

use super::shared::{Names, NormStyle, Shape};
use super::{Family, Modules, tables};
use crate::decoder::{
    Activation, Alibi, AlibiForm, Attention, Block, Config, Decoder, Embedding, Mlp, Order, Projections,
    Unembed,
};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "bloom",
    known_as: "BLOOM, BLOOMZ",
    spells: &[
        ("n_layer", "num_hidden_layers"),
        ("n_head", "num_attention_heads"),
    ],
    load,
    modules: Some(Modules {
        branches: None,
        ..Modules::GPT2_PLAIN
    }),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let config = &config.overridden("hidden_size", config, "n_embed");
    let shape = Shape {
        inner: 4 * config.required_count("hidden_size")?,
        ..Shape::read(config)?
    };
    let names = Names::below(weights, &["", "transformer."], "h");
    let norm = NormStyle::layer(config.epsilon("layer_norm_epsilon")?.unwrap_or(1e-5));
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(true);
    let (hidden, inner) = (shape.hidden, shape.inner);
    let table = [&names.of("word_embeddings.weight"), "lm_head.weight"];
    let [tokens, head] = tables(weights, table, [shape.vocabulary, hidden], tied)?;

    let block = |layer: usize| -> Result<Block> {
        let names = names.at(format!("h.{layer}"));
        let projections = Projections::Fused {
            qkv: names.linear("self_attention.query_key_value", [hidden, 3 * hidden], true)?,
            order: Order::grouped(shape.heads, shape.heads),
        };
        let output = names.linear("self_attention.dense", [hidden; 2], true)?;
        let attention = Attention {
            alibi: Some(Alibi {
                slopes: Alibi::slopes(shape.heads),
                form: AlibiForm::Exact,
            }),
            ..Attention::new([shape.heads; 2], shape.head_dim, projections, output)
        };
        let mlp = Mlp {
            gate: None,
            up: names.linear("mlp.dense_h_to_4h", [hidden, inner], true)?,
            activation: Activation::GeluTanh,
            down: names.linear("mlp.dense_4h_to_h", [inner, hidden], true)?,
        };
        let norm = |name: &str| norm.read(&names, name, hidden);
        let (first, second) = (norm("input_layernorm")?, norm("post_attention_layernorm")?);
        Ok(Block::new(first, attention, second, mlp))
    };
    Ok(Decoder {
        hidden,
        vocabulary: shape.vocabulary,
        context: None,
        embedding: Embedding {
            norm: Some(norm.read(&names, "word_embeddings_layernorm", hidden)?),
            ..Embedding::new(tokens)
        },
        blocks: (0..shape.layers).map(block).collect::<Result<_>>()?,
        unembed: Unembed::new(norm.read(&names, "ln_f", hidden)?, head),
    })
}
