//! What options take, where it is one of a few words or a number.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, ValueEnum};
use logit_lens::engine::Remote;
use logit_lens::report::Order;
use logit_lens::run::{AssertionFormat, TrailingSpace, UnusableTargets, Verify};
use logit_lens::text::prompt::Bos;
use logit_lens::weights::DType;

/// What `--order` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OrderChoice {
    Up,
    Down,
}

impl From<OrderChoice> for Order {
    fn from(choice: OrderChoice) -> Self {
        match choice {
            OrderChoice::Up => Self::Up,
            OrderChoice::Down => Self::Down,
        }
    }
}

/// What `--remote` takes. What is wrong is not shown where it may hold a password.
#[derive(Clone)]
pub struct ServerParser;

impl TypedValueParser for ServerParser {
    type Value = Remote;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> clap::error::Result<Remote> {
        let text = value.to_string_lossy();
        let parse = |text: &str| text.parse::<Remote>();
        if !text.contains(['@', '?']) {
            return parse.parse_ref(command, arg, value);
        }
        parse(&text).map_err(|what| {
            let words = format!("invalid value for '--remote <SERVER>': {what}");
            clap::Error::raw(ErrorKind::ValueValidation, words).with_cmd(command)
        })
    }
}

/// What `--targets` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetsChoice {
    Error,
    Skip,
    FirstToken,
}

impl TargetsChoice {
    /// Whether a target's first token is to stand for it.
    pub fn takes_first_token(self) -> bool {
        self == Self::FirstToken
    }
}

impl From<TargetsChoice> for UnusableTargets {
    fn from(choice: TargetsChoice) -> Self {
        match choice {
            TargetsChoice::Error => Self::Error,
            TargetsChoice::Skip | TargetsChoice::FirstToken => Self::Skip,
        }
    }
}

/// What `--verify` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerifyChoice {
    Every,
    Off,
}

impl From<VerifyChoice> for Verify {
    fn from(choice: VerifyChoice) -> Self {
        match choice {
            VerifyChoice::Every => Self::Every,
            VerifyChoice::Off => Self::Never,
        }
    }
}

/// What `--assert-format` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AssertFormatChoice {
    Text,
    Github,
    Junit,
}

impl From<AssertFormatChoice> for AssertionFormat {
    fn from(choice: AssertFormatChoice) -> Self {
        match choice {
            AssertFormatChoice::Text => Self::Text,
            AssertFormatChoice::Github => Self::Github,
            AssertFormatChoice::Junit => Self::Junit,
        }
    }
}

/// What `--trailing-space` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TrailingSpaceChoice {
    Strip,
    Keep,
}

impl From<TrailingSpaceChoice> for TrailingSpace {
    fn from(choice: TrailingSpaceChoice) -> Self {
        match choice {
            TrailingSpaceChoice::Strip => Self::Strip,
            TrailingSpaceChoice::Keep => Self::Keep,
        }
    }
}

/// What `--bos` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BosChoice {
    Auto,
    Always,
    Never,
}

impl From<BosChoice> for Bos {
    fn from(choice: BosChoice) -> Self {
        match choice {
            BosChoice::Auto => Self::Auto,
            BosChoice::Always => Self::Always,
            BosChoice::Never => Self::Never,
        }
    }
}

/// The types that `--dtype` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DTypeChoice {
    Auto,
    #[value(alias = "float32")]
    F32,
    #[value(alias = "bfloat16")]
    Bf16,
    #[value(alias = "float16")]
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

/// A token's id.
pub fn token_id(text: &str) -> std::result::Result<u32, String> {
    text.trim()
        .parse()
        .map_err(|_| "expected a token id, a whole number".to_string())
}

/// More threads than this no machine has a use for, and a pool of them may not even begin.
const MOST_THREADS: usize = 1024;

/// A number of threads.
pub fn threads(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=MOST_THREADS) => Ok(n),
        _ => Err(format!("expected a whole number from 1 to {MOST_THREADS}")),
    }
}

/// A wait, of at most a week.
pub fn seconds(text: &str) -> std::result::Result<u64, String> {
    match text.parse() {
        Ok(n @ 1..=604_800) => Ok(n),
        _ => Err("expected a whole number of seconds, from 1 to 604800".to_string()),
    }
}

/// A number of things, at least one.
pub fn positive(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a whole number of at least 1".to_string()),
        Ok(n) => Ok(n),
    }
}
