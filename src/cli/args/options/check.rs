//! What has to hold of the readings.

use std::path::PathBuf;

use clap::Args;
use logit_lens::report::json::Tolerance;

use crate::cli::args::choices::AssertFormatChoice;
use crate::cli::args::help::ASSERT_HELP;

/// The options under "Checks".
#[derive(Debug, Args)]
#[command(next_help_heading = "Checks")]
#[group(skip)]
pub struct CheckOptions {
    /// Require something of the readings: 'rank(" Paris") <= 3'; may be repeated
    #[arg(
        long = "assert",
        value_name = "EXPRESSION",
        allow_hyphen_values = true,
        long_help = ASSERT_HELP
    )]
    pub asserted: Vec<String>,

    /// Hold the readings against FILE, the JSON of an earlier run, and say what moved most
    ///
    /// Of the top tokens, targets, entropies and KLs at the layers and positions of both; exit code 3 past the
    /// tolerance.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,

    /// How far readings may move from --baseline [default: prob=1e-4,kl=1e-3,entropy=1e-3]
    #[arg(long, value_name = "NAME=VALUE,…", requires = "baseline")]
    pub tolerance: Option<Tolerance>,

    /// How --assert says what does not hold: text, github (annotations), junit (a document of all)
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "text",
        hide_possible_values = true,
        requires = "asserted"
    )]
    pub assert_format: AssertFormatChoice,
}
