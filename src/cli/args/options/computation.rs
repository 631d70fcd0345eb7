//! Where the model runs, and in which precision.

use clap::Args;
use logit_lens::engine::Remote;
use logit_lens::machine::device::DeviceChoice;

use crate::cli::args::choices::{DTypeChoice, ServerParser, VerifyChoice, seconds, threads};

/// The options under "Computation".
#[derive(Debug, Args)]
#[command(next_help_heading = "Computation")]
#[group(skip)]
pub struct ComputationOptions {
    /// Where to compute: auto, cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceChoice,

    /// Load weights as this type; auto: as in the file. A CPU always computes in float32
    ///
    /// Of two models, one for each: --dtype f32,bf16.
    #[arg(
        long,
        value_name = "DTYPE",
        value_enum,
        default_value = "auto",
        value_delimiter = ','
    )]
    pub dtype: Vec<DTypeChoice>,

    /// Number of threads, up to 1024 [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// Run the model on a server: vllm+http://host:8000, ndif, or ndif+https://host
    ///
    /// vLLM with the vllm-lens plugin runs the blocks, and final norm and unembedding are computed here (#NAME after
    /// the address names the served model, VLLM_API_KEY has the key). NDIF computes all (NDIF_HOST, NDIF_API_KEY).
    #[arg(long, value_name = "SERVER", value_parser = ServerParser)]
    pub remote: Option<Remote>,

    /// Longest wait for an answer of --remote, in seconds [default: 600]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds,
        requires = "remote"
    )]
    pub timeout: Option<u64>,

    /// Recompute every prompt's output with an independent float64 path, and fail if they differ; on a GPU the first
    /// prompt's is held against the CPU's anyway, and --verify=off leaves that out
    ///
    /// With --explore, of the prompts that it begins with.
    #[arg(
        long,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "every"
    )]
    pub verify: Option<VerifyChoice>,
}
