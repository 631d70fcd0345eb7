//! GPT-2 (Radford et al. 2019), as `transformers`' modeling_gpt2.py stores and runs it.

use super::{Family, prefix, tables};
use crate::decoder::{
    Activation, Attention, Block, Config, Decoder, Embedding, Linear, Mlp, Norm, NormKind, Projections,
    Residual, Unembed,
};
use crate::error::Result;
use crate::weights::{Layout, Weights};

pub const FAMILY: Family = Family {
    model_type: "gpt2",
    aliases: &[
        ("hidden_size", "n_embd"),
        ("max_position_embeddings", "n_positions"),
        ("num_attention_heads", "n_head"),
        ("num_hidden_layers", "n_layer"),
    ],
    supports: &["scale_attn_weights", "scale_attn_by_inverse_layer_idx"],
    load,
    is_buffer: |name| name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias"),
};

struct Shape {
    hidden: usize,
    inner: usize,
    heads: usize,
    head_dim: usize,
    eps: f64,
    activation: Activation,
    scale_by_width: bool,
    scale_by_layer: bool,
}

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = shape(config)?;
    let vocabulary = config.required_count("vocab_size")?;
    let context = config.count("n_positions")?.unwrap_or(1024);
    // The hub's own repository stores the bare transformer, fine-tunes the whole model.
    let prefix = prefix(weights, "h.0.ln_1.weight", "transformer.");
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(true);
    let names = [&format!("{prefix}wte.weight"), "lm_head.weight"];
    let [tokens, head] = tables(weights, names, [vocabulary, shape.hidden], tied)?;
    Ok(Decoder {
        hidden: shape.hidden,
        vocabulary,
        context: Some(context),
        embedding: Embedding {
            tokens,
            positions: Some(weights.matrix(
                &format!("{prefix}wpe.weight"),
                [context, shape.hidden],
                Layout::OutIn,
            )?),
        },
        blocks: (0..config.required_count("n_layer")?)
            .map(|i| block(&shape, weights, &format!("{prefix}h.{i}"), i))
            .collect::<Result<_>>()?,
        unembed: Unembed {
            norm: norm(&shape, weights, &format!("{prefix}ln_f"))?,
            head,
        },
    })
}

fn shape(config: &Config) -> Result<Shape> {
    let hidden = config.required_count("n_embd")?;
    let heads = config.required_count("n_head")?;
    Ok(Shape {
        hidden,
        inner: config.count("n_inner")?.unwrap_or(4 * hidden),
        heads,
        head_dim: config.divide(("n_embd", hidden), ("n_head", heads))?,
        eps: config.epsilon("layer_norm_epsilon")?.unwrap_or(1e-5),
        activation: Activation::from_config(config, "activation_function", "gelu_new")?,
        scale_by_width: config.flag("scale_attn_weights")?.unwrap_or(true),
        scale_by_layer: config.flag("scale_attn_by_inverse_layer_idx")?.unwrap_or(false),
    })
}

fn block(shape: &Shape, weights: &Weights, name: &str, layer: usize) -> Result<Block> {
    let (hidden, inner) = (shape.hidden, shape.inner);
    let conv1d = |part: &str, inputs, outputs| conv1d(weights, &format!("{name}.{part}"), inputs, outputs);
    let mut scale = 1.;
    if shape.scale_by_width {
        scale /= (shape.head_dim as f64).sqrt();
    }
    if shape.scale_by_layer {
        scale /= (layer + 1) as f64;
    }
    Ok(Block {
        attention_norm: norm(shape, weights, &format!("{name}.ln_1"))?,
        attention: Attention {
            projections: Projections::Stacked(conv1d("attn.c_attn", hidden, 3 * hidden)?),
            output: conv1d("attn.c_proj", hidden, hidden)?,
            heads: shape.heads,
            kv_heads: shape.heads,
            head_dim: shape.head_dim,
            scale,
            rotary: None,
        },
        mlp_norm: norm(shape, weights, &format!("{name}.ln_2"))?,
        mlp: Mlp {
            gate: None,
            up: conv1d("mlp.c_fc", hidden, inner)?,
            activation: shape.activation,
            down: conv1d("mlp.c_proj", inner, hidden)?,
        },
        residual: Residual::Sequential,
    })
}

fn norm(shape: &Shape, weights: &Weights, name: &str) -> Result<Norm> {
    Ok(Norm {
        kind: NormKind::Layer,
        weight: weights.vector(&format!("{name}.weight"), shape.hidden)?,
        bias: Some(weights.vector(&format!("{name}.bias"), shape.hidden)?),
        eps: shape.eps,
    })
}

/// GPT-2's `Conv1D`: a linear layer whose weight lies `[in, out]`.
fn conv1d(weights: &Weights, name: &str, inputs: usize, outputs: usize) -> Result<Linear> {
    Ok(Linear {
        weight: weights.matrix(&format!("{name}.weight"), [inputs, outputs], Layout::InOut)?,
        bias: Some(weights.vector(&format!("{name}.bias"), outputs)?),
    })
}
