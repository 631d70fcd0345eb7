//! What a run has that an option may need.

use logit_lens::report::{Presentation, Setting};
use logit_lens::run::{Prompts, Run, Task};
use logit_lens::source;
use logit_lens::text::prompts::What;

/// Whether a model is one of the hub.
pub(super) fn reads_the_hub(run: &Run) -> bool {
    run.models.iter().any(|model| source::is_on_the_hub(model))
}

/// Whether this machine runs the model.
pub(super) fn runs_here(run: &Run) -> bool {
    run.remote.is_none() && run.reads()
}

/// Whether a prompt may be text.
pub(super) fn has_texts(run: &Run) -> bool {
    match &run.prompts {
        Prompts::Given(items) => items.iter().any(|item| matches!(item.what, What::Text(_))),
        Prompts::File(_) | Prompts::Stdin => true,
        // Those have the tokens that they had.
        Prompts::Earlier(_) => false,
    }
}

/// Whether prompts may bring targets of their own.
pub(super) fn reads_records(run: &Run) -> bool {
    matches!(run.prompts, Prompts::File(_) | Prompts::Stdin)
}

/// Whether the explorer has a list to go through.
pub(super) fn explores_a_list(run: &Run) -> bool {
    run.task == Task::Explore && !matches!(run.prompts, Prompts::Given(_))
}

/// Whether there may be a target.
pub(super) fn names_targets(run: &Run) -> bool {
    let asserts = run
        .assertions
        .iter()
        .any(|assertion| assertion.followed().next().is_some());
    !run.selection.track.is_empty() || asserts || reads_records(run)
}

/// Whether an output can show each of several prompts.
pub(super) fn shows_each_prompt(run: &Run) -> bool {
    run.presentation.many && has_use(run, Setting::EachPrompt)
}

/// Whether some output shows `setting`.
pub(super) fn has_use(run: &Run, setting: Setting) -> bool {
    let presentation = Presentation {
        brief: run.is_brief(),
        ..run.presentation.clone()
    };
    let mut formats = run.outputs.iter().map(|output| output.format);
    formats.any(|format| (format.settings)(&presentation).contains(&setting))
}
