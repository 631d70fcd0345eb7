//! GPT-J (Wang and Komatsuzaki 2021) and CodeGen (Nijkamp et al. 2022), as `transformers`'
//! modeling_gptj.py and modeling_codegen.py store and run them: attention and MLP side by side.

use super::shared::{Names, NormStyle, Shape};
use super::{Family, Modules, tables};
use crate::decoder::{
    Activation, Attention, Block, Config, Decoder, Embedding, Frequencies, Mlp, Order, Pairs, Projections,
    Residual, Rotary, Unembed,
};
use crate::error::{Error, Result};
use crate::weights::Weights;

pub const GPTJ: Family = Family {
    model_type: "gptj",
    known_as: "GPT-J 6B",
    spells: &[
        ("n_embd", "hidden_size"),
        ("n_positions", "max_position_embeddings"),
        ("n_head", "num_attention_heads"),
        ("n_layer", "num_hidden_layers"),
        ("n_inner", "intermediate_size"),
    ],
    defaults: r#"{"max_position_embeddings": 2048, "rotary_dim": 64}"#,
    supports: &["rotary_dim"],
    load: |config, weights| load(config, weights, separate),
    modules: Some(Modules::GPT2_PLAIN),
    is_buffer: |name| name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias"),
    ..Family::NEW
};

/// The same with queries, values and keys in one tensor.
pub const CODEGEN: Family = Family {
    model_type: "codegen",
    known_as: "CodeGen",
    load: |config, weights| load(config, weights, in_groups),
    is_buffer: |name| name.ends_with(".attn.causal_mask"),
    ..GPTJ
};

fn load(
    config: &Config,
    weights: &Weights,
    projections: impl Fn(&Shape, &Names) -> Result<Projections>,
) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let context = config.required_count("max_position_embeddings")?;
    let rotary = rotary(config, &shape)?;
    let names = Names::below(weights, &["", "transformer."], "h");
    let norm = NormStyle::layer(config.epsilon("layer_norm_epsilon")?.unwrap_or(1e-5));
    let activation = Activation::from_config(config, "activation_function", "gelu_new")?;
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(false);
    let (hidden, inner) = (shape.hidden, shape.inner);
    let table = [&names.of("wte.weight"), "lm_head.weight"];
    let [tokens, head] = tables(weights, table, [shape.vocabulary, hidden], tied)?;

    let block = |layer: usize| -> Result<Block> {
        let names = names.at(format!("h.{layer}"));
        let projections = projections(&shape, &names.at("attn"))?;
        let output = names.linear("attn.out_proj", [hidden, hidden], false)?;
        let attention = Attention {
            rotary: Some(rotary.clone()),
            ..Attention::new([shape.heads; 2], shape.head_dim, projections, output)
        };
        let mlp = Mlp {
            gate: None,
            up: names.linear("mlp.fc_in", [hidden, inner], true)?,
            activation,
            down: names.linear("mlp.fc_out", [inner, hidden], true)?,
        };
        Ok(Block {
            attention_norm: Some(norm.read(&names, "ln_1", hidden)?),
            residual: Residual::Shared,
            ..Block::bare(attention, mlp)
        })
    };
    Ok(Decoder {
        hidden,
        vocabulary: shape.vocabulary,
        context: Some(context),
        embedding: Embedding::new(tokens),
        blocks: (0..shape.layers).map(block).collect::<Result<_>>()?,
        unembed: Unembed {
            bias: Some(weights.vector("lm_head.bias", shape.vocabulary)?),
            ..Unembed::new(norm.read(&names, "ln_f", hidden)?, head)
        },
    })
}

/// The first `rotary_dim` components of a head are turned, always with theta 10000.
fn rotary(config: &Config, shape: &Shape) -> Result<Rotary> {
    let dims = config.required_count("rotary_dim")?;
    if dims > shape.head_dim || !dims.is_multiple_of(2) {
        return Err(Error::failed(
            format!(
                "rotary_dim = {dims} is no even part of a head's {} components.",
                shape.head_dim
            ),
            "Check the model's config.json against the original.",
        ));
    }
    Ok(Rotary {
        pairs: Pairs::Neighbours,
        ..Rotary::new(dims, Frequencies::Fixed(Frequencies::plain(10_000., dims)))
    })
}

fn separate(shape: &Shape, names: &Names) -> Result<Projections> {
    let linear = |name: &str| names.linear(name, [shape.hidden; 2], false);
    Ok(Projections::Separate {
        q: linear("q_proj")?,
        k: linear("k_proj")?,
        v: linear("v_proj")?,
    })
}

/// Four groups, as for four accelerators, each of a quarter of the queries, the values and the keys.
fn in_groups(shape: &Shape, names: &Names) -> Result<Projections> {
    const GROUPS: usize = 4;
    let qkv = names.linear("qkv_proj", [shape.hidden, 3 * shape.hidden], false)?;
    if !shape.heads.is_multiple_of(GROUPS) {
        return Err(Error::failed(
            format!(
                "{} heads do not make four groups, in which CodeGen stores them.",
                shape.heads
            ),
            "Check n_head in config.json.",
        ));
    }
    let of_group = shape.heads / GROUPS;
    let heads = |part: usize| {
        let at = |head: usize| head / of_group * 3 * of_group + part * of_group + head % of_group;
        (0..shape.heads).map(at).collect()
    };
    let order = Order {
        q: heads(0),
        v: heads(1),
        k: heads(2),
    };
    Ok(Projections::Fused { qkv, order })
}
