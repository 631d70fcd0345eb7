//! What each prompt of a list comes to at its end: a few at once, whenever there is nothing else to do.

use std::collections::VecDeque;

use crate::engine::Engine;
use crate::explore::state::{Outcome, Summary};
use crate::lens::{Request, Trajectory};
use crate::model::Model;
use crate::text::prompt::Prompt;

/// The tokens that are read together: short enough that one does not wait for them.
const TOKENS: usize = 256;

/// Prompts that are to be read, each with its number in the list.
pub(super) struct Survey {
    pub request: Request,
    pub prompts: VecDeque<(usize, Prompt)>,
}

/// The number of a prompt, what it comes to, and what its target is called.
pub type Listed = (usize, Outcome, Option<String>);

impl Survey {
    /// Reads the next few.
    pub fn step(&mut self, model: &Model) -> Vec<Listed> {
        let (mut batch, mut tokens) = (Vec::new(), 0);
        while let Some((nth, prompt)) = self.prompts.pop_front() {
            tokens += prompt.ids.len();
            batch.push((nth, prompt));
            if tokens >= TOKENS {
                break;
            }
        }
        let prompts = batch.iter().map(|(_, prompt)| prompt.clone()).collect();
        match model.read_prompts(prompts, &self.request, &()) {
            Ok(read) => (batch.iter().zip(&read))
                .map(|((nth, _), trajectory)| listed(*nth, trajectory, model))
                .collect(),
            // One of them cannot be read: which?
            Err(_) => (batch.into_iter())
                .map(
                    |(nth, prompt)| match model.read_prompts(vec![prompt], &self.request, &()) {
                        Ok(read) => listed(nth, &read[0], model),
                        Err(error) => (nth, Outcome::Refused(error.problem), None),
                    },
                )
                .collect(),
        }
    }
}

fn listed(nth: usize, trajectory: &Trajectory, model: &Model) -> Listed {
    let at = trajectory.answer_position();
    let output = trajectory.output[at].top1();
    let target = trajectory.targets.first();
    let last = trajectory.rows.len() - 1;
    let value = target.and_then(|target| trajectory.value(target, last, at));
    let summary = Summary {
        output: model.tokens.label(output.id),
        output_prob: output.prob,
        target: value.map(|value| (value.prob, value.rank)),
        settles: trajectory.settles_at(at),
    };
    let name = target.map(|target| target.name.clone());
    (nth, Outcome::Read(summary), name)
}
