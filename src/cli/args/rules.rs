//! What each option applies to: one that would do nothing is an error that says so.

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};
use logit_lens::analysis::assertions::Assertion;
use logit_lens::analysis::statistics::Statistic;
use logit_lens::error::{Error, Result};
use logit_lens::readout::lenses::LensChoices;
use logit_lens::report::{Format, Presentation, Setting};
use logit_lens::run::{Prompts, Run, Task};
use logit_lens::source;
use logit_lens::text::prompts::What;

use super::Args;

/// What an option applies to.
struct Rule {
    /// The name of its field in [`Args`].
    option: &'static str,
    tasks: &'static [Task],
    needs: Need,
}

/// What has to be there beside the task.
enum Need {
    Nothing,
    /// An output in a format that has a use for it; the remedy names some.
    Output(Setting, &'static str),
    /// Something else: the predicate, and what the option applies to in words.
    Run(fn(&Run) -> bool, &'static str),
}

const ANY_PROMPT: &[Task] = &[
    Task::Read,
    Task::Summary,
    Task::Compare,
    Task::CompareMany,
    Task::Evaluate,
    Task::Tokens,
    Task::Explore,
];
const READINGS: &[Task] = &[Task::Read, Task::Summary, Task::Compare, Task::CompareMany];
const ANY_READINGS: &[Task] = &[
    Task::Read,
    Task::Summary,
    Task::Compare,
    Task::CompareMany,
    Task::Explore,
];
const LAYERS: &[Task] = &[
    Task::Read,
    Task::Summary,
    Task::Compare,
    Task::CompareMany,
    Task::Evaluate,
    Task::Explore,
];
const MODEL: &[Task] = &[
    Task::Read,
    Task::Summary,
    Task::Compare,
    Task::CompareMany,
    Task::Evaluate,
    Task::Card,
    Task::Explore,
];
/// What runs on a server.
const ELSEWHERE: &[Task] = &[
    Task::Read,
    Task::Summary,
    Task::Compare,
    Task::Evaluate,
    Task::Card,
];
/// What several lenses are read for.
const LENSES: &[Task] = &[
    Task::Read,
    Task::Summary,
    Task::Compare,
    Task::Evaluate,
    Task::Explore,
];
const READ: &[Task] = &[Task::Read];
/// What has a picture of lines across layers.
const CHARTS: &[Task] = &[Task::Read, Task::CompareMany];
/// What has a picture of layers × positions.
const PICTURES: &[Task] = &[Task::Read, Task::Explore];
/// What is written, and not shown on the terminal.
const WRITTEN: &[Task] = &[
    Task::Read,
    Task::Summary,
    Task::Compare,
    Task::CompareMany,
    Task::Evaluate,
    Task::Tokens,
    Task::Card,
    Task::Families,
];

/// What needs the model to be run, as an error names it.
const COMPUTED: &str = "what is computed, and a script runs no model";

/// The outputs that several options apply to, as an error names them.
const DATA: &str = "a table, --json or -o FILE.csv";
const HEATMAPS: &str = "--heatmap, -o FILE.html or -o FILE.svg";
const HERE: &str = "models that run on this machine, without --remote";
const TABLES: &str = "tables (of many prompts with --each)";

/// The options that do not apply to every run.
const RULES: &[Rule] = &[
    rule("families", &[Task::Families], Need::Nothing),
    rule("given", ALL, Need::Nothing),
    rule("prompts", ALL, Need::Nothing),
    rule("ids", ALL, Need::Nothing),
    rule("models", ALL, Need::Nothing),
    rule("offline", ALL, Need::Nothing),
    rule("device", ALL, Need::Run(runs_here, HERE)),
    rule("threads", ALL, Need::Nothing),
    rule("revision", ALL, Need::Run(reads_the_hub, "models of the hub")),
    rule("update", ALL, Need::Run(reads_the_hub, "models of the hub")),
    rule("bos", ANY_PROMPT, Need::Run(has_texts, "prompts that are text")),
    rule("chat", ANY_PROMPT, Need::Nothing),
    rule(
        "system",
        ANY_PROMPT,
        Need::Run(|run| run.encoding.chat.is_some(), "--chat"),
    ),
    rule("generate", ANY_READINGS, Need::Run(Run::reads, COMPUTED)),
    rule(
        "generate",
        ANY_READINGS,
        Need::Run(
            |run| !explores_a_list(run),
            "one prompt, and in a list + continues what is opened",
        ),
    ),
    rule("tokens", &[Task::Tokens], Need::Nothing),
    rule("summary", &[Task::Summary, Task::CompareMany], Need::Nothing),
    rule("compare", &[Task::Compare], Need::Nothing),
    rule("explore", &[Task::Explore], Need::Nothing),
    rule("load", &[Task::Explore], Need::Nothing),
    rule("outputs", WRITTEN, Need::Nothing),
    rule("format", WRITTEN, Need::Nothing),
    rule("json", WRITTEN, Need::Nothing),
    rule("lenses", LENSES, Need::Nothing),
    rule("layers", LAYERS, Need::Nothing),
    rule("evaluated", &[Task::Evaluate], Need::Nothing),
    rule("trailing_space", &[Task::Evaluate], Need::Nothing),
    rule("positions", READINGS, Need::Nothing),
    rule("points", READINGS, Need::Nothing),
    rule("top_k", ANY_READINGS, Need::Output(Setting::TopK, DATA)),
    rule(
        "track",
        ANY_READINGS,
        Need::Output(Setting::Track, "--plot, --color-by target or a table"),
    ),
    rule("against", READ, Need::Output(Setting::Against, DATA)),
    rule("stats", READ, Need::Output(Setting::Statistics, DATA)),
    rule(
        "first_token",
        LAYERS,
        Need::Run(names_targets, "targets: --track, --assert or --prompts"),
    ),
    rule(
        "variants",
        LAYERS,
        Need::Run(names_targets, "targets: --track, --assert or --prompts"),
    ),
    rule("targets", READINGS, Need::Run(reads_records, "--prompts")),
    rule("heatmap", READ, Need::Output(Setting::Picture, "-o FILE.svg")),
    rule("plot", CHARTS, Need::Output(Setting::Picture, "-o FILE.svg")),
    rule("color_by", PICTURES, Need::Output(Setting::ColorBy, HEATMAPS)),
    rule("order", PICTURES, Need::Output(Setting::Order, HEATMAPS)),
    rule(
        "title",
        READ,
        Need::Output(Setting::Title, "-o FILE.html or -o FILE.svg"),
    ),
    rule(
        "words",
        PICTURES,
        Need::Output(
            Setting::Words,
            "tables (of many prompts with --each), --heatmap or -o FILE.html",
        ),
    ),
    rule(
        "lean",
        READ,
        Need::Output(Setting::Lean, "--json or -o FILE.jsonl"),
    ),
    rule("all_rows", READ, Need::Output(Setting::AllRows, TABLES)),
    rule(
        "each_prompt",
        READ,
        Need::Run(shows_each_prompt, "tables of several prompts"),
    ),
    rule("baseline", READ, Need::Run(Run::reads, COMPUTED)),
    rule("tolerance", READ, Need::Run(Run::reads, COMPUTED)),
    rule(
        "asserted",
        &[Task::Read, Task::Summary],
        Need::Run(Run::reads, COMPUTED),
    ),
    rule(
        "assert_format",
        &[Task::Read, Task::Summary],
        Need::Run(Run::reads, COMPUTED),
    ),
    rule("verify", &[Task::Read, Task::Summary], Need::Run(runs_here, HERE)),
    rule("dtype", MODEL, Need::Run(runs_here, HERE)),
    rule(
        "remote",
        ELSEWHERE,
        Need::Run(|run| run.models.len() == 1, "one model that --model names"),
    ),
    rule("timeout", ELSEWHERE, Need::Nothing),
];

/// Whatever is done with a model.
const ALL: &[Task] = &[
    Task::Read,
    Task::Summary,
    Task::Compare,
    Task::CompareMany,
    Task::Evaluate,
    Task::Tokens,
    Task::Card,
    Task::Explore,
];

const fn rule(option: &'static str, tasks: &'static [Task], needs: Need) -> Rule {
    Rule { option, tasks, needs }
}

fn reads_the_hub(run: &Run) -> bool {
    run.models.iter().any(|model| source::is_on_the_hub(model))
}

fn runs_here(run: &Run) -> bool {
    run.remote.is_none() && run.reads()
}

fn has_texts(run: &Run) -> bool {
    match &run.prompts {
        Prompts::Given(items) => items.iter().any(|item| matches!(item.what, What::Text(_))),
        Prompts::File(_) | Prompts::Stdin => true,
        // Those have the tokens that they had.
        Prompts::Earlier(_) => false,
    }
}

fn reads_records(run: &Run) -> bool {
    matches!(run.prompts, Prompts::File(_) | Prompts::Stdin)
}

fn explores_a_list(run: &Run) -> bool {
    run.task == Task::Explore && !matches!(run.prompts, Prompts::Given(_))
}

fn names_targets(run: &Run) -> bool {
    let asserts = run
        .assertions
        .iter()
        .any(|assertion| assertion.followed().next().is_some());
    !run.selection.track.is_empty() || asserts || reads_records(run)
}

fn shows_each_prompt(run: &Run) -> bool {
    run.presentation.many && has_use(run, Setting::EachPrompt)
}

/// Whether some output shows `setting`.
fn has_use(run: &Run, setting: Setting) -> bool {
    let presentation = Presentation {
        brief: run.is_brief(),
        ..run.presentation.clone()
    };
    let mut formats = run.outputs.iter().map(|output| output.format);
    formats.any(|format| (format.settings)(&presentation).contains(&setting))
}

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

/// Refuses a comparison of lenses where there is one.
fn check_lens_kl(run: &Run) -> Result<()> {
    let statistics = run.selection.statistics.as_ref();
    let is_named = statistics.is_some_and(|statistics| statistics.has(Statistic::LensKl))
        || run.assertions.iter().any(Assertion::compares_lenses);
    match is_named && run.selection.lenses.iter().count() == 1 {
        true => Err(Error::usage(
            "The statistic lens_kl compares lenses, and there is one.",
            "Name several, as --lens logit,tuned=DIR, or leave it out.",
        )),
        false => Ok(()),
    }
}

/// Refuses a script of lenses that scripts do not read.
fn check_script(run: &Run) -> Result<()> {
    let is_script = run.outputs.iter().any(|output| !output.format.reads);
    match is_script && run.task == Task::Read && run.selection.lenses != LensChoices::default() {
        true => Err(Error::usage(
            "A script reads the logit lens alone, and --lens names others.",
            "Leave --lens out for the script, or choose another format.",
        )),
        false => Ok(()),
    }
}

/// Refuses a format that cannot show what the task comes to.
fn check_formats(run: &Run) -> Result<()> {
    if run.task == Task::Read {
        return Ok(());
    }
    let is_shown =
        |format: &Format| format.sheets || (run.task == Task::CompareMany && format.draws_charts());
    match run.outputs.iter().find(|output| !is_shown(output.format)) {
        Some(output) => Err(Error::usage(
            format!(
                "{} has no {} output.",
                task(run).unwrap_or("A model's description"),
                output.format.name
            ),
            match run.task {
                Task::CompareMany => "Choose table, json, jsonl, csv, markdown, plot, svg, png or pdf.",
                _ => "Choose table, json, jsonl, csv or markdown.",
            },
        )),
        None => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_about_an_option() {
        let command = Args::command();
        for rule in RULES {
            let named = command.get_arguments().any(|arg| arg.get_id() == rule.option);
            assert!(named, "{}", rule.option);
        }
    }
}
