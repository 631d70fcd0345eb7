//! Assertions about readings: `rank(" Paris") <= 3`, `entropy@20 < 2`, `top1_is_target >= 0.95`.
//!
//! An expression is a quantity, `@` and a layer where it is not the output's, a comparison and a value. It is
//! parsed once ([`Assertion::parse`]), fitted to a model ([`Check::new`]) and held against each prompt's
//! trajectory or against a summary.

mod check;
mod columns;
mod outcome;
mod parse;

use crate::analysis::statistics::Statistic;
use crate::lens::Layers;
use crate::text::targets::TargetSpec;

pub use check::Check;
pub use columns::{Column, SUMMARY_COLUMNS};
pub use outcome::{Found, Outcome};
pub use parse::SyntaxError;

/// What is read, or what has to be: one expression.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// As it was written.
    pub text: String,
    quantity: Quantity,
    /// One layer; `None` for the model's output.
    layer: Option<Layers>,
    comparison: Comparison,
    value: Value,
}

/// What an expression can be about, which says the quantities that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The readings of a prompt.
    Prompt,
    /// The means of many.
    Summary,
}

#[derive(Debug, Clone)]
enum Quantity {
    Token(TokenMeasure, TargetRef),
    /// The log-probability of the first less that of the second.
    Difference(TargetRef, TargetRef),
    Top1,
    Statistic(Statistic),
    Settles,
    LeadsFirst,
    Column(&'static Column),
}

/// What a row makes of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenMeasure {
    Prob,
    Logprob,
    Logit,
    Rank,
}

/// The token that a measure is of.
#[derive(Debug, Clone, PartialEq)]
enum TargetRef {
    /// The prompt's own first target.
    Own,
    Named(TargetSpec),
}

/// What stands on the right.
#[derive(Debug, Clone)]
enum Value {
    Number(f64),
    Token(TargetSpec),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Assertion {
    /// The tokens that have to be followed through the rows.
    pub fn followed(&self) -> impl Iterator<Item = &TargetSpec> {
        self.targets().filter_map(|target| match target {
            TargetRef::Own => None,
            TargetRef::Named(spec) => Some(spec),
        })
    }

    fn targets(&self) -> impl Iterator<Item = &TargetRef> {
        let (first, second) = match &self.quantity {
            Quantity::Token(_, target) => (Some(target), None),
            Quantity::Difference(target, other) => (Some(target), Some(other)),
            Quantity::Top1
            | Quantity::Statistic(_)
            | Quantity::Settles
            | Quantity::LeadsFirst
            | Quantity::Column(_) => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// Whether it compares the lenses of a run.
    pub fn compares_lenses(&self) -> bool {
        matches!(self.quantity, Quantity::Statistic(Statistic::LensKl))
    }

    /// Whether it takes a pass of its own through the vocabulary.
    pub fn needs_distances(&self) -> bool {
        matches!(self.quantity, Quantity::Statistic(Statistic::Js | Statistic::Tv))
    }
}

impl TokenMeasure {
    const ALL: [Self; 4] = [Self::Prob, Self::Logprob, Self::Logit, Self::Rank];

    fn name(self) -> &'static str {
        match self {
            Self::Prob => "prob",
            Self::Logprob => "logprob",
            Self::Logit => "logit",
            Self::Rank => "rank",
        }
    }
}

impl Comparison {
    /// The longer ones first, so that `<=` is not read as `<`.
    const ALL: [(&'static str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    fn holds(self, found: f64, value: f64) -> bool {
        match self {
            Self::Equal => found == value,
            Self::NotEqual => found != value,
            Self::Less => found < value,
            Self::LessOrEqual => found <= value,
            Self::Greater => found > value,
            Self::GreaterOrEqual => found >= value,
        }
    }
}
