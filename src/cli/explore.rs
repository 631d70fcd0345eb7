//! `--explore`: what the explorer is given, or why there is none.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use logit_lens::error::Error;
use logit_lens::text::prompts::Item;

use super::read::Reader;

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
    explore(&Setup {
        model: reader.model,
        prompt: reader.prompt(item)?,
        view: View {
            color_by: presentation.color_by,
            order: presentation.order,
            words: presentation.words,
            top_k: run.selection.top_k.unwrap_or(View::default().top_k).min(MOST_TOP),
            ..View::default()
        },
        pins: request.targets.clone(),
        request,
        colors,
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "explore"))]
pub fn explore(_: &Reader, _: Vec<Item>) -> Result<ExitCode> {
    require_terminal().map(|()| ExitCode::SUCCESS)
}
