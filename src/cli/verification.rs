//! An output computed a second way.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use logit_lens::analysis::verify::{Verification, Way, verify};
use logit_lens::lens::{Request, Trajectory};
use logit_lens::readout::Reading;
use logit_lens::run::Verify;
use logit_lens::text::prompt::Prompt;

use super::reader::Reader;

/// Of a prompt that nobody asked to verify, so many tokens: a token's row depends on no later one.
const TOKENS: usize = 32;

/// What was held against a second computation in a run, and how far apart the two were.
#[derive(Default)]
pub(super) struct Verified {
    /// One for each model, in the order that they were first verified in.
    of: Vec<Of>,
}

/// What was verified of one model, in one way.
struct Of {
    against: Against,
    outputs: usize,
    failed: usize,
    largest: Verification,
}

/// What an output was held against, and which output that is, in the words of a sentence.
#[derive(PartialEq)]
struct Against {
    way: Way,
    /// The model, where there are two.
    whose: Option<String>,
    /// After how many tokens, where that is not the whole prompt.
    tokens: Option<usize>,
}

impl Verified {
    fn add(&mut self, against: Against, name: &str, found: Verification) {
        if !found.passes() {
            complain(&format!(
                "NOT verified: {name}: {}",
                against.sentence("output", "differs", &found)
            ));
        }
        let of = match self.of.iter().position(|of| of.against == against) {
            Some(at) => &mut self.of[at],
            None => {
                self.of.push(Of {
                    against,
                    outputs: 0,
                    failed: 0,
                    largest: found,
                });
                let last = self.of.len() - 1;
                &mut self.of[last]
            }
        };
        of.outputs += 1;
        of.failed += usize::from(!found.passes());
        of.largest = of.largest.or(found);
    }

    /// Says on stderr what was verified; whether all of it was.
    pub(super) fn say(&self, is_quiet: bool) -> bool {
        for of in &self.of {
            let outputs = format!("outputs of {} prompts", of.outputs);
            match (of.outputs, of.failed) {
                (_, 0) if is_quiet => {}
                (1, 0) => complain(&format!(
                    "verified: {}",
                    of.against.sentence("output", "differs", &of.largest)
                )),
                (_, 0) => complain(&format!(
                    "verified: {}",
                    of.against.sentence(&outputs, "differ", &of.largest)
                )),
                // It has been said.
                (1, _) => {}
                (_, failed) => complain(&format!(
                    "NOT verified: {failed} of {}: {}",
                    of.outputs,
                    of.against.sentence(&outputs, "differ", &of.largest)
                )),
            }
        }
        self.of.iter().all(|of| of.failed == 0)
    }

    /// The same, as the exit code of a run in which nothing else may fail.
    pub(super) fn ending(&self, is_quiet: bool) -> ExitCode {
        match self.say(is_quiet) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

impl Against {
    fn sentence(&self, what: &str, differ: &str, found: &Verification) -> String {
        let second = match self.way {
            Way::Plain => "the plain float64 computation",
            Way::Cpu => "the CPU",
        };
        let whose = self
            .whose
            .as_ref()
            .map_or(String::new(), |name| format!(" of {name:?}"));
        let after = self
            .tokens
            .map_or(String::new(), |n| format!(" after {n} tokens"));
        format!(
            "against {second} the {what}{whose}{after} {differ} by at most {:.2e} in a logit and {:.2e} in a probability; \
             the probabilities sum to 1{:+.1e}.",
            found.logit,
            found.prob,
            found.sum_of_probs - 1.
        )
    }
}

/// If stderr is closed, the exit code still tells.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Reader<'_> {
    /// Holds what is said after a prompt against a second computation, where the run asks for that: of every prompt,
    /// or unasked of the first that a device reads. What was already `read` of the prompt is not read again; `name`
    /// is what an output that differs is told by.
    pub(super) fn verify(
        &self,
        verified: &mut Verified,
        (name, prompt): (&str, &Prompt),
        read: Option<&Trajectory>,
        is_first: bool,
    ) -> Result<()> {
        let (against, found) = match self.run.verify {
            Verify::Every => self.verification(prompt)?,
            Verify::FirstOnADevice if is_first && !self.model.device.is_cpu() => {
                self.quick_verification(prompt, read)?
            }
            _ => return Ok(()),
        };
        verified.add(against, name, found);
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
        let whose = match self.run.models.as_slice() {
            [_, _] => Some(self.model.card.name.clone()),
            _ => None,
        };
        Ok((Against { way, whose, tokens }, found))
    }
}
