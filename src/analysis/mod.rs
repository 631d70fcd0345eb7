//! What is asked of readings: statistics, comparisons, means, and whether they are right.

pub mod compare;
pub mod statistics;
pub mod summary;
pub mod verify;
