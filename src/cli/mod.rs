//! The command line: options, one run, where its output goes.

mod args;
mod defect;
mod draft;
pub mod ending;
mod input;
mod interrupt;
mod output;
mod progress;
mod read;
mod sinks;
mod startup;

use std::io::Write;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser};
use logit_lens::error::{Error, Kind};
use logit_lens::model::{LoadOptions, Model};
use logit_lens::source::{self, HubOptions, ModelFiles};
use logit_lens::text::chat::ChatTemplate;
use logit_lens::text::prompts::Item;

use args::Args;
use input::Input;
use output::Output;
use read::Reader;
use sinks::Sinks;

/// Runs the command and says on stderr what went wrong: 0, or 2 for wrong usage, 1 for what failed.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return misused(&error),
    };
    args.color().write_global();
    interrupt::watch();
    match defect::caught(|| run(&args)) {
        Ok(code) => code,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

fn run(args: &Args) -> Result<ExitCode> {
    if let Some(shell) = args.completions {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), "lens", &mut script);
        return print(&script);
    }
    if args.man {
        let mut page = Vec::new();
        clap_mangen::Man::new(Args::command()).render(&mut page)?;
        return print(&page);
    }
    if args.has_no_prompt() && (!args.names_a_model() || args.asks_for_readings()) {
        return Err(Args::no_prompt().into());
    }
    // As many as there are cores, where no number is given.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.unwrap_or(0));
    pool.build_global().map_err(no_threads)?;
    lens(args)
}

fn no_threads(error: rayon::ThreadPoolBuildError) -> Error {
    Error::failed(
        format!("The system gives lens no threads to compute with: {error}."),
        "Try --threads 1, or raise its limits (ulimit -u, ulimit -v).",
    )
}

/// The main job: arguments → prompts and outputs → models → what is asked of them.
fn lens(args: &Args) -> Result<ExitCode> {
    let models = args.models()?;
    let compares = args.compare || models.len() > 1;
    if compares {
        args.check_comparison()?;
    }
    let many = !compares && (args.prompts.is_some() || args.given.len() > 1);
    let sinks = Sinks::open(args, many)?;
    sinks.spare(prompts_file(args).as_deref().into_iter())?;
    let input = Input::open(args)?;
    let job = match (args.compare, models.len()) {
        (false, 1) => Job::Read(input),
        (true, 1) => Job::Compare(two_prompts(input)?),
        (_, _) => Job::Compare(one_prompt(input)?),
    };
    if !args.names_a_model() {
        note(
            args,
            "no --model is given, so this is lens's own demo; for GPT-2 add --model gpt2 (548 MB, downloaded once).",
        );
    }
    let first = Loaded::open(models[0], args, &sinks)?;
    let reader = first.reader(args)?;
    match (job, models.get(1)) {
        (Job::Compare(items), None) => read::compare(&reader, &reader, items, sinks),
        (Job::Compare(items), Some(second)) => {
            let second = Loaded::open(second, args, &sinks)?;
            read::compare(&reader, &second.reader(args)?, items, sinks)
        }
        (Job::Read(_), _) if args.has_no_prompt() => show_card(&first.model, sinks),
        (Job::Read(input), _) if args.tokens => reader.show_tokens(input, sinks),
        (Job::Read(input), _) => reader.read(input, sinks),
    }
}

/// The file that prompts are read from, also the one that stdin is.
fn prompts_file(args: &Args) -> Option<PathBuf> {
    match args.prompts.as_deref()? {
        path if path == Path::new("-") => Path::new("/dev/stdin").canonicalize().ok(),
        path => Some(path.to_path_buf()),
    }
}

/// What a run does with its prompts.
enum Job {
    Read(Input),
    Compare([Item; 2]),
}

/// A model and the files that it was made of.
struct Loaded {
    files: ModelFiles,
    /// Freed by the system at the end, at once, rather than here token by token.
    model: ManuallyDrop<Model>,
}

impl Loaded {
    fn open(name: &str, args: &Args, sinks: &Sinks) -> Result<Self> {
        let files = source::locate(name, &hub_options(args))?;
        sinks.spare(files.paths())?;
        let options = LoadOptions {
            device: args.device,
            dtype: args.dtype.requested(),
        };
        Ok(Self {
            model: ManuallyDrop::new(Model::load(&files, options)?),
            files,
        })
    }

    fn reader<'a>(&'a self, args: &'a Args) -> Result<Reader<'a>> {
        let template = args.chat.then(|| ChatTemplate::of(&self.files, &self.model));
        Ok(Reader {
            args,
            model: &self.model,
            template: template.transpose()?,
        })
    }
}

fn show_card(model: &Model, mut sinks: Sinks) -> Result<ExitCode> {
    sinks.card(&model.card)?;
    sinks.finish()?;
    Ok(ExitCode::SUCCESS)
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
            "Give one prompt, or one --model.",
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
    output.write(text)?;
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Says something on stderr that is no error.
fn note(args: &Args, text: &str) {
    if !args.quiet {
        let dim = anstyle::Style::new().effects(anstyle::Effects::DIMMED);
        // A note that cannot be shown stops nothing.
        let _ = writeln!(anstream::stderr(), "{dim}note: {}{dim:#}", shown(text));
    }
}

fn hub_options(args: &Args) -> HubOptions {
    HubOptions {
        revision: args.revision.clone(),
        offline: args.offline,
        update: args.update,
        progress: !args.quiet,
        ..HubOptions::default()
    }
}

fn print_help(help: &clap::Error) -> Result<()> {
    Output::open(None)?;
    let printed = help.print().and_then(|()| std::io::stdout().flush());
    printed.map_err(output::stdout_failed)
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
    // If stderr is closed too, the exit code still tells.
    let (_, code) = match error.downcast_ref::<Error>() {
        Some(error) => {
            let (problem, remedy) = (shown(&error.problem), shown(&error.remedy));
            let written = writeln!(stderr, "{red}error:{red:#} {problem}\n       {remedy}");
            (written, if error.kind == Kind::Usage { 2 } else { 1 })
        }
        None => {
            let problem = shown(&format!("{error:#}"));
            (writeln!(stderr, "{red}error:{red:#} {problem}"), 1)
        }
    };
    ExitCode::from(code)
}

/// A message may quote what a model's files contain: nothing of theirs that would not show, or
/// would move text around, reaches a terminal as it is.
fn shown(message: &str) -> String {
    logit_lens::text::tokens::escaped(message)
}
