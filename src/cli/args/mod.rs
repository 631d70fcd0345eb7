//! The options.

mod assertions;
mod choices;
mod format;
mod help;
mod options;
mod results;
mod rules;
mod run;

#[cfg(feature = "explore")]
use clap::parser::ValueSource;
use clap::{Command, CommandFactory, FromArgMatches, Parser};
use logit_lens::analysis::assertions::Assertion;
use logit_lens::error::{Error, Result};

use super::stdin;
use help::{AFTER_HELP, AFTER_SHORT_HELP, MOST_USED, STYLES};
use options::{
    CheckOptions, ComputationOptions, ModelOptions, OtherOptions, OutputOptions, PromptOptions,
    ReadingOptions,
};
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

    #[command(flatten)]
    model: ModelOptions,

    #[command(flatten)]
    prompt: PromptOptions,

    #[command(flatten)]
    reading: ReadingOptions,

    #[command(flatten)]
    check: CheckOptions,

    #[command(flatten)]
    output: OutputOptions,

    #[command(flatten)]
    pub computation: ComputationOptions,

    #[command(flatten)]
    pub other: OtherOptions,

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
        if self.other.families {
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
            && self.prompt.prompts.is_none()
            && self.prompt.ids.is_empty()
            && self.reading.evaluated.is_none()
            && self.output.load.is_none()
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
        match self.model.models.as_slice() {
            [] | [_] | [_, _] => Ok(self.model.models.clone()),
            more => Err(Error::usage(
                format!("There are {} models.", more.len()),
                "Give one, or two to compare.",
            )),
        }
    }

    /// Whether a model was named.
    fn names_a_model(&self) -> bool {
        !self.model.models.is_empty()
    }

    /// Whether several positions are shown as a table each rather than as a grid.
    fn each(&self) -> bool {
        self.reading.top_k.is_some_and(|k| k > 1)
    }
}
