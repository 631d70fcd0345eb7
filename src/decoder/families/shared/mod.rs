//! What several families have in common.

mod gpt_like;
mod layers;
mod llama_like;
mod names;
mod rope;
mod shape;

pub use gpt_like::GptLike;
pub use layers::{is_sliding, window};
pub use llama_like::{
    LlamaLike, attention, attention_named, gated, gated_as_one, post_norm, pre_norm, shared_norm, ungated,
};
pub use names::{Names, NormStyle};
pub use rope::{Kind, Rope, RopeOf};
pub use shape::Shape;
