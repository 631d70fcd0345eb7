//! The fused readout against the plain formulas in float64, on inputs that nobody chose.

mod case;
mod following;
mod formulas;
mod runs;
#[path = "../support/mod.rs"]
mod support;
