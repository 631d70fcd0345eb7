//! Targets of several tokens: the prompt continued by the target, each token read at the position before it.

use crate::error::{Error, Result};
use crate::lens::{Continuation, Follow, Positions, Request, Track, Trajectory};
use crate::text::prompt::Prompt;
use crate::text::targets::Target;

/// A prompt to be continued.
struct Wanted<'a> {
    /// The number of its trajectory.
    of: usize,
    target: &'a Target,
}

/// Reads the targets of `trajectories` that are several tokens in a row, with `read`, which takes prompts of
/// `most_tokens` tokens at once, each no longer than `context`.
///
/// # Errors
/// Those of `read`, and a target that the context does not hold after its prompt.
pub(super) fn add_continuations(
    trajectories: &mut [Trajectory],
    request: &Request,
    most_tokens: usize,
    context: Option<usize>,
    read: impl Fn(Vec<Prompt>, &Request) -> Result<Vec<Trajectory>>,
) -> Result<()> {
    // Of each trajectory, of each lens.
    let mut found: Vec<Vec<Vec<Continuation>>> = (trajectories.iter())
        .map(|trajectory| trajectory.of_each_lens().map(|_| Vec::new()).collect())
        .collect();
    let mut wanted: Vec<Wanted> = Vec::new();
    for (of, trajectory) in trajectories.iter().enumerate() {
        let targets = trajectory.targets.iter().chain(&request.against);
        for target in targets.filter(|target| target.sequence) {
            let is_there = |other: &Wanted| other.of == of && other.target.ids == target.ids;
            if !wanted.iter().any(is_there) {
                wanted.push(Wanted { of, target });
            }
        }
    }
    // Those of one length have the same positions to read.
    wanted.sort_by_key(|wanted| wanted.target.ids.len());
    let same_length = |a: &Wanted, b: &Wanted| a.target.ids.len() == b.target.ids.len();
    for group in wanted.chunk_by(same_length) {
        let count = group[0].target.ids.len();
        let request = Request {
            positions: Positions::before_the_last(count),
            top_k: 1,
            distances: false,
            lens_kl: false,
            targets: Vec::new(),
            against: None,
            follow: Follow::Nothing,
            follow_next: true,
            keep_rows: false,
            ..request.clone()
        };
        let mut rest = group;
        while !rest.is_empty() {
            let (mut prompts, mut tokens) = (Vec::new(), 0);
            for wanted in rest {
                let prompt = continued(&trajectories[wanted.of].prompt, wanted.target, context)?;
                tokens += prompt.ids.len();
                if tokens > most_tokens && !prompts.is_empty() {
                    break;
                }
                prompts.push(prompt);
            }
            let (now, later) = rest.split_at(prompts.len());
            for (wanted, trajectory) in now.iter().zip(read(prompts, &request)?) {
                for (found, read) in found[wanted.of].iter_mut().zip(trajectory.of_each_lens()) {
                    found.push(continuation(wanted.target, read)?);
                }
            }
            rest = later;
        }
    }
    for (trajectory, found) in trajectories.iter_mut().zip(found) {
        let mut found = found.into_iter();
        trajectory.continuations = found.next().unwrap_or_default();
        let others = trajectory.others.iter_mut().zip(found);
        others.for_each(|(other, found)| other.continuations = found);
    }
    Ok(())
}

/// The prompt as it was given, and the target after it.
fn continued(prompt: &Prompt, target: &Target, context: Option<usize>) -> Result<Prompt> {
    let given = &prompt.ids[..prompt.ids.len() - prompt.generated];
    let ids = [given, &target.ids].concat();
    match context.filter(|&context| ids.len() > context) {
        None => Ok(Prompt {
            ids,
            generated: 0,
            targets: Vec::new(),
            unusable_targets: Vec::new(),
            ..prompt.clone()
        }),
        Some(context) => Err(Error::usage(
            format!(
                "The prompt's {} tokens and the {} of the target {} are more than the model's context, {context}.",
                given.len(),
                target.ids.len(),
                target.name
            ),
            "Shorten the prompt, or give --first-token.",
        )),
    }
}

/// The target as the prompt continued by it was read.
fn continuation(target: &Target, trajectory: &Trajectory) -> Result<Continuation> {
    let tops = trajectory.output.iter().map(|output| output.top1().id);
    let is_output = tops.eq(target.ids.iter().copied());
    let tracks = target.ids.iter().zip(&trajectory.tracked).map(|(&id, tracks)| {
        let track = tracks.iter().find(|track| track.id == id);
        track.cloned().ok_or_else(|| {
            Error::failed(
                format!("A token of the target {} was not followed.", target.name),
                "This is a defect worth reporting.",
            )
        })
    });
    Ok(Continuation {
        tokens: tracks.collect::<Result<Vec<Track>>>()?,
        is_output,
    })
}
