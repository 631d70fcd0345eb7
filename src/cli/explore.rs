//! `--explore`: what the explorer is given, or why there is none.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use logit_lens::error::Error;
use logit_lens::report::json::{EarlierPrompt, earlier_prompts};
use logit_lens::run::{Prompts, Run};
use logit_lens::text::prompts::Item;

use super::reader::Reader;
#[cfg(feature = "explore")]
use {
    super::args::Args,
    super::assertions::quoted,
    super::sinks::Sinks,
    super::targets::Targets,
    super::verification::Verified,
    logit_lens::analysis::compare::layer_beside,
    logit_lens::analysis::statistics::Statistics,
    logit_lens::engine::Engine,
    logit_lens::explore::state::{Entry, Outcome, Summary},
    logit_lens::lens::{Layers, Request},
    logit_lens::model::Model,
    logit_lens::readout::lenses::LensChoice,
    logit_lens::report::Document,
    logit_lens::text::prompt::Prompt,
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
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(Error::usage(
            "--explore needs a terminal with a cursor that moves, and TERM is dumb.",
            "Use --heatmap for the picture alone, or -o lens.html for a page to explore.",
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

/// The run with the model of an earlier one where none is named, and that run's prompts.
///
/// # Errors
/// A file that is not the JSON of a run, or one of several models where none is named.
pub fn earlier(run: &Run) -> Result<(Run, Vec<EarlierPrompt>)> {
    let mut run = run.clone();
    let Prompts::Earlier(path) = &run.prompts else {
        return Ok((run, Vec::new()));
    };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::failed(
            format!("{name} cannot be read: {error}."),
            "Give --load the JSON that a run of prompts wrote.",
        )
    })?;
    let prompts = earlier_prompts(&text, &name)?;
    let (model, revision) = (&prompts[0].model, &prompts[0].revision);
    if run.models.is_empty() {
        if prompts.iter().any(|prompt| prompt.model != *model) {
            return Err(Error::usage(
                format!("{name} has readings of several models."),
                "Name the one that is to read its prompts: --model MODEL",
            )
            .into());
        }
        run.models = vec![model.clone()];
        run.hub.revision = run.hub.revision.or_else(|| revision.clone());
    }
    Ok((run, prompts))
}

/// Shows the explorer until it is left.
///
/// # Errors
/// Prompts that do not fit the model, or a terminal that cannot be drawn on.
#[cfg(feature = "explore")]
pub fn explore(
    reader: &Reader,
    second: Option<&Reader>,
    items: Vec<Item>,
    earlier: Vec<EarlierPrompt>,
) -> Result<ExitCode> {
    use logit_lens::explore::command::Options;
    use logit_lens::explore::screen::Colors;
    use logit_lens::explore::state::{MOST_TOP, View};
    use logit_lens::explore::{Setup, Source, explore};
    use logit_lens::report::Depth;

    let is_list = matches!(
        reader.run.prompts,
        Prompts::File(_) | Prompts::Stdin | Prompts::Earlier(_)
    );
    let by_ids = matches!(
        items.as_slice(),
        [Item {
            what: What::Ids(_),
            ..
        }]
    );
    let mut list = Vec::new();
    let (prompt, beside) = match (items.as_slice(), second) {
        ([item], None) if !is_list => (Some(reader.prompt(item)?), None),
        ([item], Some(second)) if !is_list => (Some(reader.prompt(item)?), Some(second.prompt(item)?)),
        ([item, other], None) if !is_list => (Some(reader.prompt(item)?), Some(reader.prompt(other)?)),
        ([], _) if earlier.is_empty() => {
            return Err(Error::usage("There are no prompts.", "Give some, one a line.").into());
        }
        _ => {
            list = match earlier.is_empty() {
                true => items
                    .into_iter()
                    .map(|item| (entry(&item, reader.model), item))
                    .collect(),
                false => earlier
                    .into_iter()
                    .map(|prompt| of_earlier(prompt, reader.model))
                    .collect(),
            };
            (None, None)
        }
    };
    let list: Vec<(Item, Entry)> = list.into_iter().map(|(entry, item)| (item, entry)).collect();
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
    // What is doubtful of a target cannot be said above a screen.
    let quiet = Run {
        quiet: true,
        ..run.clone()
    };
    let of_item = |which: usize, item: &Item| {
        let reader = if which == 1 {
            second.unwrap_or(reader)
        } else {
            reader
        };
        let mut prompt = match &item.what {
            What::Text(text) => reader.prompt_of_text(text)?,
            What::Ids(ids) => reader.model.prompt_of_ids(ids.clone())?,
        };
        Targets::default().resolve(item, &mut prompt, reader.model, &quiet)?;
        Ok(prompt)
    };
    // Above the screen nothing can be said.
    let listed = || list.iter().find_map(|(item, _)| of_item(0, item).ok());
    let shown = [
        (reader, prompt.clone().or_else(listed)),
        (second.unwrap_or(reader), beside.clone()),
    ];
    let mut verified = Verified::default();
    for (reader, prompt) in shown {
        if let Some(prompt) = prompt {
            reader.verify(&mut verified, &quoted(prompt.asked()), &prompt, None)?;
        }
    }
    if !verified.say(run) {
        let next = match reader.model.device.is_cpu() {
            true => "Leave --verify out to explore it all the same.",
            false => "Use --device cpu, or --verify=off to explore it all the same.",
        };
        return Err(Error::failed(
            "What would be explored is not what a second computation gives.",
            next,
        )
        .into());
    }
    let encode = |text: &str| reader.prompt_of_text(text);
    let encode_second = |text: &str| second.unwrap_or(reader).prompt_of_text(text);
    explore(&Setup {
        prompt,
        list,
        of_item: &of_item,
        run,
        options: Options {
            model: Args::given_again(&MODEL),
            text: Args::given_again(&["bos", "chat", "system"]),
            lenses: run.selection.lenses.iter().map(written).collect(),
        },
        by_ids,
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

/// An item as an entry of a list.
#[cfg(feature = "explore")]
fn entry(item: &Item, model: &Model) -> Entry {
    Entry {
        id: item.id.clone(),
        prompt: match &item.what {
            What::Text(text) => text.clone(),
            What::Ids(ids) => ids.iter().map(|&id| model.tokens.text(id)).collect(),
        },
        target: item.targets.first().cloned(),
        outcome: Outcome::Awaited,
        failures: Vec::new(),
    }
}

/// A prompt of an earlier run as an entry of a list, which says what it came to then.
#[cfg(feature = "explore")]
fn of_earlier(prompt: EarlierPrompt, model: &Model) -> (Entry, Item) {
    let targets = prompt.targets.iter().map(|(name, ids)| {
        let ids: Vec<String> = ids.iter().map(|id| format!("id:{id}")).collect();
        match ids.as_slice() {
            [id] => id.clone(),
            ids => format!("{name}={}", ids.join("|")),
        }
    });
    let item = Item {
        id: prompt.id.clone(),
        targets: targets.collect(),
        ..Item::new(What::Ids(prompt.ids))
    };
    let entry = Entry {
        id: prompt.id,
        prompt: prompt.text,
        target: prompt.targets.into_iter().next().map(|(name, _)| name),
        outcome: match prompt.output {
            Some((output, output_prob)) => Outcome::Read(Summary {
                output: model.tokens.label(output),
                output_prob,
                target: prompt.target,
                settles: prompt.settles_at,
            }),
            None => Outcome::Awaited,
        },
        failures: prompt.failures,
    };
    (entry, item)
}

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
pub fn explore(_: &Reader, _: Option<&Reader>, _: Vec<Item>, _: Vec<EarlierPrompt>) -> Result<ExitCode> {
    require_terminal().map(|()| ExitCode::SUCCESS)
}
