//! What a run does where there are a few ways: its task, and what is done about targets, spaces and checks.

use crate::error::Result;
use crate::model::Model;
use crate::text::targets::{Target, TargetSpec};

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Says which families of models there are.
    Families,
    /// Says what the model is.
    Card,
    /// Shows how the prompts are cut into tokens.
    Tokens,
    /// Reads each prompt.
    Read,
    /// Reads all prompts, for means.
    Summary,
    /// Reads one prompt with two models, or two with one.
    Compare,
    /// Reads all prompts with two models, for means.
    CompareMany,
    /// Reads the items of an evaluation.
    Evaluate,
    /// Shows a prompt's readings on the terminal, to move in.
    Explore,
}

/// How assertions are reported on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssertionFormat {
    /// A line for each that does not hold.
    #[default]
    Text,
    /// The same as commands of GitHub's workflows, which show them beside the prompt's line.
    Github,
    /// A JUnit document of all.
    Junit,
}

/// Which prompts' outputs are computed a second way, in float64 on the CPU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verify {
    /// None on the CPU, whose kernels the tests hold to it; the first on any other device, whose driver and
    /// libraries nobody has tested here.
    #[default]
    FirstOnADevice,
    Every,
    Never,
}

/// What an evaluation does about a prompt that ends in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrailingSpace {
    /// It is taken away: most tokens bring their own.
    #[default]
    Strip,
    /// It is read as a token of its own.
    Keep,
}

/// What the text of a target stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spelling {
    /// All of its tokens, one after another.
    #[default]
    Whole,
    /// The first of them.
    FirstToken,
    /// Its spellings that are single tokens, together.
    Variants,
}

impl Spelling {
    /// The target that is meant, in the model's vocabulary.
    ///
    /// # Errors
    /// A text without tokens, a member of a group that is not one token, or an id that the model does not have.
    pub fn resolve(self, spec: &TargetSpec, model: &Model) -> Result<Target> {
        let (tokens, vocabulary) = (&model.tokens, model.card.vocabulary);
        match self {
            Self::Whole => spec.resolve(tokens, vocabulary),
            Self::FirstToken => spec.resolve_by_first_token(tokens, vocabulary),
            Self::Variants => spec.resolve_variants(tokens, vocabulary),
        }
    }
}

/// What is done about a target of a prompts file that is none of the model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnusableTargets {
    /// It is reported for its prompt and counted, and the run goes on.
    #[default]
    Skip,
    /// The run ends with an error.
    Error,
}
