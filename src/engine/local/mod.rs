//! The decoder on this machine: prompts through its blocks, the chosen rows through the readout.

mod batches;
mod finite;
mod follow;
mod generate;
mod read;
