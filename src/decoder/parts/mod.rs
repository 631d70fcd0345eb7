//! The parts that blocks are made of.

mod alibi;
mod attention;
mod linear;
mod mlp;
mod norm;
mod past;
mod projections;
mod rotary;
mod unembed;

pub use alibi::{Alibi, AlibiForm};
pub use attention::Attention;
pub use linear::{Linear, add, on_slices};
pub use mlp::{Activation, Mlp, Xielu};
pub use norm::{HeadNorm, Norm, NormKind, Over};
pub use past::{KeysValues, Tokens};
pub use projections::{Order, Projections};
pub use rotary::{Frequencies, Pairs, Rotary};
pub use unembed::Unembed;
