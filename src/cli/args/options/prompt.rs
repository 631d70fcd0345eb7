//! What the prompts are, and how they become tokens.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::choices::{BosChoice, positive, token_id};

/// The options under "Prompts".
#[derive(Debug, Args)]
#[command(next_help_heading = "Prompts")]
#[group(skip)]
pub struct PromptOptions {
    /// Read prompts from FILE (- for stdin), one per line or JSON Lines
    ///
    /// A JSON line is an object with `prompt` and optionally `targets` and `id`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["given", "ids"])]
    pub prompts: Option<PathBuf>,

    /// Token ids instead of text: 464,412,733
    #[arg(
        long,
        value_name = "IDS",
        value_delimiter = ',',
        conflicts_with = "given",
        value_parser = token_id
    )]
    pub ids: Vec<u32>,

    /// Start prompts with the BOS token: auto (as the tokenizer does), always, never
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_possible_values = true
    )]
    pub bos: BosChoice,

    /// Wrap each prompt in the model's chat template, ending where the assistant's reply starts
    #[arg(long, conflicts_with_all = ["ids", "bos"])]
    pub chat: bool,

    /// System message for --chat
    #[arg(long, value_name = "TEXT", requires = "chat")]
    pub system: Option<String>,

    /// Generate N tokens greedily, then read prompt and continuation
    ///
    /// With --format jsonl, a document as soon as each token is there.
    #[arg(
        long,
        value_name = "N",
        value_parser = positive,
        alias = "max-new-tokens"
    )]
    pub generate: Option<usize>,

    /// Print the tokenization and exit
    #[arg(long)]
    pub tokens: bool,
}
