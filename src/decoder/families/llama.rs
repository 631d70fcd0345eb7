//! Llama (Touvron et al. 2023) and what is built like it, as `transformers`' modeling_llama.py
//! stores and runs it.

use serde_json::json;

use super::{Family, prefix, tables};
use crate::decoder::{
    Activation, Attention, Block, Config, Decoder, Embedding, Frequencies, Linear, Mlp, Norm, NormKind,
    Projections, Residual, Rotary, Unembed,
};
use crate::error::{Error, Result};
use crate::weights::{Layout, Weights};

pub const FAMILY: Family = Family {
    model_type: "llama",
    aliases: &[],
    supports: &["rope_theta", "rope_scaling", "rope_parameters"],
    load,
    is_buffer: |name| name.ends_with("rotary_emb.inv_freq"),
};

struct Shape {
    hidden: usize,
    inner: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    eps: f64,
    activation: Activation,
    attention_bias: bool,
    mlp_bias: bool,
    rotary: Rotary,
    context: Option<usize>,
}

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    // LlamaModel is saved without the prefix, LlamaForCausalLM with it.
    let prefix = prefix(weights, "layers.0.input_layernorm.weight", "model.");
    let shape = shape(config, weights, prefix)?;
    let vocabulary = config.required_count("vocab_size")?;
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(false);
    let names = [&format!("{prefix}embed_tokens.weight"), "lm_head.weight"];
    let [tokens, head] = tables(weights, names, [vocabulary, shape.hidden], tied)?;
    Ok(Decoder {
        hidden: shape.hidden,
        vocabulary,
        context: shape.context,
        embedding: Embedding {
            tokens,
            positions: None,
        },
        blocks: (0..config.required_count("num_hidden_layers")?)
            .map(|i| block(&shape, weights, &format!("{prefix}layers.{i}")))
            .collect::<Result<_>>()?,
        unembed: Unembed {
            norm: norm(&shape, weights, &format!("{prefix}norm"))?,
            head,
        },
    })
}

fn shape(config: &Config, weights: &Weights, prefix: &str) -> Result<Shape> {
    let hidden = config.required_count("hidden_size")?;
    let heads = config.required_count("num_attention_heads")?;
    let kv_heads = config.count("num_key_value_heads")?.unwrap_or(heads);
    config.divide(("num_attention_heads", heads), ("num_key_value_heads", kv_heads))?;
    let head_dim = match config.count("head_dim")? {
        Some(given) => given,
        None => config.divide(("hidden_size", hidden), ("num_attention_heads", heads))?,
    };
    if !head_dim.is_multiple_of(2) {
        return Err(Error::failed(
            format!("The heads have {head_dim} components, and rotary positions need an even number."),
            "Check head_dim and num_attention_heads in config.json.",
        ));
    }
    // A head's width means memory from here on, so it is held against the weights first.
    let queries = format!("{prefix}layers.0.self_attn.q_proj.weight");
    weights.matrix(&queries, [heads * head_dim, hidden], Layout::OutIn)?;
    let trained = config.count("max_position_embeddings")?.unwrap_or(2048);
    let rotary = rotary(config, head_dim, trained)?;
    Ok(Shape {
        hidden,
        inner: config.required_count("intermediate_size")?,
        heads,
        kv_heads,
        head_dim,
        eps: config.epsilon("rms_norm_eps")?.unwrap_or(1e-6),
        activation: Activation::from_config(config, "hidden_act", "silu")?,
        attention_bias: config.flag("attention_bias")?.unwrap_or(false),
        mlp_bias: config.flag("mlp_bias")?.unwrap_or(false),
        context: context(trained, &rotary.frequencies),
        rotary,
    })
}

/// Rope as older configs write it (`rope_theta`, `rope_scaling`) and as newer ones do
/// (`rope_parameters`), with `transformers`' precedence: a `rope_scaling` that is there replaces
/// `rope_parameters`, and `rope_theta` inside either replaces the one outside.
///
/// `trained` is the length that the model was trained with.
fn rotary(config: &Config, dims: usize, trained: usize) -> Result<Rotary> {
    let rope = match config.object("rope_scaling")? {
        Some(rope) => Some(rope),
        None => config.object("rope_parameters")?,
    };
    let outer_theta = config.number("rope_theta")?.unwrap_or(10_000.);
    let Some(rope) = rope else {
        let frequencies = Frequencies::Fixed(Frequencies::plain(outer_theta, dims));
        return Ok(Rotary { dims, frequencies });
    };
    rope.only("partial_rotary_factor", &json!(1))?;
    let theta = rope.number("rope_theta")?.unwrap_or(outer_theta);
    let kind = match rope.text("rope_type")? {
        Some(kind) => kind,
        None => rope.text("type")?.unwrap_or("default".to_string()),
    };
    let plain = Frequencies::plain(theta, dims);
    let frequencies = match kind.as_str() {
        "default" => Frequencies::Fixed(plain),
        "linear" => {
            let factor = rope.required_number("factor")?;
            Frequencies::Linear { plain, factor }
        }
        "dynamic" => Frequencies::Dynamic {
            theta,
            factor: rope.required_number("factor")?,
            context: trained,
        },
        "llama3" => {
            let key = "original_max_position_embeddings";
            let original = config.count(key)?.or(rope.count(key)?).unwrap_or(trained);
            let factor = rope.required_number("factor")?;
            let low = rope.required_number("low_freq_factor")?;
            let high = rope.required_number("high_freq_factor")?;
            Frequencies::Fixed(Frequencies::llama3(plain, factor, low, high, original as f64))
        }
        other => return Err(rope.unsupported("rope_type", other, "default, linear, dynamic and llama3")),
    };
    Ok(Rotary { dims, frequencies })
}

/// The longest prompt: the trained length, which linear scaling stretches by its factor; dynamic scaling follows a prompt of any length.
fn context(trained: usize, frequencies: &Frequencies) -> Option<usize> {
    match frequencies {
        Frequencies::Fixed(_) => Some(trained),
        Frequencies::Linear { factor, .. } => Some((trained as f64 * factor) as usize),
        Frequencies::Dynamic { .. } => None,
    }
}

fn block(shape: &Shape, weights: &Weights, name: &str) -> Result<Block> {
    let (hidden, inner) = (shape.hidden, shape.inner);
    let (queries, keys) = (shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim);
    let attention = |part: &str, inputs, outputs| {
        linear(
            weights,
            &format!("{name}.self_attn.{part}"),
            inputs,
            outputs,
            shape.attention_bias,
        )
    };
    let mlp = |part: &str, inputs, outputs| {
        linear(
            weights,
            &format!("{name}.mlp.{part}"),
            inputs,
            outputs,
            shape.mlp_bias,
        )
    };
    Ok(Block {
        attention_norm: norm(shape, weights, &format!("{name}.input_layernorm"))?,
        attention: Attention {
            projections: Projections::Separate {
                q: attention("q_proj", hidden, queries)?,
                k: attention("k_proj", hidden, keys)?,
                v: attention("v_proj", hidden, keys)?,
            },
            output: attention("o_proj", queries, hidden)?,
            heads: shape.heads,
            kv_heads: shape.kv_heads,
            head_dim: shape.head_dim,
            scale: 1. / (shape.head_dim as f64).sqrt(),
            rotary: Some(shape.rotary.clone()),
        },
        mlp_norm: norm(shape, weights, &format!("{name}.post_attention_layernorm"))?,
        mlp: Mlp {
            gate: Some(mlp("gate_proj", hidden, inner)?),
            up: mlp("up_proj", hidden, inner)?,
            activation: shape.activation,
            down: mlp("down_proj", inner, hidden)?,
        },
        residual: Residual::Sequential,
    })
}

fn norm(shape: &Shape, weights: &Weights, name: &str) -> Result<Norm> {
    Ok(Norm {
        kind: NormKind::Rms,
        weight: weights.vector(&format!("{name}.weight"), shape.hidden)?,
        bias: None,
        eps: shape.eps,
    })
}

fn linear(weights: &Weights, name: &str, inputs: usize, outputs: usize, biased: bool) -> Result<Linear> {
    Ok(Linear {
        weight: weights.matrix(&format!("{name}.weight"), [outputs, inputs], Layout::OutIn)?,
        bias: biased
            .then(|| weights.vector(&format!("{name}.bias"), outputs))
            .transpose()?,
    })
}
