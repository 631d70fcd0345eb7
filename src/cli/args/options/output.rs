//! Where results go, in which format, and how they look.

use std::path::PathBuf;

use clap::{Args, ColorChoice};
use logit_lens::report::ColorBy;

use crate::cli::args::choices::OrderChoice;
use crate::cli::args::format;

/// The options under "Output".
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
#[group(skip)]
pub struct OutputOptions {
    /// Explore a prompt's readings on the terminal, with keys
    ///
    /// The heatmap with a cursor, the top tokens of its cell, and the lines of pinned tokens; ? lists the keys. Two
    /// prompts or two models stand beside each other; --prompts is a list to go through.
    #[arg(long, conflicts_with_all = ["format", "json", "heatmap", "plot"])]
    pub explore: bool,

    /// Explore the prompts of an earlier run, from its JSON
    ///
    /// What lens … -o run.json wrote, of a CI run that failed for one; read by the model that it names, or by --model.
    #[arg(
        long,
        value_name = "FILE",
        requires = "explore",
        conflicts_with_all = ["given", "ids", "prompts"]
    )]
    pub load: Option<PathBuf>,

    /// Draw layers × positions in colours
    ///
    /// In the terminal, coloured by probability; reads all positions unless --positions is given, as pages
    /// do.
    #[arg(long, conflicts_with_all = ["format", "json"])]
    pub heatmap: bool,

    /// Draw probabilities across layers
    ///
    /// Those of --track, or of every token that is top-1 at some layer; with --summary of two models, how far apart these
    /// are.
    #[arg(long, conflicts_with_all = ["format", "json", "heatmap"])]
    pub plot: bool,

    /// What the heatmap colours show: prob (of the top token), target, rank (of --track, or of the
    /// output's token), or a statistic
    #[arg(long, value_name = "WHAT", default_value = "prob")]
    pub color_by: ColorBy,

    /// Draw layer 0 at the bottom (up) or at the top (down)
    #[arg(long, value_name = "ORDER", value_enum, default_value = "up")]
    pub order: OrderChoice,

    /// Show full tables for each of many prompts, instead of a line
    #[arg(long = "each")]
    pub each_prompt: bool,

    /// Show all rows of deep models; without it a terminal folds rows whose top-1 is no word
    #[arg(long)]
    pub all_rows: bool,

    /// Hide top tokens that are no words (the row's top-1 is kept); probabilities stay the same
    #[arg(long)]
    pub words: bool,

    /// Title of a picture or page [default: the model and the prompt]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Output format [default: by the ending of --output, else table]
    #[arg(long, value_name = "FORMAT", value_parser = format::names())]
    pub format: Option<String>,

    /// Same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    /// Write smaller JSON: top tokens and probabilities, in 6 significant digits
    ///
    /// Leaves out tracked tokens, log-probabilities and logits, and statistics unless --stats names them.
    #[arg(long)]
    pub lean: bool,

    /// Write to FILE, in the format of its ending (.json, .csv, .html, .png, …)
    ///
    /// Endings: .json, .jsonl, .csv, .md, .html, .svg, .png, .pdf, and .txt for a table. Written atomically;
    /// may be repeated.
    #[arg(short, long = "output", value_name = "FILE")]
    pub outputs: Vec<PathBuf>,

    /// Colours in the table: auto (on a terminal, unless NO_COLOR is set), always, never
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_possible_values = true
    )]
    pub color: ColorChoice,

    /// Print only errors on stderr
    #[arg(short, long)]
    pub quiet: bool,
}
