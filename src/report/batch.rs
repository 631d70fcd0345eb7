//! What a model answers to each of many prompts, in a line.

use super::Document;
use super::text::plain;
use crate::decoder::Point;

/// One prompt's answer.
pub struct Answer {
    /// Its id if it has one, and its text.
    pub prompt: String,
    /// The target's name, followed or not; `None` where the prompt has none.
    pub target: Option<String>,
    /// The target's probability and rank in the output; `None` of a target that is not followed, or where the
    /// output's row is not among those shown.
    pub value: Option<(f64, u64)>,
    /// The output's token as its label, and its probability.
    pub output: (String, f64),
    /// Whether the target is a token of the model.
    pub has_usable_target: bool,
    /// Whether the output is the target.
    pub is_target: bool,
    /// The first layer shown from which every top-1 is the output.
    pub settles_at: Option<usize>,
}

impl Answer {
    /// The answer at the position that the target belongs to, the prompt's last, or at the last one read.
    ///
    /// The target is the prompt's own first, else the request's first.
    pub fn of(document: &Document) -> Self {
        let trajectory = document.trajectory;
        let prompt = &trajectory.prompt;
        let at = trajectory.answer_position();
        let output = &trajectory.output[at];
        let unusable = prompt.unusable_targets.first();
        let tracked = trajectory.targets.first().filter(|_| unusable.is_none());
        let target = prompt.targets.first().or(tracked);
        let top1 = output.top1();
        let value = target.and_then(|target| {
            let row = trajectory.rows.iter().rposition(|row| {
                row.site.point == Point::ResidPost && row.site.layer + 1 == document.card.layers
            })?;
            let value = trajectory.value(target, row, at)?;
            Some((value.prob, value.rank))
        });
        let text = plain(&prompt.text);
        Self {
            prompt: match document.id {
                Some(id) => format!("{}  {text}", plain(id)),
                None => text,
            },
            target: target
                .map(|target| target.name.clone())
                .or(unusable.map(|text| plain(text))),
            value,
            output: (document.tokens.label(top1.id), top1.prob),
            has_usable_target: target.is_some(),
            is_target: target.is_some_and(|target| trajectory.is_output(target, at)),
            settles_at: trajectory.settles_at(at),
        }
    }
}

/// How many answers are the target, of those that have one.
#[derive(Default)]
pub struct Tally {
    prompts: usize,
    targets: usize,
    right: usize,
}

impl Tally {
    /// Counts an answer.
    pub fn add(&mut self, answer: &Answer) {
        self.prompts += 1;
        self.targets += usize::from(answer.has_usable_target);
        self.right += usize::from(answer.is_target);
    }

    /// The counts in a sentence; `None` where no prompt has a target.
    pub fn sentence(&self) -> Option<String> {
        let Self {
            prompts,
            targets,
            right,
        } = self;
        let share = 100. * *right as f64 / *targets as f64;
        let of = match targets == prompts {
            true => format!("{prompts} prompts"),
            false => format!("the {targets} prompts with a usable target, of {prompts}"),
        };
        (*targets > 0).then(|| format!("The output is the target in {right} of {of} ({share:.1}%)."))
    }
}
