//! `--explore`: what the explorer is given, or why there is none.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use logit_lens::error::Error;
use logit_lens::text::prompts::Item;

use super::read::Reader;
#[cfg(feature = "explore")]
use {
    super::args::Args, super::sinks::Sinks, logit_lens::analysis::compare::layer_beside,
    logit_lens::analysis::statistics::Statistics, logit_lens::engine::Engine, logit_lens::lens::Layers,
    logit_lens::lens::Request, logit_lens::model::Model, logit_lens::readout::lenses::LensChoice,
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
pub fn explore(reader: &Reader, second: Option<&Reader>, items: Vec<Item>) -> Result<ExitCode> {
    use logit_lens::explore::command::Options;
    use logit_lens::explore::screen::Colors;
    use logit_lens::explore::state::{MOST_TOP, View};
    use logit_lens::explore::{Setup, Source, explore};
    use logit_lens::report::Depth;

    let (item, beside) = match (items.as_slice(), second) {
        ([item], None) => (item, None),
        ([item], Some(second)) => (item, Some(second.prompt(item)?)),
        ([item, other], None) => (item, Some(reader.prompt(other)?)),
        _ => {
            return Err(Error::usage(
                "--explore takes one prompt, or two beside each other.",
                "Give one prompt, or two to one model.",
            )
            .into());
        }
    };
    let run = reader.run;
    let request = run.request(reader.model)?;
    let second_request = second.map(|second| request_beside(reader, second)).transpose()?;
    let presentation = &run.presentation;
    let term = std::env::var("TERM").unwrap_or_default();
    let colors = Colors::of(
        &term,
        presentation.colors != Depth::Shades,
        presentation.colors == Depth::True,
    );
    let models = [reader.model, second.map_or(reader.model, |second| second.model)];
    let write = |which: usize, run: &Run, prompt| write(models[which], run, prompt).map_err(as_error);
    let encode = |text: &str| reader.prompt_of_text(text);
    let encode_second = |text: &str| second.unwrap_or(reader).prompt_of_text(text);
    explore(&Setup {
        prompt: reader.prompt(item)?,
        run,
        options: Options {
            model: Args::given_again(&MODEL),
            text: Args::given_again(&["bos", "chat", "system"]),
            lenses: run.selection.lenses.iter().map(written).collect(),
        },
        by_ids: matches!(item.what, What::Ids(_)),
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
        first: Source {
            model: reader.model,
            request,
            encode: &encode,
        },
        second: second.zip(second_request).map(|(second, request)| Source {
            model: second.model,
            request,
            encode: &encode_second,
        }),
        beside,
        colors,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The options of a model that the command of a view needs too.
#[cfg(feature = "explore")]
const MODEL: [&str; 8] = [
    "models", "revision", "offline", "update", "layers", "device", "dtype", "threads",
];

/// What is read in the second model: the layers beside those of the first.
#[cfg(feature = "explore")]
fn request_beside(first: &Reader, second: &Reader) -> Result<Request> {
    let mut request = second.run.request(second.model)?;
    let depths = [first, second].map(|reader| reader.model.decoder.blocks.len());
    if depths[0] != depths[1] {
        let layers = request.layers.resolve(depths[0])?.into_iter();
        let beside: Vec<usize> = layers
            .map(|layer| layer_beside(layer, depths[0], depths[1]))
            .collect();
        let embed = request.points.read_embed(&request.layers);
        request.layers = Layers::just(&beside, embed);
    }
    Ok(request)
}

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
pub fn explore(_: &Reader, _: Option<&Reader>, _: Vec<Item>) -> Result<ExitCode> {
    require_terminal().map(|()| ExitCode::SUCCESS)
}
