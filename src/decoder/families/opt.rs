//! OPT (Zhang et al. 2022), as `transformers`' modeling_opt.py stores and runs it.

use super::shared::{Names, NormStyle, Shape};
use super::{Family, Modules, tables};
use crate::decoder::{
    Activation, Attention, Block, Config, Decoder, Embedding, Linear, Mlp, Positions, Projections, Residual,
    Unembed,
};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "opt",
    known_as: "OPT, Galactica",
    spells: &[("ffn_dim", "intermediate_size")],
    defaults: r#"{"max_position_embeddings": 2048, "tie_word_embeddings": true}"#,
    supports: &[
        "do_layer_norm_before",
        "_remove_final_layer_norm",
        "layer_norm_elementwise_affine",
        "word_embed_proj_dim",
    ],
    load,
    modules: Some(Modules {
        blocks: "model.decoder.layers",
        norm: "model.decoder.final_layer_norm",
        branches: None,
        ..Modules::LLAMA
    }),
    ..Family::NEW
};

/// The table of positions begins with rows that no token has.
const OFFSET: usize = 2;

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let context = config.required_count("max_position_embeddings")?;
    let prefixes = ["", "decoder.", "model.decoder."];
    let names = Names::below(weights, &prefixes, "layers");
    let norm = match config.flag("layer_norm_elementwise_affine")?.unwrap_or(true) {
        true => NormStyle::layer(1e-5),
        false => NormStyle::layer(1e-5).bare(),
    };
    let activation = Activation::from_config(config, "activation_function", "relu")?;
    let biased = config.flag("enable_bias")?.unwrap_or(true);
    let before = config.flag("do_layer_norm_before")?.unwrap_or(true);
    let last_norm = before && !config.flag("_remove_final_layer_norm")?.unwrap_or(false);
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(true);
    let (hidden, inner) = (shape.hidden, shape.inner);
    let width = config.count("word_embed_proj_dim")?.unwrap_or(hidden);
    let project = |name: &str, shape| -> Result<Option<Linear>> {
        (width != hidden)
            .then(|| names.linear(name, shape, false))
            .transpose()
    };
    let table = [&names.of("embed_tokens.weight"), "lm_head.weight"];
    let [tokens, head] = tables(weights, table, [shape.vocabulary, width], tied)?;

    let block = |layer: usize| -> Result<Block> {
        let names = names.at(format!("layers.{layer}"));
        let part = |name: &str| names.linear(&format!("self_attn.{name}"), [hidden; 2], biased);
        let projections = Projections::Separate {
            q: part("q_proj")?,
            k: part("k_proj")?,
            v: part("v_proj")?,
        };
        let attention = Attention::new([shape.heads; 2], shape.head_dim, projections, part("out_proj")?);
        let mlp = Mlp {
            gate: None,
            up: names.linear("fc1", [hidden, inner], biased)?,
            activation,
            down: names.linear("fc2", [inner, hidden], biased)?,
        };
        let first = norm.read(&names, "self_attn_layer_norm", hidden)?;
        let second = norm.read(&names, "final_layer_norm", hidden)?;
        Ok(match before {
            true => Block::new(first, attention, second, mlp),
            false => Block {
                attention_post_norm: Some(first),
                mlp_post_norm: Some(second),
                residual: Residual::NormedSums,
                ..Block::bare(attention, mlp)
            },
        })
    };
    Ok(Decoder {
        hidden,
        vocabulary: shape.vocabulary,
        context: Some(context),
        embedding: Embedding {
            project: project("project_in", [width, hidden])?,
            positions: Some(Positions {
                table: names.matrix("embed_positions.weight", [context + OFFSET, hidden])?,
                offset: OFFSET as u32,
            }),
            ..Embedding::new(tokens)
        },
        blocks: (0..shape.layers).map(block).collect::<Result<_>>()?,
        unembed: Unembed {
            norm: last_norm
                .then(|| norm.read(&names, "final_layer_norm", hidden))
                .transpose()?,
            project: project("project_out", [hidden, width])?,
            ..Unembed::bare(head)
        },
    })
}
