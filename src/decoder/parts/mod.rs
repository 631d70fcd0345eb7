//! The parts that blocks are made of.

mod attention;
mod linear;
mod mlp;
mod norm;
mod rotary;

pub use attention::{Attention, Projections};
pub use linear::{Linear, add, on_slices, product, product_by_tensors};
pub use mlp::{Activation, Mlp};
pub use norm::{Norm, NormKind};
pub use rotary::{Frequencies, Rotary};
