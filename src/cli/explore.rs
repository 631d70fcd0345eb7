//! `--explore`: what the explorer is given, or why there is none.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use logit_lens::error::Error;
use logit_lens::text::prompts::Item;

use super::read::Reader;
#[cfg(feature = "explore")]
use {
    super::args::Args, super::sinks::Sinks, logit_lens::analysis::statistics::Statistics,
    logit_lens::engine::Engine, logit_lens::model::Model, logit_lens::readout::lenses::LensChoice,
    logit_lens::report::Document, logit_lens::run::Run, logit_lens::text::prompt::Prompt,
    logit_lens::text::prompts::What,
};

/// Refuses to explore where there is no terminal.
///
/// # Errors
/// A stdout that is none, or a lens without the explorer.
pub fn require_terminal() -> Result<()> {
    if !cfg!(feature = "explore") {
        return Err(Error::usage(
            "This lens was built without its explorer.",
            "Build it with the feature explore, or use --heatmap or -o lens.html.",
        )
        .into());
    }
    if !std::io::stdout().is_terminal() {
        return Err(Error::usage(
            "--explore needs a terminal, and stdout is none.",
            "Use --heatmap for the picture alone, or -o lens.html for a page to explore.",
        )
        .into());
    }
    Ok(())
}

/// Shows the explorer until it is left.
///
/// # Errors
/// More prompts than one, one that does not fit the model, or a terminal that cannot be drawn on.
#[cfg(feature = "explore")]
pub fn explore(reader: &Reader, items: Vec<Item>) -> Result<ExitCode> {
    use logit_lens::explore::command::Options;
    use logit_lens::explore::screen::Colors;
    use logit_lens::explore::state::{MOST_TOP, View};
    use logit_lens::explore::{Setup, explore};
    use logit_lens::report::Depth;

    let [item] = items.as_slice() else {
        return Err(Error::usage("--explore takes one prompt.", "Give one; within it, e edits it.").into());
    };
    let run = reader.run;
    if run.models.len() > 1 {
        return Err(Error::usage("--explore takes one model.", "Leave out the other.").into());
    }
    let request = run.request(reader.model)?;
    let presentation = &run.presentation;
    let term = std::env::var("TERM").unwrap_or_default();
    let colors = Colors::of(
        &term,
        presentation.colors != Depth::Shades,
        presentation.colors == Depth::True,
    );
    let model = reader.model;
    let write = |run: &Run, prompt| write(model, run, prompt).map_err(as_error);
    explore(&Setup {
        model,
        prompt: reader.prompt(item)?,
        run,
        options: Options {
            model: Args::given_again(&MODEL),
            text: Args::given_again(&["bos", "chat", "system"]),
            lenses: run.selection.lenses.iter().map(written).collect(),
        },
        by_ids: matches!(item.what, What::Ids(_)),
        encode: &|text| reader.prompt_of_text(text),
        write: &write,
        view: View {
            color_by: presentation.color_by,
            order: presentation.order,
            words: presentation.words,
            top_k: run.selection.top_k.unwrap_or(View::default().top_k).min(MOST_TOP),
            ..View::default()
        },
        // A line is one token's.
        pins: request
            .targets
            .iter()
            .filter(|target| !target.sequence)
            .cloned()
            .collect(),
        request,
        colors,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The options of a model that the command of a view needs too.
#[cfg(feature = "explore")]
const MODEL: [&str; 8] = [
    "models", "revision", "offline", "update", "layers", "device", "dtype", "threads",
];

/// A lens as `--lens` takes it.
#[cfg(feature = "explore")]
fn written(lens: &LensChoice) -> String {
    match lens {
        LensChoice::Logit | LensChoice::Tuned(None) | LensChoice::Jacobian(None) => lens.name().to_string(),
        LensChoice::Tuned(Some(path)) | LensChoice::Jacobian(Some(path)) => format!("{}={path}", lens.name()),
    }
}

/// Reads a prompt and writes it to the run's outputs.
#[cfg(feature = "explore")]
fn write(model: &Model, run: &Run, prompt: Prompt) -> Result<()> {
    let request = run.request(model)?;
    let mut sinks = Sinks::open(run)?;
    let trajectory = model.read_prompts(vec![prompt], &request, &())?.remove(0);
    sinks.document(&Document {
        card: &model.card,
        tokens: &model.tokens,
        trajectory: &trajectory,
        statistics: &Statistics::none(),
        against: None,
        assertions: &[],
        number: 0,
        id: None,
    })?;
    sinks.finish_documents()
}

/// What the explorer says of a file that is not written.
#[cfg(feature = "explore")]
fn as_error(error: anyhow::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::failed(format!("{error:#}."), "Give it another name."),
    }
}

#[cfg(not(feature = "explore"))]
pub fn explore(_: &Reader, _: Vec<Item>) -> Result<ExitCode> {
    require_terminal().map(|()| ExitCode::SUCCESS)
}
