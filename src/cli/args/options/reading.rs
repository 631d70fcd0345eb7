//! What is read of the prompts, and what is made of many.

use std::path::PathBuf;

use clap::Args;
use logit_lens::analysis::statistics::Statistics;
use logit_lens::lens::{Layers, Points, Positions};
use logit_lens::readout::lenses::LensChoices;
use logit_lens::text::targets::TargetSpec;

use crate::cli::args::choices::{TargetsChoice, TrailingSpaceChoice, positive};
use crate::cli::args::help::STATISTICS_HELP;

/// The options under "Readings".
#[derive(Debug, Args)]
#[command(next_help_heading = "Readings")]
#[group(skip)]
pub struct ReadingOptions {
    /// Map rows before the final norm: logit (not at all), tuned or jacobian; several are compared
    ///
    /// tuned (h + W h + b) and jacobian (J h) find what is published for a model of the hub. tuned=DIR is a directory
    /// that tuned-lens saved (config.json, params.pt), jacobian=FILE a .pt or .safetensors file, or a directory with
    /// one; either may be a path in a repository of the hub, owner/name[@revision]/path.
    #[arg(long = "lens", value_name = "LENSES", default_value = "logit")]
    pub lenses: LensChoices,

    /// Number of top tokens to show
    ///
    /// [default: 5; a grid of positions shows one]
    #[arg(short = 'k', long, value_name = "K", value_parser = positive)]
    pub top_k: Option<usize>,

    /// Layers to show: 0,4,8-11, 24:, -6:, every:4, embed, all
    ///
    /// 8-11 includes 11, 8:12 excludes 12; 24: and 24- run to the last, -6: are the last six; every:4 keeps
    /// the last.
    #[arg(
        long,
        value_name = "LAYERS",
        default_value = "all",
        allow_hyphen_values = true
    )]
    pub layers: Layers,

    /// Positions to read: 3, 2:7, -3:, all [default: last]
    ///
    /// Written as --layers are: 2-6 includes 6, 2:7 excludes 7; negative ones count from the end.
    #[arg(long, value_name = "POSITIONS", allow_hyphen_values = true)]
    pub positions: Option<Positions>,

    /// Points in each block to read: some of embed,attn_out,resid_mid,mlp_out,resid_post [default:
    /// resid_post, and embed with all layers]
    #[arg(long = "point", value_name = "POINTS")]
    pub points: Option<Points>,

    /// Track a token through all rows: " Paris"; may be repeated
    ///
    /// An id (id:6342) is a token too, and a named group adds up the probabilities of its tokens
    /// (city=" Paris| Rome"). A text of several tokens is read after the prompt, token by token.
    #[arg(long, value_name = "TOKEN")]
    pub track: Vec<TargetSpec>,

    /// Also show logit(--track) − logit(TOKEN)
    #[arg(long, value_name = "TOKEN", requires = "track")]
    pub against: Option<TargetSpec>,

    /// Statistics to show: all, or some of entropy,forward_kl,… (see --help)
    #[arg(long, value_name = "NAMES", long_help = STATISTICS_HELP)]
    pub stats: Option<Statistics>,

    /// Average over prompts, layer by layer
    ///
    /// Per-layer means with standard errors, top-1 and top-k accuracy. Of two models, how far apart they are.
    #[arg(long)]
    pub summary: bool,

    /// Of a target that is several tokens, follow the first only
    ///
    /// Without it the prompt is continued by the target, each of its tokens read at the position before it; the
    /// sum of their log-probabilities is the target's.
    #[arg(long, conflicts_with = "variants")]
    pub first_token: bool,

    /// Follow a target's spellings together: with and without a space, in small letters and capitals
    ///
    /// Those that are single tokens make a group, whose members are listed.
    #[arg(long)]
    pub variants: bool,

    /// What to do about a target of --prompts that the model does not have: skip it (reported and
    /// counted), or stop with an error; first-token is --first-token
    #[arg(
        long,
        value_name = "ACTION",
        value_enum,
        default_value = "skip",
        hide_possible_values = true
    )]
    pub targets: TargetsChoice,

    /// Evaluate: at which layer are the targets of FILE's items among the top k?
    ///
    /// JSON Lines with `prompt`, `targets` (or `intermediates`), and if wanted `controls` and `position`: pass@1, 5,
    /// 10 and 100 at each layer and by the least rank over the layers, with bootstrap intervals. Targets of several
    /// tokens are left out and counted, unless --first-token or --variants is given.
    #[arg(
        long = "eval",
        value_name = "FILE",
        conflicts_with_all = ["given", "ids", "prompts"]
    )]
    pub evaluated: Option<PathBuf>,

    /// What --eval does about a prompt that ends in a space: strip it, or keep it as a token
    #[arg(
        long,
        value_name = "ACTION",
        value_enum,
        default_value = "strip",
        hide_possible_values = true,
        requires = "evaluated"
    )]
    pub trailing_space: TrailingSpaceChoice,

    /// Compare two prompts, aligned from the end
    #[arg(long)]
    pub compare: bool,
}
