//! Text on its way to a model: tokens and chat templates, as `transformers` has them.

mod chat;
#[path = "../support/gguf.rs"]
mod files;
mod tokens;
