//! What decoders compute, against what others compute of the same checkpoints.

mod candle;
mod continued;
mod descriptions;
#[cfg(any(feature = "cuda", feature = "metal"))]
mod device;
mod fp8;
mod gguf;
mod lenses;
mod numbers;
#[path = "../support/mod.rs"]
mod support;
mod variants;
