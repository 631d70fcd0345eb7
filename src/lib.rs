//! A logit lens for language models: what a model would say at every layer.
//!
//! ```
//! use logit_lens::{lens::Request, model::Model};
//!
//! # fn main() -> logit_lens::error::Result<()> {
//! let model = Model::open("demo")?; // or a hub id, or a directory
//! let read = model.lens("The Eiffel Tower is in the city of", &Request::default())?;
//! for row in read.layers() {
//!     let top = row.readings[0].top1();
//!     println!("{:>2}  {:<12} {:.3}", row.site, model.tokens.label(top.id), top.prob);
//! }
//! assert_eq!(model.tokens.text(read.output[0].top1().id), " Paris");
//! # Ok(())
//! # }
//! ```
//!
//! The house, in the order that data takes. A module knows what stands above it here, and nothing
//! of what stands below.
//!
//! - [`error`]: what went wrong, and what to do about it.
//! - [`source`]: a name on the command line → the model's files (a directory, the hub's cache).
//! - [`memory`]: how much there is.
//! - [`limits`]: how much of it, and of time, another's file may take.
//! - [`progress`]: how far a run is.
//! - [`simd`]: one code for every instruction set.
//! - [`weights`]: the files → checked tensors, views of what is mapped.
//! - [`kernels`]: products, attention and elementary functions on slices, on the CPU.
//! - [`decoder`]: config and tensors → a decoder as data, and the forward pass with its hook.
//! - [`readout`]: rows of the residual stream → readings (final norm, unembedding, top-k, sums).
//! - [`tokens`]: text ↔ ids, and tokens made visible.
//! - [`targets`]: tokens to follow, as written → their ids.
//! - [`device`]: where the arithmetic runs.
//! - [`model`]: decoder, tokenizer and device together, with the model's card.
//! - [`prompt`]: text → the tokens that a model is given.
//! - [`prompts`]: prompts as given, and as a file has them.
//! - [`chat`]: a conversation → text, by the model's own template.
//! - [`select`]: which layers, points and positions.
//! - [`statistics`]: the statistics of a reading, by name.
//! - [`lens`]: prompts → trajectories of readings.
//! - [`generate`]: a prompt continued greedily.
//! - [`compare`]: two trajectories side by side.
//! - [`summary`]: many trajectories → means for each layer.
//! - [`verify`]: the output computed a second way.
//! - [`report`]: trajectories → tables, JSON, CSV, Markdown.

pub mod chat;
pub mod compare;
pub mod decoder;
pub mod device;
pub mod error;
pub mod generate;
pub mod kernels;
pub mod lens;
pub mod limits;
pub mod memory;
pub mod model;
pub mod progress;
pub mod prompt;
pub mod prompts;
pub mod readout;
pub mod report;
pub mod select;
pub mod simd;
pub mod source;
pub mod statistics;
pub mod summary;
pub mod targets;
pub mod tokens;
pub mod verify;
pub mod weights;
