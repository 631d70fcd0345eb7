//! What each option applies to: one that would do nothing is an error that says so.

mod combinations;
mod needs;
mod table;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};
use logit_lens::error::{Error, Result};
use logit_lens::run::{Run, Task};

use super::Args;
use combinations::{check_formats, check_lens_kl, check_script};
use needs::has_use;
use table::{Need, RULES, Rule};

/// The options that were given, by the names of their fields.
#[derive(Debug, Clone, Default)]
pub struct Given(Vec<String>);

impl Given {
    /// Those given on a command line.
    pub fn of(matches: &ArgMatches) -> Self {
        let is_given = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let ids = matches.ids().map(clap::Id::as_str);
        Self(ids.filter(is_given).map(str::to_string).collect())
    }

    /// Whether there are none.
    pub fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses an option that would do nothing in `run`.
    ///
    /// # Errors
    /// The first such option.
    pub fn check(&self, run: &Run) -> Result<()> {
        let is_given = |rule: &&Rule| self.0.iter().any(|id| id == rule.option);
        let given = || RULES.iter().filter(is_given);
        for rule in given() {
            if !rule.tasks.contains(&run.task) {
                return Err(wrong_task(rule, run));
            }
        }
        check_formats(run)?;
        check_lens_kl(run)?;
        check_script(run)?;
        // A table that is no trajectory has settings of its own.
        let reads = run.task == Task::Read;
        for rule in given() {
            match rule.needs {
                Need::Output(setting, outputs) if reads && !has_use(run, setting) => {
                    return Err(Error::usage(
                        format!("{} has no effect on {}.", flag(rule.option), formats(run)),
                        format!("It applies to {outputs}: ask for one of these, or leave it out."),
                    ));
                }
                Need::Run(applies, what) if !applies(run) => {
                    return Err(Error::usage(
                        format!("{} has no effect here.", flag(rule.option)),
                        format!("It applies to {what}: leave it out."),
                    ));
                }
                Need::Nothing | Need::Output(..) | Need::Run(..) => {}
            }
        }
        Ok(())
    }
}

fn wrong_task(rule: &Rule, run: &Run) -> Error {
    match task(run) {
        Some(task) => Error::usage(
            format!("{} cannot be used with {task}.", flag(rule.option)),
            "Leave out one of the two.",
        ),
        None => Error::usage(
            format!("There is no prompt, and {} needs one.", flag(rule.option)),
            "Try: lens \"The Eiffel Tower is in the city of\"",
        ),
    }
}

/// What on the command line makes the task; nothing does for readings and cards.
fn task(run: &Run) -> Option<&'static str> {
    match run.task {
        Task::Card | Task::Read => None,
        Task::Families => Some("--families"),
        Task::Tokens => Some("--tokens"),
        Task::Summary => Some("--summary"),
        Task::Evaluate => Some("--eval"),
        Task::CompareMany => Some("--summary of two models"),
        Task::Explore => Some("--explore"),
        Task::Compare if run.models.len() > 1 => Some("two models"),
        Task::Compare => Some("--compare"),
    }
}

/// The formats of the outputs, for a sentence.
fn formats(run: &Run) -> String {
    let mut names: Vec<&str> = run.outputs.iter().map(|output| output.format.name).collect();
    names.dedup();
    format!("{} output", names.join(", "))
}

/// An option as it is written.
fn flag(option: &str) -> String {
    let command = Args::command();
    let long = command
        .get_arguments()
        .find(|arg| arg.get_id() == option)
        .and_then(clap::Arg::get_long);
    match long {
        Some(long) => format!("--{long}"),
        None => "A prompt".to_string(),
    }
}
