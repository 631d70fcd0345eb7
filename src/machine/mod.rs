//! The machine that a run is on: what it has, and what a run may take of it.

pub mod device;
pub mod limits;
pub mod memory;
pub mod progress;
pub mod simd;
pub mod transfer;
