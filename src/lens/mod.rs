//! The logit lens: what is asked of prompts, and what comes of it.

mod ranges;
mod request;
mod select;
mod trajectory;

pub use request::{Follow, Request};
pub use select::{Layers, Points, Positions};
pub use trajectory::{Continuation, Row, SuddenChange, TargetValue, Track, Trajectory};
