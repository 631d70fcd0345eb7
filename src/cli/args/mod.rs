//! The options.

mod assertions;
mod choices;
mod format;
mod help;
mod results;
mod rules;
mod run;

use std::path::PathBuf;

#[cfg(feature = "explore")]
use clap::parser::ValueSource;
use clap::{ArgAction, ColorChoice, Command, CommandFactory, FromArgMatches, Parser};
use clap_complete::Shell;
use clap_complete::engine::ArgValueCompleter;
use logit_lens::analysis::assertions::Assertion;
use logit_lens::analysis::statistics::Statistics;
use logit_lens::engine::Remote;
use logit_lens::error::{Error, Result};
use logit_lens::lens::{Layers, Points, Positions};
use logit_lens::machine::device::DeviceChoice;
use logit_lens::readout::lenses::LensChoices;
use logit_lens::report::ColorBy;
use logit_lens::report::json::Tolerance;
use logit_lens::text::targets::TargetSpec;

use super::stdin;
use choices::{
    AssertFormatChoice, BosChoice, DTypeChoice, OrderChoice, ServerParser, TargetsChoice,
    TrailingSpaceChoice, VerifyChoice, positive, seconds, threads, token_id,
};
use help::{AFTER_HELP, AFTER_SHORT_HELP, ASSERT_HELP, MOST_USED, STATISTICS_HELP, STYLES};
use rules::Given;

/// See what a language model would say at every layer.
#[derive(Debug, Parser)]
#[command(
    name = "lens",
    version,
    styles = STYLES,
    after_help = AFTER_SHORT_HELP,
    after_long_help = AFTER_HELP,
    max_term_width = 100,
    disable_help_flag = true,
    disable_version_flag = true
)]
pub struct Args {
    /// Text to read; several are read one after another, - reads stdin
    #[arg(value_name = "PROMPT")]
    pub given: Vec<String>,

    /// demo (bundled; the default), a hub id (gpt2), a directory, or a GGUF file
    ///
    /// A hub id may have an owner (meta-llama/Llama-3.2-1B) and, of a repository with GGUF files, a type
    /// (unsloth/Qwen3-4B-GGUF:Q4_K_M); a .safetensors file stands for its directory. Given twice, the two
    /// models are compared: on one prompt, or with --summary on many.
    #[arg(
        short,
        long = "model",
        value_name = "MODEL",
        help_heading = "Model",
        add = ArgValueCompleter::new(super::completions::models)
    )]
    models: Vec<String>,

    /// Branch, tag or commit hash of a hub model
    #[arg(long, value_name = "REVISION", help_heading = "Model")]
    pub revision: Option<String>,

    /// Do not use the network, only the cache
    #[arg(long, help_heading = "Model", conflicts_with = "update")]
    pub offline: bool,

    /// Check the hub for a newer revision of a cached model
    #[arg(long, help_heading = "Model")]
    pub update: bool,

    /// Read prompts from FILE (- for stdin), one per line or JSON Lines
    ///
    /// A JSON line is an object with `prompt` and optionally `targets` and `id`.
    #[arg(long, value_name = "FILE", help_heading = "Prompts", conflicts_with_all = ["given", "ids"])]
    pub prompts: Option<PathBuf>,

    /// Token ids instead of text: 464,412,733
    #[arg(
        long,
        value_name = "IDS",
        value_delimiter = ',',
        help_heading = "Prompts",
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
        help_heading = "Prompts",
        hide_possible_values = true
    )]
    bos: BosChoice,

    /// Wrap each prompt in the model's chat template, ending where the assistant's reply starts
    #[arg(long, help_heading = "Prompts", conflicts_with_all = ["ids", "bos"])]
    pub chat: bool,

    /// System message for --chat
    #[arg(long, value_name = "TEXT", help_heading = "Prompts", requires = "chat")]
    pub system: Option<String>,

    /// Generate N tokens greedily, then read prompt and continuation
    ///
    /// With --format jsonl, a document as soon as each token is there.
    #[arg(
        long,
        value_name = "N",
        value_parser = positive,
        help_heading = "Prompts",
        alias = "max-new-tokens"
    )]
    pub generate: Option<usize>,

    /// Print the tokenization and exit
    #[arg(long, help_heading = "Prompts")]
    pub tokens: bool,

    /// Map rows before the final norm: logit (not at all), tuned or jacobian; several are compared
    ///
    /// tuned (h + W h + b) and jacobian (J h) find what is published for a model of the hub. tuned=DIR is a directory
    /// that tuned-lens saved (config.json, params.pt), jacobian=FILE a .pt or .safetensors file, or a directory with
    /// one; either may be a path in a repository of the hub, owner/name[@revision]/path.
    #[arg(
        long = "lens",
        value_name = "LENSES",
        default_value = "logit",
        help_heading = "Readings"
    )]
    pub lenses: LensChoices,

    /// Number of top tokens to show
    ///
    /// [default: 5; a grid of positions shows one]
    #[arg(short = 'k', long, value_name = "K", help_heading = "Readings", value_parser = positive)]
    top_k: Option<usize>,

    /// Layers to show: 0,4,8-11, 24:, -6:, every:4, embed, all
    ///
    /// 8-11 includes 11, 8:12 excludes 12; 24: and 24- run to the last, -6: are the last six; every:4 keeps
    /// the last.
    #[arg(
        long,
        value_name = "LAYERS",
        default_value = "all",
        allow_hyphen_values = true,
        help_heading = "Readings"
    )]
    pub layers: Layers,

    /// Positions to read: 3, 2:7, -3:, all [default: last]
    ///
    /// Written as --layers are: 2-6 includes 6, 2:7 excludes 7; negative ones count from the end.
    #[arg(
        long,
        value_name = "POSITIONS",
        allow_hyphen_values = true,
        help_heading = "Readings"
    )]
    positions: Option<Positions>,

    /// Points in each block to read: some of embed,attn_out,resid_mid,mlp_out,resid_post [default:
    /// resid_post, and embed with all layers]
    #[arg(long = "point", value_name = "POINTS", help_heading = "Readings")]
    pub points: Option<Points>,

    /// Track a token through all rows: " Paris"; may be repeated
    ///
    /// An id (id:6342) is a token too, and a named group adds up the probabilities of its tokens
    /// (city=" Paris| Rome"). A text of several tokens is read after the prompt, token by token.
    #[arg(long, value_name = "TOKEN", help_heading = "Readings")]
    pub track: Vec<TargetSpec>,

    /// Also show logit(--track) − logit(TOKEN)
    #[arg(long, value_name = "TOKEN", help_heading = "Readings", requires = "track")]
    pub against: Option<TargetSpec>,

    /// Statistics to show: all, or some of entropy,forward_kl,… (see --help)
    #[arg(long, value_name = "NAMES", help_heading = "Readings", long_help = STATISTICS_HELP)]
    stats: Option<Statistics>,

    /// Average over prompts, layer by layer
    ///
    /// Per-layer means with standard errors, top-1 and top-k accuracy. Of two models, how far apart they are.
    #[arg(long, help_heading = "Readings")]
    pub summary: bool,

    /// Of a target that is several tokens, follow the first only
    ///
    /// Without it the prompt is continued by the target, each of its tokens read at the position before it; the
    /// sum of their log-probabilities is the target's.
    #[arg(long, help_heading = "Readings", conflicts_with = "variants")]
    first_token: bool,

    /// Follow a target's spellings together: with and without a space, in small letters and capitals
    ///
    /// Those that are single tokens make a group, whose members are listed.
    #[arg(long, help_heading = "Readings")]
    variants: bool,

    /// What to do about a target of --prompts that the model does not have: skip it (reported and
    /// counted), or stop with an error; first-token is --first-token
    #[arg(
        long,
        value_name = "ACTION",
        value_enum,
        default_value = "skip",
        help_heading = "Readings",
        hide_possible_values = true
    )]
    targets: TargetsChoice,

    /// Evaluate: at which layer are the targets of FILE's items among the top k?
    ///
    /// JSON Lines with `prompt`, `targets` (or `intermediates`), and if wanted `controls` and `position`: pass@1, 5,
    /// 10 and 100 at each layer and by the least rank over the layers, with bootstrap intervals. Targets of several
    /// tokens are left out and counted, unless --first-token or --variants is given.
    #[arg(
        long = "eval",
        value_name = "FILE",
        help_heading = "Readings",
        conflicts_with_all = ["given", "ids", "prompts"]
    )]
    evaluated: Option<PathBuf>,

    /// What --eval does about a prompt that ends in a space: strip it, or keep it as a token
    #[arg(
        long,
        value_name = "ACTION",
        value_enum,
        default_value = "strip",
        help_heading = "Readings",
        hide_possible_values = true,
        requires = "evaluated"
    )]
    trailing_space: TrailingSpaceChoice,

    /// Compare two prompts, aligned from the end
    #[arg(long, help_heading = "Readings")]
    pub compare: bool,

    /// Require something of the readings: 'rank(" Paris") <= 3'; may be repeated
    #[arg(
        long = "assert",
        value_name = "EXPRESSION",
        allow_hyphen_values = true,
        help_heading = "Checks",
        long_help = ASSERT_HELP
    )]
    asserted: Vec<String>,

    /// Hold the readings against FILE, the JSON of an earlier run, and say what moved most
    ///
    /// Of the top tokens, targets, entropies and KLs at the layers and positions of both; exit code 3 past the
    /// tolerance.
    #[arg(long, value_name = "FILE", help_heading = "Checks")]
    baseline: Option<PathBuf>,

    /// How far readings may move from --baseline [default: prob=1e-4,kl=1e-3,entropy=1e-3]
    #[arg(
        long,
        value_name = "NAME=VALUE,…",
        help_heading = "Checks",
        requires = "baseline"
    )]
    tolerance: Option<Tolerance>,

    /// How --assert says what does not hold: text, github (annotations), junit (a document of all)
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "text",
        help_heading = "Checks",
        hide_possible_values = true,
        requires = "asserted"
    )]
    assert_format: AssertFormatChoice,

    /// Explore a prompt's readings on the terminal, with keys
    ///
    /// The heatmap with a cursor, the top tokens of its cell, and the lines of pinned tokens; ? lists the keys. Two
    /// prompts or two models stand beside each other; --prompts is a list to go through.
    #[arg(long, help_heading = "Output", conflicts_with_all = ["format", "json", "heatmap", "plot"])]
    pub explore: bool,

    /// Explore the prompts of an earlier run, from its JSON
    ///
    /// What lens … -o run.json wrote, of a CI run that failed for one; read by the model that it names, or by --model.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Output",
        requires = "explore",
        conflicts_with_all = ["given", "ids", "prompts"]
    )]
    pub load: Option<PathBuf>,

    /// Draw layers × positions in colours
    ///
    /// In the terminal, coloured by probability; reads all positions unless --positions is given, as pages
    /// do.
    #[arg(long, help_heading = "Output", conflicts_with_all = ["format", "json"])]
    heatmap: bool,

    /// Draw probabilities across layers
    ///
    /// Those of --track, or of every token that is top-1 at some layer; with --summary of two models, how far apart these
    /// are.
    #[arg(long, help_heading = "Output", conflicts_with_all = ["format", "json", "heatmap"])]
    plot: bool,

    /// What the heatmap colours show: prob (of the top token), target, rank (of --track, or of the
    /// output's token), or a statistic
    #[arg(long, value_name = "WHAT", default_value = "prob", help_heading = "Output")]
    pub color_by: ColorBy,

    /// Draw layer 0 at the bottom (up) or at the top (down)
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

    /// Output format [default: by the ending of --output, else table]
    #[arg(long, value_name = "FORMAT", value_parser = format::names(), help_heading = "Output")]
    format: Option<String>,

    /// Same as --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,

    /// Write smaller JSON: top tokens and probabilities, in 6 significant digits
    ///
    /// Leaves out tracked tokens, log-probabilities and logits, and statistics unless --stats names them.
    #[arg(long, help_heading = "Output")]
    lean: bool,

    /// Write to FILE, in the format of its ending (.json, .csv, .html, .png, …)
    ///
    /// Endings: .json, .jsonl, .csv, .md, .html, .svg, .png, .pdf, and .txt for a table. Written atomically;
    /// may be repeated.
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

    /// Print only errors on stderr
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

    /// Load weights as this type; auto: as in the file. A CPU always computes in float32
    ///
    /// Of two models, one for each: --dtype f32,bf16.
    #[arg(
        long,
        value_name = "DTYPE",
        value_enum,
        default_value = "auto",
        value_delimiter = ',',
        help_heading = "Computation"
    )]
    pub dtype: Vec<DTypeChoice>,

    /// Number of threads, up to 1024 [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Computation")]
    pub threads: Option<usize>,

    /// Run the model on a server: vllm+http://host:8000, ndif, or ndif+https://host
    ///
    /// vLLM with the vllm-lens plugin runs the blocks, and final norm and unembedding are computed here (#NAME after
    /// the address names the served model, VLLM_API_KEY has the key). NDIF computes all (NDIF_HOST, NDIF_API_KEY).
    #[arg(long, value_name = "SERVER", value_parser = ServerParser, help_heading = "Computation")]
    remote: Option<Remote>,

    /// Longest wait for an answer of --remote, in seconds [default: 600]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds,
        help_heading = "Computation",
        requires = "remote"
    )]
    timeout: Option<u64>,

    /// Recompute the output with an independent float64 path; fail if they differ: of every prompt, or, on a
    /// GPU, of the first anyway; --verify=off leaves it out
    #[arg(
        long,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "every",
        help_heading = "Computation"
    )]
    pub verify: Option<VerifyChoice>,

    /// Print help: -h the most used options, --help all of them
    #[arg(short, long, action = ArgAction::Help, help_heading = "Other")]
    help: Option<bool>,

    /// Print the version and exit
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Other")]
    version: Option<bool>,

    /// Print a completion script for SHELL and exit
    #[arg(
        long,
        value_name = "SHELL",
        value_enum,
        exclusive = true,
        help_heading = "Other"
    )]
    pub completions: Option<Shell>,

    /// List the model families that lens reads and exit
    #[arg(long, help_heading = "Other")]
    pub families: bool,

    /// Print the JSON Schema of everything written as JSON and exit
    #[arg(long, exclusive = true, help_heading = "Other")]
    pub schema: bool,

    /// Print the man page and exit
    #[arg(long, exclusive = true, help_heading = "Other")]
    pub man: bool,

    /// What `--assert` says
    #[arg(skip)]
    assertions: Vec<Assertion>,

    /// Which options were given
    #[arg(skip)]
    options: Given,
}

impl Args {
    /// The command with its options.
    pub fn definition() -> Command {
        Self::command().mut_args(|arg| {
            let is_rare = !MOST_USED.contains(&arg.get_id().as_str());
            arg.hide_short_help(is_rare)
        })
    }

    /// Whether nothing was given at all.
    pub fn are_none(&self) -> bool {
        self.options.are_none()
    }

    /// Takes the prompt from stdin where `-` stands for it, or where there is none and a pipe has one.
    ///
    /// # Errors
    /// A stdin that has no text.
    pub fn read_stdin(&mut self) -> Result<()> {
        if self.families {
            return Ok(());
        }
        if self.has_no_prompt() {
            self.given.extend(stdin::piped()?);
        } else if let Some(given) = self.given.iter_mut().find(|given| *given == "-") {
            *given = stdin::prompt()?;
        }
        Ok(())
    }

    /// The options of this process's command line.
    ///
    /// # Errors
    /// Wrong usage, or the help or the version that is asked for.
    pub fn of_command_line() -> clap::error::Result<Self> {
        let mut command = Self::definition();
        let matches = command.try_get_matches_from_mut(std::env::args_os())?;
        let args = Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        Ok(Self {
            assertions: args.assertions(&mut command)?,
            options: Given::of(&matches),
            ..args
        })
    }

    /// The options of this process's command line that are among `fields`, as they were given.
    #[cfg(feature = "explore")]
    pub fn given_again(fields: &[&str]) -> Vec<String> {
        let mut command = Self::definition();
        let Ok(matches) = command.try_get_matches_from_mut(std::env::args_os()) else {
            return Vec::new();
        };
        let mut words = Vec::new();
        for arg in command.get_arguments() {
            let id = arg.get_id().as_str();
            let is_given = matches.value_source(id) == Some(ValueSource::CommandLine);
            let Some(long) = arg.get_long().filter(|_| is_given && fields.contains(&id)) else {
                continue;
            };
            match arg.get_action().takes_values() {
                true => {
                    for value in matches.get_raw(id).into_iter().flatten() {
                        words.extend([format!("--{long}"), value.to_string_lossy().into_owned()]);
                    }
                }
                false => words.push(format!("--{long}")),
            }
        }
        words
    }

    /// Whether there is nothing to read.
    fn has_no_prompt(&self) -> bool {
        self.given.is_empty()
            && self.prompts.is_none()
            && self.ids.is_empty()
            && self.evaluated.is_none()
            && self.load.is_none()
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

    /// Whether a model was named.
    fn names_a_model(&self) -> bool {
        !self.models.is_empty()
    }

    /// Whether several positions are shown as a table each rather than as a grid.
    fn each(&self) -> bool {
        self.top_k.is_some_and(|k| k > 1)
    }
}
