//! MPT (MosaicML 2023), as `transformers`' modeling_mpt.py stores and runs it.

use serde_json::json;

use super::shared::{Names, NormStyle, Shape};
use super::{Family, Modules, tables};
use crate::decoder::{
    Activation, Alibi, AlibiForm, Attention, Block, Config, Decoder, Embedding, Mlp, Order, Projections,
    Unembed,
};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "mpt",
    known_as: "MPT 7B and 30B",
    spells: &[
        ("d_model", "hidden_size"),
        ("n_heads", "num_attention_heads"),
        ("n_layers", "num_hidden_layers"),
        ("max_seq_len", "max_position_embeddings"),
    ],
    defaults: r#"{"max_position_embeddings": 2048}"#,
    supports: &["attn_config"],
    load,
    modules: Some(Modules {
        blocks: "transformer.blocks",
        norm: "transformer.norm_f",
        branches: None,
        ..Modules::GPT2_PLAIN
    }),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape {
        inner: 4 * config.required_count("hidden_size")?,
        ..Shape::read(config)?
    };
    let context = config.required_count("max_position_embeddings")?;
    let attention_config = config.object("attn_config")?.unwrap_or(config.like("{}"));
    check(config, &attention_config)?;
    let clip = attention_config.nonzero("clip_qkv")?;
    let scale = attention_config.number("softmax_scale")?;
    let names = Names::below(weights, &["", "transformer."], "blocks");
    let norm = NormStyle::layer(config.epsilon("layer_norm_epsilon")?.unwrap_or(1e-5)).unbiased();
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(true);
    let (hidden, inner) = (shape.hidden, shape.inner);
    let table = [&names.of("wte.weight"), "lm_head.weight"];
    let [tokens, head] = tables(weights, table, [shape.vocabulary, hidden], tied)?;

    let block = |layer: usize| -> Result<Block> {
        let names = names.at(format!("blocks.{layer}"));
        let projections = Projections::Fused {
            qkv: names.linear("attn.Wqkv", [hidden, 3 * hidden], false)?,
            order: Order::stacked(shape.heads, shape.heads),
        };
        let output = names.linear("attn.out_proj", [hidden; 2], false)?;
        let mut attention = Attention {
            clip,
            alibi: Some(Alibi {
                slopes: slopes(shape.heads),
                form: AlibiForm::Exact,
            }),
            ..Attention::new([shape.heads; 2], shape.head_dim, projections, output)
        };
        attention.scale = scale.unwrap_or(attention.scale);
        let mlp = Mlp {
            gate: None,
            up: names.linear("ffn.up_proj", [hidden, inner], false)?,
            activation: Activation::Gelu,
            down: names.linear("ffn.down_proj", [inner, hidden], false)?,
        };
        let (first, second) = (
            norm.read(&names, "norm_1", hidden)?,
            norm.read(&names, "norm_2", hidden)?,
        );
        Ok(Block::new(first, attention, second, mlp))
    };
    Ok(Decoder {
        hidden,
        vocabulary: shape.vocabulary,
        context: Some(context),
        embedding: Embedding::new(tokens),
        blocks: (0..shape.layers).map(block).collect::<Result<_>>()?,
        unembed: Unembed::new(norm.read(&names, "norm_f", hidden)?, head),
    })
}

/// Refuses what `transformers` does not read and would change the computation.
fn check(config: &Config, attention: &Config) -> Result<()> {
    for (key, neutral) in [
        ("attn_type", json!("multihead_attention")),
        ("alibi", json!(true)),
        ("alibi_bias_max", json!(8)),
        ("qk_ln", json!(false)),
        ("prefix_lm", json!(false)),
    ] {
        attention.only(key, &neutral)?;
    }
    // What published files say of a table that they do not have.
    config.only("learned_pos_emb", &json!(true))
}

/// The slopes of Press et al. 2022 in an order of its own: of the next power of 2 every second from
/// the second on, then the others.
fn slopes(heads: usize) -> Vec<f64> {
    let n = heads.next_power_of_two();
    let slope = |i: usize| (-8. * i as f64 / n as f64).exp2();
    if n == heads {
        return (1..=n).map(slope).collect();
    }
    let even = (2..=n).step_by(2).chain((1..=n).step_by(2));
    even.map(slope).take(heads).collect()
}
