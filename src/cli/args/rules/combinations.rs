//! What cannot go together in a run, whichever options said it.

use logit_lens::analysis::assertions::Assertion;
use logit_lens::analysis::statistics::Statistic;
use logit_lens::error::{Error, Result};
use logit_lens::readout::lenses::LensChoices;
use logit_lens::report::Format;
use logit_lens::run::{Run, Task};

use super::task;

/// Refuses a format that cannot show what the task comes to.
pub(super) fn check_formats(run: &Run) -> Result<()> {
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

/// Refuses a comparison of lenses where there is one.
pub(super) fn check_lens_kl(run: &Run) -> Result<()> {
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
pub(super) fn check_script(run: &Run) -> Result<()> {
    let is_script = run.outputs.iter().any(|output| !output.format.reads);
    match is_script && run.task == Task::Read && run.selection.lenses != LensChoices::default() {
        true => Err(Error::usage(
            "A script reads the logit lens alone, and --lens names others.",
            "Leave --lens out for the script, or choose another format.",
        )),
        false => Ok(()),
    }
}
