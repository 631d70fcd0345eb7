//! What is asked of readings: statistics, comparisons, means, assertions, and whether they are right.

pub mod assertions;
pub mod compare;
pub mod compare_many;
pub mod divergence;
pub mod evaluation;
pub mod statistics;
pub mod summary;
pub mod verify;
