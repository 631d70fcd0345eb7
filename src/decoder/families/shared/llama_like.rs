//! Llama's names and arrangement, which most families keep.

use super::{Names, NormStyle, Rope, Shape};
use crate::decoder::families::tables;
use crate::decoder::{
    Activation, Attention, Block, Config, Decoder, Embedding, Linear, Mlp, Projections, Residual, Unembed,
};
use crate::error::Result;
use crate::weights::Weights;

/// A checkpoint with Llama's names around its blocks: `embed_tokens`, `layers.N`, `norm`, `lm_head`.
pub struct LlamaLike<'a> {
    config: &'a Config,
    weights: &'a Weights,
    shape: &'a Shape,
    norm: NormStyle,
    context: Option<usize>,
}

impl<'a> LlamaLike<'a> {
    /// A checkpoint of that shape; its last norm is like `norm`, its prompts are as long as `rope` allows.
    pub fn new(
        config: &'a Config,
        weights: &'a Weights,
        shape: &'a Shape,
        norm: NormStyle,
        rope: &Rope,
    ) -> Self {
        Self {
            config,
            weights,
            shape,
            norm,
            context: rope.context,
        }
    }

    /// The decoder, its blocks made by `block` of their number and their tensors.
    ///
    /// # Errors
    /// Those of `block`, and a tensor missing or misshapen.
    pub fn decoder(&self, block: impl Fn(usize, &Names) -> Result<Block>) -> Result<Decoder> {
        let prefixes = ["", "model.language_model.", "language_model.model.", "model."];
        let names = Names::below(self.weights, &prefixes, "layers");
        // A part of an older multimodal checkpoint has its head below its own name too.
        let head = ["language_model.lm_head.weight", "lm_head.weight"];
        let head = head.into_iter().find(|name| self.weights.contains(name));
        let tables = tables(
            self.weights,
            [&names.of("embed_tokens.weight"), head.unwrap_or("lm_head.weight")],
            [self.shape.vocabulary, self.shape.hidden],
            self.config.flag("tie_word_embeddings")?.unwrap_or(false),
        );
        let [tokens, head] = tables?;
        let blocks = 0..self.shape.layers;
        Ok(Decoder {
            hidden: self.shape.hidden,
            vocabulary: self.shape.vocabulary,
            context: self.context,
            embedding: Embedding::new(tokens),
            blocks: blocks
                .map(|layer| block(layer, &names.at(format!("layers.{layer}"))))
                .collect::<Result<_>>()?,
            unembed: Unembed::new(self.norm.read(&names, "norm", self.shape.hidden)?, head),
        })
    }
}

/// `self_attn` with projections of its own for queries, keys and values, biased or not, and its
/// output.
pub fn attention(shape: &Shape, names: &Names, biased: bool, output_biased: bool) -> Result<Attention> {
    attention_named(shape, &names.at("self_attn"), "o_proj", biased, output_biased)
}

/// The same with `names` those of its own tensors, and another name for the output.
pub fn attention_named(
    shape: &Shape,
    names: &Names,
    output: &str,
    biased: bool,
    output_biased: bool,
) -> Result<Attention> {
    let linear = |part: &str, outputs| names.linear(part, [shape.hidden, outputs], biased);
    let projections = Projections::Separate {
        q: linear("q_proj", shape.queries())?,
        k: linear("k_proj", shape.keys())?,
        v: linear("v_proj", shape.keys())?,
    };
    let output = names.linear(output, [shape.queries(), shape.hidden], output_biased)?;
    Ok(Attention::new(
        [shape.heads, shape.kv_heads],
        shape.head_dim,
        projections,
        output,
    ))
}

/// `mlp` with a gate.
pub fn gated(shape: &Shape, names: &Names, activation: Activation, biased: bool) -> Result<Mlp> {
    let names = names.at("mlp");
    let (hidden, inner) = (shape.hidden, shape.inner);
    Ok(Mlp {
        gate: Some(names.linear("gate_proj", [hidden, inner], biased)?),
        up: names.linear("up_proj", [hidden, inner], biased)?,
        activation,
        down: names.linear("down_proj", [inner, hidden], biased)?,
    })
}

/// `mlp` with its gate and its input in one tensor, the gate first.
pub fn gated_as_one(shape: &Shape, names: &Names, activation: Activation) -> Result<Mlp> {
    let names = names.at("mlp");
    let (hidden, inner) = (shape.hidden, shape.inner);
    let part = |range| -> Result<Linear> { names.part("gate_up_proj", [hidden, 2 * inner], range) };
    Ok(Mlp {
        gate: Some(part(0..inner)?),
        up: part(inner..2 * inner)?,
        activation,
        down: names.linear("down_proj", [inner, hidden], false)?,
    })
}

/// `mlp` without a gate, its two matrices by these names.
pub fn ungated(
    shape: &Shape,
    names: &Names,
    [up, down]: [&str; 2],
    activation: Activation,
    biased: bool,
) -> Result<Mlp> {
    let names = names.at("mlp");
    Ok(Mlp {
        gate: None,
        up: names.linear(up, [shape.hidden, shape.inner], biased)?,
        activation,
        down: names.linear(down, [shape.inner, shape.hidden], biased)?,
    })
}

/// A block whose attention and MLP read one norm of the stream.
pub fn shared_norm(
    shape: &Shape,
    names: &Names,
    norm: NormStyle,
    attention: Attention,
    mlp: Mlp,
) -> Result<Block> {
    Ok(Block {
        attention_norm: Some(norm.read(names, "input_layernorm", shape.hidden)?),
        residual: Residual::Shared,
        ..Block::bare(attention, mlp)
    })
}

/// A block whose branches read the stream itself, and whose outputs are normed (OLMo 2).
pub fn post_norm(
    shape: &Shape,
    names: &Names,
    norm: NormStyle,
    attention: Attention,
    mlp: Mlp,
) -> Result<Block> {
    Ok(Block {
        attention_post_norm: Some(norm.read(names, "post_attention_layernorm", shape.hidden)?),
        mlp_post_norm: Some(norm.read(names, "post_feedforward_layernorm", shape.hidden)?),
        ..Block::bare(attention, mlp)
    })
}

/// A block of Llama's: each branch reads a norm of the stream.
pub fn pre_norm(
    shape: &Shape,
    names: &Names,
    norm: NormStyle,
    attention: Attention,
    mlp: Mlp,
) -> Result<Block> {
    Ok(Block::new(
        norm.read(names, "input_layernorm", shape.hidden)?,
        attention,
        norm.read(names, "post_attention_layernorm", shape.hidden)?,
        mlp,
    ))
}
