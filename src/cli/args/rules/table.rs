//! The options that apply to some runs only, and what each applies to.

use logit_lens::report::Setting;
use logit_lens::run::{Run, Task};

use super::needs::{
    explores_a_list, has_texts, names_targets, reads_records, reads_the_hub, runs_here, shows_each_prompt,
};

/// What an option applies to.
pub(super) struct Rule {
    /// The name of its field among the options.
    pub option: &'static str,
    pub tasks: &'static [Task],
    pub needs: Need,
}

/// What has to be there beside the task.
pub(super) enum Need {
    Nothing,
    /// An output in a format that has a use for it; the remedy names some.
    Output(Setting, &'static str),
    /// Something else: the predicate, and what the option applies to in words.
    Run(fn(&Run) -> bool, &'static str),
}

const fn rule(option: &'static str, tasks: &'static [Task], needs: Need) -> Rule {
    Rule { option, tasks, needs }
}

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
/// What runs a model over prompts.
const RUNS: &[Task] = &[
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
pub(super) const RULES: &[Rule] = &[
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
    rule("layers", RUNS, Need::Nothing),
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
        RUNS,
        Need::Run(names_targets, "targets: --track, --assert or --prompts"),
    ),
    rule(
        "variants",
        RUNS,
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
    rule("verify", RUNS, Need::Run(runs_here, HERE)),
    rule("dtype", MODEL, Need::Run(runs_here, HERE)),
    rule(
        "remote",
        ELSEWHERE,
        Need::Run(|run| run.models.len() == 1, "one model that --model names"),
    ),
    rule("timeout", ELSEWHERE, Need::Nothing),
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Args;

    #[test]
    fn every_rule_is_about_an_option() {
        let command = Args::command();
        for rule in RULES {
            let named = command.get_arguments().any(|arg| arg.get_id() == rule.option);
            assert!(named, "{}", rule.option);
        }
    }
}
