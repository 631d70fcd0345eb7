//! The targets that prompts bring, as tokens of the model.

use std::cell::Cell;

use logit_lens::error::{Error, Result};
use logit_lens::model::Model;
use logit_lens::run::{Run, Spelling, Task, UnusableTargets};
use logit_lens::text::prompt::Prompt;
use logit_lens::text::prompts::Item;
use logit_lens::text::targets::{Target, TargetSpec};

use super::note;

/// Of so many prompts it is said which target cannot be used, of the others how many they are.
const NOTED: usize = 3;

/// Makes tokens of targets, and counts the prompts with some that cannot be used.
#[derive(Default)]
pub struct Targets {
    unusable: Cell<usize>,
}

impl Targets {
    /// Gives `prompt` the targets of its item.
    ///
    /// # Errors
    /// A target that cannot be used, where the run is to end then.
    pub fn resolve(&self, item: &Item, prompt: &mut Prompt, model: &Model, run: &Run) -> Result<()> {
        // The targets of two sides belong together, so that neither can be without one.
        let strict = run.unusable_targets == UnusableTargets::Error || run.task == Task::Compare;
        for text in &item.targets {
            match resolve(text, prompt, model, run.spelling) {
                Ok(target) => prompt.targets.push(target),
                Err(error) if strict => return Err(error),
                Err(error) => {
                    if prompt.unusable_targets.is_empty() {
                        self.count(item, &error, run);
                    }
                    prompt.unusable_targets.push(text.clone());
                }
            }
        }
        Ok(())
    }

    fn count(&self, item: &Item, error: &Error, run: &Run) {
        let before = self.unusable.replace(self.unusable.get() + 1);
        if before < NOTED {
            let origin = item.origin.as_deref();
            let place = origin.map_or(String::new(), |origin| format!("{origin}: "));
            let problem = error.problem.trim_end_matches('.');
            note(run, &format!("{place}{problem}; this target is skipped."));
        }
    }

    /// Says of how many prompts a target was skipped, where that was not said of each.
    pub fn note_count(&self, run: &Run) {
        let count = self.unusable.get();
        if count > NOTED {
            note(
                run,
                &format!("in all, {count} prompts have a target that was skipped."),
            );
        }
    }
}

fn resolve(text: &str, prompt: &Prompt, model: &Model, spelling: Spelling) -> Result<Target> {
    const REMEDY: &str = "Give a target as --track takes it, or choose --targets skip.";
    let spec: TargetSpec = text
        .parse()
        .map_err(|e| Error::usage(format!("cannot read the target {text:?}: {e}."), REMEDY))?;
    let target = spelling.resolve(&spec, model).map_err(|error| Error {
        remedy: REMEDY.to_string(),
        ..error
    })?;
    let tokens = prompt.ids.len() + target.ids.len();
    match model
        .card
        .context
        .filter(|&context| target.sequence && tokens > context)
    {
        None => Ok(target),
        Some(context) => Err(Error::usage(
            format!(
                "the target {text:?} does not fit into the model's context, {context}, after the prompt."
            ),
            REMEDY,
        )),
    }
}
