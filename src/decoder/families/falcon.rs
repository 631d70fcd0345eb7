//! Falcon (Almazrouei et al. 2023), as `transformers`' modeling_falcon.py stores and runs it.

use super::shared::{Names, NormStyle, RopeOf, Shape};
use super::{Family, Modules, tables};
use crate::decoder::{
    Activation, Alibi, AlibiForm, Attention, Block, Config, Decoder, Embedding, Mlp, Order, Projections,
    Residual, Unembed,
};
use crate::error::{Error, Result};
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "falcon",
    known_as: "Falcon 7B, 40B, 180B, Falcon-RW, Falcon2 11B",
    spells: &[("ffn_hidden_size", "intermediate_size")],
    supports: &[
        "alibi",
        "multi_query",
        "new_decoder_architecture",
        "parallel_attn",
        "num_ln_in_parallel_attn",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load,
    modules: Some(Modules {
        branches: Some(["self_attention", "mlp"]),
        ..Modules::GPT2
    }),
    ..Family::NEW
};

/// The norms of a block, and what they are norms of.
#[derive(Clone, Copy, PartialEq)]
enum Norms {
    /// One that attention and MLP share (7B, 11B).
    Shared,
    /// One each, side by side (40B).
    Parallel,
    /// One each, the MLP after the attention (RW).
    Sequential,
}

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let config = &config.overridden("hidden_size", config, "n_embed");
    let (norms, kv_heads) = kind(config)?;
    let shape = Shape {
        kv_heads,
        ..Shape::read(config)?
    };
    config.divide(("num_attention_heads", shape.heads), ("num_kv_heads", kv_heads))?;
    let rope = match config.flag("alibi")?.unwrap_or(false) {
        true => None,
        false => Some(RopeOf::new(config, shape.head_dim)?.read()?),
    };
    let names = Names::below(weights, &["", "transformer."], "h");
    let norm = NormStyle::layer(config.epsilon("layer_norm_epsilon")?.unwrap_or(1e-5));
    let activation = Activation::from_config(config, "activation", "gelu")?;
    let biased = config.flag("bias")?.unwrap_or(false);
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(true);
    let (hidden, inner) = (shape.hidden, shape.inner);
    let table = [&names.of("word_embeddings.weight"), "lm_head.weight"];
    let [tokens, head] = tables(weights, table, [shape.vocabulary, hidden], tied)?;

    let block = |layer: usize| -> Result<Block> {
        let names = names.at(format!("h.{layer}"));
        let width = shape.queries() + 2 * shape.keys();
        let projections = Projections::Fused {
            qkv: names.linear("self_attention.query_key_value", [hidden, width], biased)?,
            order: Order::grouped(shape.heads, kv_heads),
        };
        let output = names.linear("self_attention.dense", [hidden; 2], biased)?;
        let attention = Attention {
            alibi: rope.is_none().then(|| Alibi {
                slopes: Alibi::slopes(shape.heads),
                form: AlibiForm::Rounded,
            }),
            rotary: rope.as_ref().map(|rope| rope.rotary.clone()),
            ..Attention::new([shape.heads, kv_heads], shape.head_dim, projections, output)
        };
        let mlp = Mlp {
            gate: None,
            up: names.linear("mlp.dense_h_to_4h", [hidden, inner], biased)?,
            activation,
            down: names.linear("mlp.dense_4h_to_h", [inner, hidden], biased)?,
        };
        let norm = |name: &str| norm.read(&names, name, hidden).map(Some);
        let (first, second, residual) = match norms {
            Norms::Shared => (norm("input_layernorm")?, None, Residual::Shared),
            Norms::Parallel => (norm("ln_attn")?, norm("ln_mlp")?, Residual::Parallel),
            Norms::Sequential => (
                norm("input_layernorm")?,
                norm("post_attention_layernorm")?,
                Residual::Sequential,
            ),
        };
        Ok(Block {
            attention_norm: first,
            mlp_norm: second,
            residual,
            ..Block::bare(attention, mlp)
        })
    };
    Ok(Decoder {
        hidden,
        vocabulary: shape.vocabulary,
        context: rope.as_ref().and_then(|rope| rope.context),
        embedding: Embedding::new(tokens),
        blocks: (0..shape.layers).map(block).collect::<Result<_>>()?,
        unembed: Unembed::new(norm.read(&names, "ln_f", hidden)?, head),
    })
}

/// How a block is put together, and how many heads of keys and values there are.
fn kind(config: &Config) -> Result<(Norms, usize)> {
    let flag = |key: &str, default| Ok::<bool, Error>(config.flag(key)?.unwrap_or(default));
    let heads = config.required_count("num_attention_heads")?;
    let parallel = flag("parallel_attn", true)?;
    if flag("new_decoder_architecture", false)? {
        let norms = config.count("num_ln_in_parallel_attn")?.unwrap_or(2);
        let kv_heads = config.count("num_kv_heads")?.unwrap_or(heads);
        return match (parallel, norms) {
            (true, 1) => Ok((Norms::Shared, kv_heads)),
            (true, 2) => Ok((Norms::Parallel, kv_heads)),
            (true, n) => Err(config.unsupported("num_ln_in_parallel_attn", &n.to_string(), "1 and 2")),
            (false, _) => Err(config.unsupported("parallel_attn", "false", "true in the new architecture")),
        };
    }
    if let Some(n) = config
        .count("num_ln_in_parallel_attn")?
        .filter(|_| parallel)
        .filter(|&n| n != 1)
    {
        let supported = "1 in the old architecture";
        return Err(config.unsupported("num_ln_in_parallel_attn", &n.to_string(), supported));
    }
    let norms = if parallel {
        Norms::Shared
    } else {
        Norms::Sequential
    };
    // The old architecture has one head for all queries or one for each, whatever num_kv_heads says.
    let kv_heads = if flag("multi_query", true)? { 1 } else { heads };
    Ok((norms, kv_heads))
}
