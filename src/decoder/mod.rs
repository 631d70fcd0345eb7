//! A decoder-only transformer, described as data and run by one implementation.
//!
//! A family (see `families/`) reads its `config.json`, names its tensors and says which parts a
//! block is made of; [`Decoder::forward`] runs whatever was described. Throughout, the residual
//! stream is `[tokens, hidden]` in float32, the tokens of all prompts of a batch one after another.

pub mod config;
mod families;
mod forward;
mod parts;

use crate::weights::Matrix;

pub use config::Config;
pub use families::{Modules, Supported, load, modules, supported};
pub use forward::{Batch, Hook, Past, Point, Site};
pub use parts::{
    Activation, Alibi, AlibiForm, Attention, Frequencies, HeadNorm, Linear, Mlp, Norm, NormKind, Order, Over,
    Pairs, Projections, Rotary, Unembed, Xielu, on_slices,
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

/// From token ids to the residual stream before block 0, in the order of the fields.
#[derive(Debug)]
pub struct Embedding {
    /// `[vocabulary, width]`.
    pub tokens: Matrix,
    /// What a token's row is multiplied by.
    pub scale: f64,
    /// To the width of the stream, of an embedding that is narrower.
    pub project: Option<Linear>,
    pub positions: Option<Positions>,
    pub norm: Option<Norm>,
}

/// Learned positions, added to the tokens' rows.
#[derive(Debug)]
pub struct Positions {
    /// `[offset + context, hidden]`.
    pub table: Matrix,
    /// The row of the first position.
    pub offset: u32,
}

impl Embedding {
    /// Whether its table is on this machine.
    pub fn is_at_hand(&self) -> bool {
        let positions = self.positions.iter().map(|positions| &positions.table);
        let mut tables = positions.chain([&self.tokens]);
        tables.all(|table| table.view().absent_name().is_none())
    }

    /// Rows of a table and nothing else.
    pub fn new(tokens: Matrix) -> Self {
        Self {
            tokens,
            scale: 1.,
            project: None,
            positions: None,
            norm: None,
        }
    }
}

/// One block: attention and MLP, each reading the residual stream and adding to it.
#[derive(Debug)]
pub struct Block {
    /// Of what attention reads.
    pub attention_norm: Option<Norm>,
    pub attention: Attention,
    /// Of what attention gives, before it is added to the stream; with
    /// [`Residual::NormedSums`] of the sum.
    pub attention_post_norm: Option<Norm>,
    /// Of what the MLP reads.
    pub mlp_norm: Option<Norm>,
    pub mlp: Mlp,
    /// As `attention_post_norm`.
    pub mlp_post_norm: Option<Norm>,
    /// What both branches are multiplied by before they are added to the stream.
    pub branch_scale: f64,
    pub residual: Residual,
}

/// How attention, MLP and stream are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residual {
    /// The MLP reads the stream with the attention's output added (GPT-2, Llama).
    Sequential,
    /// The MLP reads the stream before the attention, side by side with it, by a norm of its own
    /// (GPT-NeoX).
    Parallel,
    /// The same, but both read one norm of the stream: the attention's (GPT-J, Phi).
    Shared,
    /// Sequential, each sum of stream and branch normed: the original transformer (OPT-350m).
    NormedSums,
}

impl Residual {
    /// Whether the MLP reads what attention reads, and not what comes of it.
    pub fn is_parallel(self) -> bool {
        matches!(self, Self::Parallel | Self::Shared)
    }
}

impl Block {
    /// A norm, attention, a norm, an MLP: the block of GPT-2 and Llama.
    pub fn new(attention_norm: Norm, attention: Attention, mlp_norm: Norm, mlp: Mlp) -> Self {
        Self {
            attention_norm: Some(attention_norm),
            mlp_norm: Some(mlp_norm),
            ..Self::bare(attention, mlp)
        }
    }

    /// Attention and an MLP without norms.
    pub fn bare(attention: Attention, mlp: Mlp) -> Self {
        Self {
            attention_norm: None,
            attention,
            attention_post_norm: None,
            mlp_norm: None,
            mlp,
            mlp_post_norm: None,
            branch_scale: 1.,
            residual: Residual::Sequential,
        }
    }
}
