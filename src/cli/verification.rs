//! An output computed a second way.

use std::process::ExitCode;

use anyhow::Result;
use logit_lens::analysis::verify::{Verification, Way, verify};
use logit_lens::lens::{Request, Trajectory};
use logit_lens::model::Model;
use logit_lens::readout::Reading;
use logit_lens::run::{Run, Verify};
use logit_lens::text::prompt::Prompt;

use super::reader::Reader;
use super::{say, say_failure};

/// Of a prompt that nobody asked to verify, so many tokens: a token's row depends on no later one.
const TOKENS: usize = 32;

/// What was held against a second computation in a run, and how far apart the two were.
#[derive(Default)]
pub(super) struct Verified<'a> {
    /// In the order that they were first verified in.
    all: Vec<Of<'a>>,
}

/// What was verified of one model, in one way.
struct Of<'a> {
    model: &'a Model,
    against: Against,
    outputs: usize,
    failed: usize,
    largest: Verification,
}

/// What an output was held against, and which output of a prompt that is.
#[derive(Clone, Copy, PartialEq)]
struct Against {
    way: Way,
    /// After how many tokens, where that is not the whole prompt.
    tokens: Option<usize>,
}

impl<'a> Verified<'a> {
    fn has(&self, model: &Model) -> bool {
        self.all.iter().any(|of| std::ptr::eq(of.model, model))
    }

    fn add(&mut self, model: &'a Model, against: Against, found: Verification) {
        let is_same = |of: &&mut Of| std::ptr::eq(of.model, model) && of.against == against;
        let failed = usize::from(!found.passes());
        match self.all.iter_mut().find(is_same) {
            Some(of) => {
                of.outputs += 1;
                of.failed += failed;
                of.largest = of.largest.or(found);
            }
            None => self.all.push(Of {
                model,
                against,
                outputs: 1,
                failed,
                largest: found,
            }),
        }
    }

    /// Says on stderr what was verified; whether all of it was.
    pub(super) fn say(&self, run: &Run) -> bool {
        for of in &self.all {
            let found = sentence(run, of.model, of.against, of.outputs, &of.largest);
            match (of.failed, of.outputs) {
                (0, _) if run.quiet => {}
                (0, _) => say(&format!("verified: {found}")),
                // It has been said.
                (_, 1) => {}
                (failed, outputs) => say_failure("NOT verified:", &format!("{failed} of {outputs}: {found}")),
            }
        }
        self.all.iter().all(|of| of.failed == 0)
    }

    /// The same, as the exit code of a run in which nothing else may fail.
    pub(super) fn ending(&self, run: &Run) -> ExitCode {
        match self.say(run) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

/// How far apart the outputs of so many prompts are at most.
fn sentence(run: &Run, model: &Model, against: Against, outputs: usize, found: &Verification) -> String {
    let second = match against.way {
        Way::Plain => "the plain float64 computation",
        Way::Cpu => "the CPU",
    };
    let (what, differ) = match outputs {
        1 => ("output".to_string(), "differs"),
        _ => (format!("outputs of {outputs} prompts"), "differ"),
    };
    // Two models may be one in two types.
    let whose = match run.models.as_slice() {
        [_, _] => format!(" of {:?} in {}", model.card.name, model.card.held),
        _ => String::new(),
    };
    let after = (against.tokens).map_or(String::new(), |n| format!(" after {n} tokens"));
    format!(
        "against {second} the {what}{whose}{after} {differ} by at most {:.2e} in a logit and {:.2e} in a probability; the \
         probabilities sum to 1{:+.1e}.",
        found.logit,
        found.prob,
        found.sum_of_probs - 1.
    )
}

impl<'a> Reader<'a> {
    /// Holds what is said after a prompt against a second computation, where the run asks for that: of every prompt,
    /// or unasked of the first that a model reads on a device. What was already `read` of the prompt is not read again;
    /// `name` is what an output that differs is told by, at once.
    pub(super) fn verify(
        &self,
        verified: &mut Verified<'a>,
        name: &str,
        prompt: &Prompt,
        read: Option<&Trajectory>,
    ) -> Result<()> {
        let (against, found) = match self.run.verify {
            Verify::Every => self.verification(prompt)?,
            Verify::FirstOnADevice if !self.model.device.is_cpu() && !verified.has(self.model) => {
                self.quick_verification(prompt, read)?
            }
            _ => return Ok(()),
        };
        if !found.passes() {
            let found = sentence(self.run, self.model, against, 1, &found);
            say_failure("NOT verified:", &format!("{name}: {found}"));
        }
        verified.add(self.model, against, found);
        Ok(())
    }

    /// The output computed a second way.
    fn verification(&self, prompt: &Prompt) -> Result<(Against, Verification)> {
        let reading = self.output_of(prompt.clone())?;
        self.held(&prompt.ids, &reading, Way::Plain, None)
    }

    /// The same for what it costs on the CPU: an output near the beginning of the prompt.
    fn quick_verification(
        &self,
        prompt: &Prompt,
        read: Option<&Trajectory>,
    ) -> Result<(Against, Verification)> {
        let mut prompt = prompt.clone();
        let length = prompt.ids.len();
        // Read where nothing would differ if the prompt ended there.
        let known = read.and_then(|read| {
            let mut places = read.positions.iter().zip(&read.output).rev();
            places.find(|&(&at, _)| at < TOKENS && self.model.decoder.can_continue(at + 1, length))
        });
        let tokens = known.map_or(TOKENS, |(&at, _)| at + 1);
        prompt.ids.truncate(tokens);
        let ids = prompt.ids.clone();
        let reading = match known {
            Some((_, reading)) => reading.clone(),
            None => self.output_of(prompt)?,
        };
        self.held(&ids, &reading, Way::Cpu, (tokens < length).then_some(tokens))
    }

    /// What the model says after the last token.
    fn output_of(&self, prompt: Prompt) -> Result<Reading> {
        let last = Request {
            layers: "-1".parse().map_err(anyhow::Error::msg)?,
            top_k: 10,
            ..Request::default()
        };
        let mut read = self.engine.read_prompts(vec![prompt], &last, &())?;
        Ok(read.remove(0).output.remove(0))
    }

    fn held(
        &self,
        ids: &[u32],
        reading: &Reading,
        way: Way,
        tokens: Option<usize>,
    ) -> Result<(Against, Verification)> {
        let found = verify(&self.model.decoder, ids, reading, way)?;
        Ok((Against { way, tokens }, found))
    }
}
