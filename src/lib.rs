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
//! - [`machine`]: memory, limits, threads' instructions, devices and the way to them, progress.
//! - [`source`]: a name on the command line → the model's files (a directory, the hub's cache).
//! - [`weights`]: the files → checked tensors, views of what is mapped.
//! - [`kernels`]: products, attention and elementary functions on slices, on the CPU; products by tensors.
//! - [`decoder`]: config and tensors → a decoder as data, and the forward pass with its hook.
//! - [`readout`]: rows of the residual stream → readings (final norm, unembedding, top-k, sums).
//! - [`text`]: text ↔ tokens, prompts, chat templates, targets.
//! - [`model`]: decoder, tokenizer and device together, with the model's card.
//! - [`lens`]: what is asked (layers, points, positions, targets), and trajectories of readings.
//! - [`engine`]: prompts and a request → trajectories, on this machine or by a server.
//! - [`analysis`]: statistics, comparisons, summaries, verification.
//! - [`report`]: trajectories → tables, JSON, CSV, Markdown, pictures.
//! - [`run`]: a run as data: models, prompts, what is asked, where results go.
//! - `explore`: the terminal explorer (the feature `explore`, on by default).

pub mod analysis;
pub mod decoder;
pub mod engine;
pub mod error;
#[cfg(feature = "explore")]
pub mod explore;
pub mod kernels;
pub mod lens;
pub mod machine;
pub mod model;
pub mod readout;
pub mod report;
pub mod run;
pub mod source;
pub mod text;
pub mod weights;
