//! Which models, and where they come from.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::completions;

/// The options under "Model".
#[derive(Debug, Args)]
#[command(next_help_heading = "Model")]
#[group(skip)]
pub struct ModelOptions {
    /// demo (bundled; the default), a hub id (gpt2), a directory, or a GGUF file
    ///
    /// A hub id may have an owner (meta-llama/Llama-3.2-1B) and, of a repository with GGUF files, a type
    /// (unsloth/Qwen3-4B-GGUF:Q4_K_M); a .safetensors file stands for its directory. Given twice, the two
    /// models are compared: on one prompt, or with --summary on many.
    #[arg(
        short,
        long = "model",
        value_name = "MODEL",
        add = ArgValueCompleter::new(completions::models)
    )]
    pub models: Vec<String>,

    /// Branch, tag or commit hash of a hub model
    #[arg(long, value_name = "REVISION")]
    pub revision: Option<String>,

    /// Do not use the network, only the cache
    #[arg(long, conflicts_with = "update")]
    pub offline: bool,

    /// Check the hub for a newer revision of a cached model
    #[arg(long)]
    pub update: bool,
}
