//! Phi-1, 1.5 and 2 (Gunasekar et al. 2023), as `transformers`' modeling_phi.py stores and runs
//! them.

use super::shared::{Names, NormStyle, RopeOf, Shape, attention_named, shared_norm, ungated};
use super::{Family, Modules, tables};
use crate::decoder::{Activation, Attention, Block, Config, Decoder, Embedding, Over, Unembed};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "phi",
    known_as: "Phi-1, Phi-1.5, Phi-2",
    supports: &[
        "qk_layernorm",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
        "partial_rotary_factor",
    ],
    load,
    modules: Some(Modules {
        norm: "model.final_layernorm",
        ..Modules::LLAMA
    }),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf {
        partial: Some(("partial_rotary_factor", 0.5)),
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let names = Names::below(weights, &["", "model."], "layers");
    let norm = NormStyle::layer(config.epsilon("layer_norm_eps")?.unwrap_or(1e-5));
    let activation = Activation::from_config(config, "hidden_act", "gelu_new")?;
    let normed_heads = config.flag("qk_layernorm")?.unwrap_or(false);
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(false);
    let table = [&names.of("embed_tokens.weight"), "lm_head.weight"];
    let [tokens, head] = tables(weights, table, [shape.vocabulary, shape.hidden], tied)?;

    let block = |layer: usize| -> Result<Block> {
        let names = names.at(format!("layers.{layer}"));
        let mut attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..attention_named(&shape, &names.at("self_attn"), "dense", true, true)?
        };
        if normed_heads {
            let heads = |name: &str| norm.heads(&names.at("self_attn"), name, &[shape.head_dim], Over::Head);
            attention.q_norm = Some(heads("q_layernorm")?);
            attention.k_norm = Some(heads("k_layernorm")?);
        }
        let mlp = ungated(&shape, &names, ["fc1", "fc2"], activation, true)?;
        shared_norm(&shape, &names, norm, attention, mlp)
    };
    Ok(Decoder {
        hidden: shape.hidden,
        vocabulary: shape.vocabulary,
        context: rope.context,
        embedding: Embedding::new(tokens),
        blocks: (0..shape.layers).map(block).collect::<Result<_>>()?,
        unembed: Unembed {
            bias: Some(weights.vector("lm_head.bias", shape.vocabulary)?),
            ..Unembed::new(norm.read(&names, "final_layernorm", shape.hidden)?, head)
        },
    })
}
