//! A decoder-only transformer, described as data and run by one implementation.
//!
//! A family (see `families/`) reads its `config.json`, names its tensors and says which parts a
//! block is made of; [`Decoder::forward`] runs whatever was described. Throughout, the residual
//! stream is `[tokens, hidden]` in float32, the tokens of all prompts of a batch one after another.

mod config;
mod families;
mod forward;
mod parts;

use crate::weights::Matrix;

use config::check_settings;

pub use config::Config;
pub use families::{load, supported};
pub use forward::{Batch, Hook, Point, Site};
pub use parts::{
    Activation, Attention, Frequencies, Linear, Mlp, Norm, NormKind, Projections, Rotary, on_slices, product,
    product_by_tensors,
};

/// A decoder-only transformer over mapped weights.
#[derive(Debug)]
pub struct Decoder {
    /// Width of the residual stream.
    pub hidden: usize,
    /// Rows of the unembedding: ids from 0 to `vocabulary - 1`.
    pub vocabulary: usize,
    /// The longest prompt in tokens; `None` where any length will do.
    pub context: Option<usize>,
    pub embedding: Embedding,
    pub blocks: Vec<Block>,
    pub unembed: Unembed,
}

/// From token ids to the residual stream before block 0.
#[derive(Debug)]
pub struct Embedding {
    /// `[vocabulary, hidden]`.
    pub tokens: Matrix,
    /// `[context, hidden]`, added to the tokens' rows, where positions are learned.
    pub positions: Option<Matrix>,
}

/// One block: attention and MLP, each reading a norm of the residual stream and adding to it.
#[derive(Debug)]
pub struct Block {
    pub attention_norm: Norm,
    pub attention: Attention,
    pub mlp_norm: Norm,
    pub mlp: Mlp,
    pub residual: Residual,
}

/// What the MLP of a block reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residual {
    /// The stream with the attention's output added (GPT-2, Llama).
    Sequential,
    /// The stream before the attention, side by side with it (GPT-NeoX, Phi).
    Parallel,
}

/// From a row of the residual stream to logits: the final norm, then the unembedding.
///
/// The name and the idea are tuned-lens's `Unembed`.
#[derive(Debug)]
pub struct Unembed {
    pub norm: Norm,
    /// `[vocabulary, hidden]`; the embedding itself where the two are tied.
    pub head: Matrix,
}
