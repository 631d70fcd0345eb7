//! The options.

mod format;
mod results;
mod run;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Effects, Styles};
use clap::{ColorChoice, Parser, ValueEnum};
use clap_complete::Shell;
use logit_lens::analysis::statistics::Statistics;
use logit_lens::error::{Error, Result};
use logit_lens::lens::{Layers, Points, Positions};
use logit_lens::machine::device::DeviceChoice;
use logit_lens::report::ColorBy;
use logit_lens::run::UnusableTargets;
use logit_lens::text::prompt::Bos;
use logit_lens::text::targets::TargetSpec;
use logit_lens::weights::DType;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Green.on_default().effects(Effects::DIMMED));

const AFTER_HELP: &str = "\
Layers: layer i is the output of block i, from 0 to the number of blocks - 1, and the last one is
the model's output. `embed` is the residual stream before block 0, a row of its own. (tuned-lens
and Hugging Face's hidden_states[i] count a block's input instead: theirs is one higher.) Each row
is read through the model's own final norm, computed on that row, and its unembedding.

Examples:
  lens \"The Eiffel Tower is in the city of\"                   the model in the box
  lens \"The Eiffel Tower is in the city of\" --model gpt2
  lens \"The capital of France is\" --positions all              a grid, layers × positions
  lens \"The capital of France is\" --track \" Paris\" --track \" Rome\" --stats entropy,forward_kl
  lens \"The capital of France is\" -m ./my-model -o lens.json -o lens.csv
  lens --compare \"The capital of France is\" \"The capital of Italy is\"
  lens --prompts facts.jsonl --summary -m gpt2
  lens \"The capital of France is\" --json | jq '.topk[-1][-1]'";

const STATISTICS_HELP: &str = "\
Statistics to show: all, none, or a comma-separated list [default: none in tables, all but js and tv elsewhere]

With l a row's logits, p = softmax(l), and q the softmax of the model's output at the same position:
  entropy        −Σ p log p                                      nats
  forward_kl     KL(q‖p) = Σ q (log q − log p)                   nats
  reverse_kl     KL(p‖q) = Σ p (log p − log q)                   nats
  js             ½ KL(p‖m) + ½ KL(q‖m), m = (p+q)/2              nats, at most ln 2
  tv             ½ Σ |p − q|                                     0 to 1
  cross_entropy  −log p(next token of the prompt)                nats; none at the last position
  agrees         whether the row's top-1 is the output's         yes/no
Always given, for each position: the layer at which the prediction settles (the first from which every layer's
top-1 is the output's), the first at which it leads, and the one at which forward KL falls most.";

/// See what a language model would say at every layer.
#[derive(Debug, Parser)]
#[command(name = "lens", version, styles = STYLES, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Args {
    /// The text to read; several are read one after another
    #[arg(value_name = "PROMPT")]
    pub given: Vec<String>,

    /// demo (in the box, the default), a hub id (gpt2, meta-llama/Llama-3.2-1B), a model's directory,
    /// or a .safetensors file in one; twice to compare two models
    #[arg(short, long = "model", value_name = "MODEL", help_heading = "Model")]
    models: Vec<String>,

    /// Branch, tag or commit hash of a hub model
    #[arg(long, value_name = "REVISION", help_heading = "Model")]
    pub revision: Option<String>,

    /// Never touch the network: use what is in the cache
    #[arg(long, help_heading = "Model", conflicts_with = "update")]
    pub offline: bool,

    /// Ask the hub for a newer version of a model that is in the cache
    #[arg(long, help_heading = "Model")]
    pub update: bool,

    /// Read prompts from FILE (- for stdin): one a line, or JSON Lines with `prompt` and, if wanted,
    /// `targets` and `id`
    #[arg(long, value_name = "FILE", help_heading = "Prompts", conflicts_with_all = ["given", "ids"])]
    pub prompts: Option<PathBuf>,

    /// Give token ids instead of a text: 464,412,733
    #[arg(
        long,
        value_name = "IDS",
        value_delimiter = ',',
        help_heading = "Prompts",
        conflicts_with = "given",
        value_parser = token_id
    )]
    pub ids: Vec<u32>,

    /// Whether a prompt begins with the model's BOS token: auto (as its tokenizer says), always, never
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        help_heading = "Prompts",
        hide_possible_values = true
    )]
    bos: BosChoice,

    /// Put each prompt into the model's own chat template, up to where its answer begins
    #[arg(long, help_heading = "Prompts", conflicts_with_all = ["ids", "bos"])]
    pub chat: bool,

    /// The system message of --chat
    #[arg(long, value_name = "TEXT", help_heading = "Prompts", requires = "chat")]
    pub system: Option<String>,

    /// Continue each prompt by N tokens, always the likeliest, and read the whole
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Prompts")]
    pub generate: Option<usize>,

    /// Only show how each prompt is cut into tokens
    #[arg(long, help_heading = "Prompts", conflicts_with_all = ["generate", "summary", "compare"])]
    pub tokens: bool,

    /// How many of the likeliest tokens to show [default: 5; a grid shows the likeliest alone unless
    /// this is given]
    #[arg(short = 'k', long, value_name = "K", help_heading = "Readings", value_parser = positive)]
    top_k: Option<usize>,

    /// Layers to show: 0,4,8-11, negatives from the end, every:N (keeps the last), embed, all
    #[arg(
        long,
        value_name = "LAYERS",
        default_value = "all",
        allow_hyphen_values = true,
        help_heading = "Readings"
    )]
    pub layers: Layers,

    /// Positions to read: -1 (the last), 3, 2:7 (up to but not including 7), negatives, all
    #[arg(
        long,
        value_name = "POSITIONS",
        allow_hyphen_values = true,
        help_heading = "Readings"
    )]
    positions: Option<Positions>,

    /// Where in each block to read: some of embed,attn_out,resid_mid,mlp_out,resid_post [default:
    /// resid_post, and embed with all layers]
    #[arg(long = "point", value_name = "POINTS", help_heading = "Readings")]
    pub points: Option<Points>,

    /// Follow a token through all rows: " Paris", id:6342, or a group whose probabilities add up,
    /// city=" Paris| Rome"; repeatable
    #[arg(long, value_name = "TOKEN", help_heading = "Readings")]
    pub track: Vec<TargetSpec>,

    /// Also show how far the logits of --track are above this token's
    #[arg(long, value_name = "TOKEN", help_heading = "Readings", requires = "track")]
    pub against: Option<TargetSpec>,

    /// Statistics to show: all, none, or some of entropy,forward_kl,reverse_kl,js,tv,cross_entropy,agrees
    /// (--help has their formulas)
    #[arg(long, value_name = "NAMES", help_heading = "Readings", long_help = STATISTICS_HELP)]
    stats: Option<Statistics>,

    /// Over all prompts: each layer's means with standard errors, the share that is right, pass@k
    #[arg(long, help_heading = "Readings", conflicts_with_all = ["compare", "stats", "against"])]
    pub summary: bool,

    /// What to do about a target of --prompts that is not one token: skip it (reported and counted),
    /// take its first-token, or stop with an error
    #[arg(
        long,
        value_name = "ACTION",
        value_enum,
        default_value = "skip",
        help_heading = "Readings",
        hide_possible_values = true
    )]
    targets: TargetsChoice,

    /// Compare two prompts, aligned from the end
    #[arg(long, help_heading = "Readings")]
    pub compare: bool,

    /// Draw layers × positions in the terminal, each token on a colour (reads all positions, as pages do,
    /// unless told otherwise)
    #[arg(long, help_heading = "Output", conflicts_with_all = ["format", "json"])]
    heatmap: bool,

    /// Draw the probability of --track, or of the tokens that lead somewhere, across layers
    #[arg(long, help_heading = "Output", conflicts_with_all = ["format", "json", "heatmap"])]
    plot: bool,

    /// What the heatmap's colours say: prob (of the top token), target, rank (of --track, or of the
    /// output's token), or a statistic
    #[arg(long, value_name = "WHAT", default_value = "prob", help_heading = "Output")]
    pub color_by: ColorBy,

    /// Layers of a picture from the bottom up, as papers have them, or down
    #[arg(
        long,
        value_name = "ORDER",
        value_enum,
        default_value = "up",
        help_heading = "Output"
    )]
    order: OrderChoice,

    /// Show full tables for each of many prompts, instead of a line
    #[arg(long = "each", help_heading = "Output")]
    each_prompt: bool,

    /// Show all rows of deep models; without it a terminal folds rows whose top-1 is no word
    #[arg(long, help_heading = "Output")]
    all_rows: bool,

    /// Hide top tokens that are no words (the row's top-1 is kept); probabilities stay the same
    #[arg(long, help_heading = "Output")]
    words: bool,

    /// Title of a picture or page [default: the model and the prompt]
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    title: Option<String>,

    /// How to write the readings [default: by the ending of --output, else table]
    #[arg(long, value_name = "FORMAT", value_parser = format::names(), help_heading = "Output")]
    format: Option<String>,

    /// Short for --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,

    /// Write to FILE instead of stdout, in the format of its ending (.json, .jsonl, .csv, .md, .html, .svg, .png, .pdf); it
    /// appears whole or not at all; repeatable
    #[arg(short, long = "output", value_name = "FILE", help_heading = "Output")]
    outputs: Vec<PathBuf>,

    /// Colours in the table: auto (on a terminal, unless NO_COLOR is set), always, never
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        help_heading = "Output",
        hide_possible_values = true
    )]
    color: ColorChoice,

    /// Say nothing on stderr but errors
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Where to compute: auto, cpu, cuda, cuda:N or metal
    #[arg(
        long,
        value_name = "DEVICE",
        default_value = "auto",
        help_heading = "Computation"
    )]
    pub device: DeviceChoice,

    /// Type to hold the weights in; auto: as in the file. A CPU always computes in float32
    #[arg(
        long,
        value_name = "DTYPE",
        value_enum,
        default_value = "auto",
        help_heading = "Computation"
    )]
    pub dtype: DTypeChoice,

    /// Number of threads, up to 1024 [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Computation")]
    pub threads: Option<usize>,

    /// Compute the output a second way and fail if the two differ
    #[arg(long, help_heading = "Computation")]
    pub verify: bool,

    /// Print a completion script for SHELL and exit
    #[arg(long, value_name = "SHELL", value_enum, exclusive = true)]
    pub completions: Option<Shell>,

    /// Print the JSON Schema of everything written as JSON and exit
    #[arg(long, exclusive = true)]
    pub schema: bool,

    /// Print the man page and exit
    #[arg(long, exclusive = true)]
    pub man: bool,
}

/// What `--order` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OrderChoice {
    Up,
    Down,
}

/// What `--targets` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TargetsChoice {
    Error,
    Skip,
    FirstToken,
}

impl From<TargetsChoice> for UnusableTargets {
    fn from(choice: TargetsChoice) -> Self {
        match choice {
            TargetsChoice::Error => Self::Error,
            TargetsChoice::Skip => Self::Skip,
            TargetsChoice::FirstToken => Self::FirstToken,
        }
    }
}

/// What `--bos` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BosChoice {
    Auto,
    Always,
    Never,
}

/// The types that `--dtype` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DTypeChoice {
    Auto,
    F32,
    Bf16,
    F16,
}

impl DTypeChoice {
    /// The type asked for; `None` for the file's own.
    pub fn requested(self) -> Option<DType> {
        match self {
            Self::Auto => None,
            Self::F32 => Some(DType::F32),
            Self::Bf16 => Some(DType::Bf16),
            Self::F16 => Some(DType::F16),
        }
    }
}

impl Args {
    /// Whether there is nothing to read.
    fn has_no_prompt(&self) -> bool {
        self.given.is_empty() && self.prompts.is_none() && self.ids.is_empty()
    }

    /// The error for when there should be something.
    fn no_prompt() -> Error {
        Error::usage(
            "There is no prompt.",
            "Try: lens \"The Eiffel Tower is in the city of\"",
        )
    }

    /// The model, or the two to compare; none where none is named.
    fn models(&self) -> Result<Vec<String>> {
        match self.models.as_slice() {
            [] | [_] | [_, _] => Ok(self.models.clone()),
            more => Err(Error::usage(
                format!("There are {} models.", more.len()),
                "Give one, or two to compare.",
            )),
        }
    }

    /// Whether anything is asked for that needs a prompt.
    fn asks_for_readings(&self) -> bool {
        self.tokens || self.summary || self.compare || self.models.len() > 1 || !self.track.is_empty()
    }

    /// Refuses what a comparison has no place for.
    ///
    /// # Errors
    /// The first such option.
    fn check_comparison(&self) -> Result<()> {
        let without = [
            ("--summary", self.summary),
            ("--tokens", self.tokens),
            ("--stats", self.stats.is_some()),
            ("--against", self.against.is_some()),
            ("--verify", self.verify),
            ("--heatmap", self.heatmap),
            ("--plot", self.plot),
        ];
        match without.iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Error::usage(
                format!("{option} has no place in a comparison."),
                "Leave it out, or read the prompts one by one.",
            )),
            None => Ok(()),
        }
    }

    /// Whether a model was named.
    fn names_a_model(&self) -> bool {
        !self.models.is_empty()
    }

    /// Whether several positions are shown as a table each rather than as a grid.
    fn each(&self) -> bool {
        self.top_k.is_some_and(|k| k > 1)
    }

    /// What becomes of a BOS token.
    fn bos(&self) -> Bos {
        match self.bos {
            BosChoice::Auto => Bos::Auto,
            BosChoice::Always => Bos::Always,
            BosChoice::Never => Bos::Never,
        }
    }
}

fn token_id(text: &str) -> std::result::Result<u32, String> {
    text.trim()
        .parse()
        .map_err(|_| "it should be a token id, a whole number".to_string())
}

/// More threads than this no machine has a use for, and a pool of them may not even begin.
const MOST_THREADS: usize = 1024;

fn threads(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=MOST_THREADS) => Ok(n),
        _ => Err(format!("it should be a whole number from 1 to {MOST_THREADS}")),
    }
}

fn positive(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("it should be a whole number from 1 on".to_string()),
        Ok(n) => Ok(n),
    }
}
