//! What is printed without a model.

use clap::{ArgAction, Args};
use clap_complete::Shell;

/// The options under "Other".
#[derive(Debug, Args)]
#[command(next_help_heading = "Other")]
#[group(skip)]
pub struct OtherOptions {
    /// Print help: -h the most used options, --help all of them
    #[arg(short, long, action = ArgAction::Help)]
    pub help: Option<bool>,

    /// Print the version and exit
    #[arg(short = 'V', long, action = ArgAction::Version)]
    pub version: Option<bool>,

    /// Print a completion script for SHELL and exit
    #[arg(long, value_name = "SHELL", value_enum, exclusive = true)]
    pub completions: Option<Shell>,

    /// List the model families that lens reads and exit
    #[arg(long)]
    pub families: bool,

    /// Print the JSON Schema of everything written as JSON and exit
    #[arg(long, exclusive = true)]
    pub schema: bool,

    /// Print the man page and exit
    #[arg(long, exclusive = true)]
    pub man: bool,
}
