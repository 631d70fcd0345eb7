//! Text on its way to a model, and tokens on their way back.

pub mod chat;
pub mod prompt;
pub mod prompts;
pub mod special;
pub mod targets;
pub mod tokens;
pub mod visible;
