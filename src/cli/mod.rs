//! The command line: options, one run, where its output goes.

mod args;
mod assertions;
mod baseline;
mod compare;
mod compare_many;
mod completions;
mod defect;
mod draft;
pub mod ending;
mod evaluate;
mod explore;
mod input;
mod interrupt;
mod man;
mod output;
mod pass;
mod progress;
mod read;
mod reader;
mod sinks;
mod startup;
mod stdin;
mod stream;
mod targets;
mod verification;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use logit_lens::engine::Engine;
use logit_lens::error::{Error, Kind};
use logit_lens::model::{LoadOptions, Model};
use logit_lens::report::{Content, UNBOUNDED, wrap};
use logit_lens::run::{Prompts, Run, Task};
use logit_lens::source::{self, ModelFiles};
use logit_lens::text::chat::ChatTemplate;
use logit_lens::text::prompts::Item;

use args::Args;
use input::Input;
use output::Output;
use reader::Reader;
use sinks::Sinks;
use targets::Targets;

/// Runs the command and says on stderr what went wrong: 0, or 2 for wrong usage, 1 for what failed, 3 where
/// what was asserted does not hold.
pub fn main() -> ExitCode {
    ending::watch_the_stack();
    match completions::answer() {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => return misused(&error),
    }
    let args = match Args::of_command_line() {
        Ok(args) => args,
        Err(error) => return misused(&error),
    };
    args.color().write_global();
    interrupt::watch();
    match defect::caught(|| run(args)) {
        Ok(code) => code,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

fn run(mut args: Args) -> Result<ExitCode> {
    if let Some(shell) = args.other.completions {
        return print(&completions::script(shell)?);
    }
    if args.other.schema {
        return print(logit_lens::report::json::SCHEMA.as_bytes());
    }
    if args.other.man {
        let mut page = Vec::new();
        man::write(Args::command(), &mut page)?;
        return print(&page);
    }
    let is_bare = args.are_none();
    args.read_stdin()?;
    if is_bare && args.given.is_empty() {
        return Ok(explain());
    }
    let run = args.run()?;
    // As many as there are cores, where no number is given.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.computation.threads.unwrap_or(0));
    pool.build_global().map_err(no_threads)?;
    carry_out(&run)
}

fn no_threads(error: rayon::ThreadPoolBuildError) -> Error {
    Error::failed(
        format!("The system gives lens no threads to compute with: {error}."),
        "Try --threads 1, or raise its limits (ulimit -u, ulimit -v).",
    )
}

/// Prompts and outputs → models → what is asked of them.
fn carry_out(run: &Run) -> Result<ExitCode> {
    if run.task == Task::Explore {
        explore::require_terminal()?;
    }
    let (run, earlier) = explore::earlier(run)?;
    let run = &run;
    let mut sinks = Sinks::open(run)?;
    if run.task == Task::Families {
        sinks.sheet(&logit_lens::report::families())?;
        sinks.finish()?;
        return Ok(ExitCode::SUCCESS);
    }
    let read = prompts_file(run);
    sinks.spare(read.as_deref().into_iter().chain(run.baseline.as_deref()))?;
    let input = Input::open(&run.prompts)?;
    if run.models.is_empty() && run.task != Task::Explore {
        note(
            run,
            "using the bundled demo model; for GPT-2, add --model gpt2 (downloads 548 MB once).",
        );
    }
    match run.task {
        Task::Compare => return compare(run, input, sinks),
        Task::CompareMany => return compare_models(run, input, sinks),
        _ => {}
    }
    let model = Loaded::open(run.model(), run, run.load, &sinks)?;
    match run.task {
        Task::Explore => {
            let second = run.models.get(1);
            let second = second.map(|name| Loaded::open(name, run, run.load_second, &sinks));
            let second = second.transpose()?;
            let second = second.as_ref().map(|second| second.reader(run)).transpose()?;
            explore::explore(
                &model.reader(run)?,
                second.as_ref(),
                input.collect::<Result<_>>()?,
                earlier,
            )
        }
        Task::Card => {
            sinks.card(&model.model.card)?;
            sinks.finish()?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Tokens => model.reader(run)?.show_tokens(input, sinks),
        Task::Evaluate => evaluate::evaluate(&model.reader(run)?, input, sinks),
        Task::Read | Task::Summary | Task::Compare | Task::CompareMany | Task::Families => {
            model.reader(run)?.read(input, sinks)
        }
    }
}

/// Two prompts read by one model, or one prompt by two.
fn compare(run: &Run, input: Input, sinks: Sinks) -> Result<ExitCode> {
    let items = match run.models.as_slice() {
        [_, _] => one_prompt(input)?,
        _ => two_prompts(input)?,
    };
    let left = Loaded::open(run.model(), run, run.load, &sinks)?;
    let reader = left.reader(run)?;
    match run.models.get(1) {
        None => compare::compare(&reader, &reader, items, sinks),
        Some(name) => {
            let right = Loaded::open(name, run, run.load_second, &sinks)?;
            compare::compare(&reader, &right.reader(run)?, items, sinks)
        }
    }
}

/// Many prompts read by two models.
fn compare_models(run: &Run, input: Input, sinks: Sinks) -> Result<ExitCode> {
    let second = run.models.get(1).map_or(run.model(), String::as_str);
    let left = Loaded::open(run.model(), run, run.load, &sinks)?;
    let right = Loaded::open(second, run, run.load_second, &sinks)?;
    compare_many::compare_many(&left.reader(run)?, &right.reader(run)?, input, sinks)
}

/// The file that prompts are read from, also the one that stdin is.
fn prompts_file(run: &Run) -> Option<PathBuf> {
    match &run.prompts {
        Prompts::Given(_) => None,
        Prompts::File(path) | Prompts::Earlier(path) => Some(path.clone()),
        Prompts::Stdin => Path::new("/dev/stdin").canonicalize().ok(),
    }
}

/// A model and the files that it was made of.
struct Loaded {
    files: ModelFiles,
    /// Freed by the system at the end, at once, rather than here token by token.
    model: &'static Model,
    /// What runs it, if not this machine.
    remote: Option<Box<dyn Engine>>,
}

impl Loaded {
    fn open(name: &str, run: &Run, load: LoadOptions, sinks: &Sinks) -> Result<Self> {
        // Where nothing is computed, nothing is needed for it.
        let remote = run.remote.as_ref().filter(|_| run.reads());
        let files = match remote {
            Some(remote) => remote.locate(name, &run.hub)?,
            None if !run.reads() => source::outline(name, &run.hub)?,
            None => source::locate(name, &run.hub)?,
        };
        sinks.spare(files.paths())?;
        let mut model = Model::load(&files, load)?;
        let server =
            remote.map(|remote| remote.connect(&mut model, &run.selection.points, &run.hub, run.timeout));
        let server = server.transpose()?;
        let model: &'static Model = Box::leak(Box::new(model));
        Ok(Self {
            remote: server.map(|server| server.engine(model)),
            model,
            files,
        })
    }

    fn reader<'a>(&'a self, run: &'a Run) -> Result<Reader<'a>> {
        let not_followed = &self.model.generation.not_followed;
        if run.encoding.generate.is_some() && !not_followed.is_empty() {
            let names = not_followed.join(", ");
            note(
                run,
                &format!(
                    "--generate takes the likeliest token each time and does not follow the model's {names}."
                ),
            );
        }
        let special = self.model.tokens.special_tokens();
        let chat = run.encoding.chat.as_ref();
        let template = chat.map(|_| ChatTemplate::of(&self.files, special));
        Ok(Reader {
            run,
            model: self.model,
            engine: self.remote.as_deref().unwrap_or(self.model),
            template: template.transpose()?,
            targets: Targets::default(),
        })
    }
}

/// The two prompts that `--compare` needs.
fn two_prompts(input: Input) -> Result<[Item; 2]> {
    let prompts = few(input)?;
    <[Item; 2]>::try_from(prompts).map_err(|prompts| {
        Error::usage(
            format!("--compare takes two prompts, and there {}.", are(prompts.len())),
            "Write: lens --compare \"one prompt\" \"another\"",
        )
        .into()
    })
}

/// The prompt that two models are compared on, twice.
fn one_prompt(input: Input) -> Result<[Item; 2]> {
    let prompts = few(input)?;
    match prompts.as_slice() {
        [one] => Ok([one.clone(), one.clone()]),
        _ => Err(Error::usage(
            format!(
                "Two models are compared on one prompt, and there {}.",
                are(prompts.len())
            ),
            "Give one prompt, add --summary for means over many, or give one --model.",
        )
        .into()),
    }
}

/// The first few prompts: one more than is ever wanted tells that there are too many.
fn few(input: Input) -> Result<Vec<Item>> {
    input.take(3).collect()
}

fn are(count: usize) -> String {
    match count {
        1 => "is 1".to_string(),
        n @ (0 | 2) => format!("are {n}"),
        _ => "are more".to_string(),
    }
}

fn print(text: &[u8]) -> Result<ExitCode> {
    let mut output = Output::open(None)?;
    output.write(Content::Styled, |out| Ok(out.write_all(text)?))?;
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Says something on stderr that is no error.
fn note(run: &Run, text: &str) {
    if !run.quiet {
        let dim = anstyle::Style::new().effects(anstyle::Effects::DIMMED);
        for line in lines(&format!("note: {text}")) {
            // A note that cannot be shown stops nothing.
            let _ = writeln!(anstream::stderr(), "{dim}{line}{dim:#}");
        }
    }
}

/// Says on stderr that something holds.
fn say(text: &str) {
    for line in lines(text) {
        // If stderr is closed, the exit code still tells.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// Says on stderr that something does not hold: what in red, and how.
fn say_failure(what: &str, how: &str) {
    let red = anstyle::AnsiColor::Red
        .on_default()
        .effects(anstyle::Effects::BOLD);
    for (nth, line) in lines(&format!("{what} {how}")).into_iter().enumerate() {
        let line = match line.strip_prefix(what) {
            Some(rest) if nth == 0 => format!("{red}{what}{red:#}{rest}"),
            _ => line,
        };
        // If stderr is closed, the exit code still tells.
        let _ = writeln!(anstream::stderr(), "{line}");
    }
}

/// A message for stderr: one line, or on a terminal as many as its words need.
fn lines(text: &str) -> Vec<String> {
    let columns = match terminal_size::terminal_size_of(std::io::stderr()) {
        Some((terminal_size::Width(columns), _)) => columns.into(),
        None => UNBOUNDED,
    };
    wrap(&shown(text), columns)
}

fn print_help(help: &clap::Error) -> Result<()> {
    Output::open(None)?;
    let printed = help.print().and_then(|()| std::io::stdout().flush());
    printed.map_err(output::stdout_failed)
}

/// The short help on stderr, where nothing was asked for.
fn explain() -> ExitCode {
    // If stderr is closed, the exit code still tells.
    let _ = write!(anstream::stderr(), "{}", Args::definition().render_help().ansi());
    ExitCode::from(2)
}

/// What clap says of wrong usage, or the help that was asked for. Where it quotes what a terminal
/// must not get, that is shown escaped, and all of it without colours.
fn misused(error: &clap::Error) -> ExitCode {
    let plain = error.render().to_string();
    let lines: Vec<String> = plain.lines().map(shown).collect();
    let is_safe = || std::env::args_os().all(|arg| shown(&arg.to_string_lossy()) == arg.to_string_lossy());
    if !error.use_stderr() {
        return match print_help(error) {
            Err(error) if !output::is_closed_pipe(&error) => complain(&error),
            _ => ExitCode::SUCCESS,
        };
    }
    if is_safe() {
        // If the stream is closed, the exit code still tells.
        let _ = error.print();
    } else {
        let _ = writeln!(anstream::stderr(), "{}", lines.join("\n"));
    }
    ExitCode::from(error.exit_code() as u8)
}

/// The problem and the remedy, one line each, never a backtrace.
fn complain(error: &anyhow::Error) -> ExitCode {
    let red = anstyle::AnsiColor::Red
        .on_default()
        .effects(anstyle::Effects::BOLD);
    let mut stderr = anstream::stderr();
    let (text, code) = match error.downcast_ref::<Error>() {
        Some(error) => {
            let (problem, remedy) = (shown(&error.problem), shown(&error.remedy));
            let code = if error.kind == Kind::Usage { 2 } else { 1 };
            (format!("{problem}\n       {remedy}"), code)
        }
        None => (shown(&format!("{error:#}")), 1),
    };
    // Made whole before any of it is written: where memory runs out meanwhile, that is said instead.
    let text = format!("{red}error:{red:#} {text}\n");
    ending::take_the_last_word();
    // If stderr is closed too, the exit code still tells.
    let _ = stderr.write_all(text.as_bytes());
    ExitCode::from(code)
}

/// A message may quote what a model's files contain: nothing of theirs that would not show, or
/// would move text around, reaches a terminal as it is.
fn shown(message: &str) -> String {
    logit_lens::text::tokens::escaped(message)
}
