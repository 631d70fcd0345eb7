//! An output computed a second way.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use logit_lens::analysis::verify::{Way, verify};
use logit_lens::lens::{Request, Trajectory};
use logit_lens::readout::Reading;
use logit_lens::run::Verify;
use logit_lens::text::prompt::Prompt;

use super::reader::Reader;

/// Of a prompt that nobody asked to verify, so many tokens: a token's row depends on no later one.
const TOKENS: usize = 32;

/// How a run ends in which nothing else may fail.
pub(super) fn ending(verified: bool) -> ExitCode {
    match verified {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

impl Reader<'_> {
    /// Holds what is said after a prompt against a second computation, where the run asks for that: of every prompt,
    /// or unasked of the first that a device reads. Whether the two agree; what was already `read` of the prompt is
    /// not read again.
    pub(super) fn verified(
        &self,
        prompt: &Prompt,
        read: Option<&Trajectory>,
        is_first: bool,
    ) -> Result<bool> {
        match self.run.verify {
            Verify::Every => self.verification(prompt),
            Verify::FirstOnADevice if is_first && !self.model.device.is_cpu() => {
                self.quick_verification(prompt, read)
            }
            _ => Ok(true),
        }
    }

    /// Computes the output a second way and says on stderr how far apart the two are.
    fn verification(&self, prompt: &Prompt) -> Result<bool> {
        let reading = self.output_of(prompt.clone())?;
        self.compare(
            &prompt.ids,
            &reading,
            Way::Plain,
            format!("the plain float64 computation the output{}", self.whose()),
        )
    }

    /// The same for what it costs on the CPU: an output near the beginning of the prompt.
    fn quick_verification(&self, prompt: &Prompt, read: Option<&Trajectory>) -> Result<bool> {
        let mut prompt = prompt.clone();
        let length = prompt.ids.len();
        // Read where nothing would differ if the prompt ended there.
        let known = read.and_then(|read| {
            let mut places = read.positions.iter().zip(&read.output).rev();
            places.find(|&(&at, _)| at < TOKENS && self.model.decoder.can_continue(at + 1, length))
        });
        let tokens = known.map_or(TOKENS, |(&at, _)| at + 1);
        let what = match tokens < length {
            true => format!("the CPU the output{} after {tokens} tokens", self.whose()),
            false => format!("the CPU the output{}", self.whose()),
        };
        prompt.ids.truncate(tokens);
        let ids = prompt.ids.clone();
        let reading = match known {
            Some((_, reading)) => reading.clone(),
            None => self.output_of(prompt)?,
        };
        self.compare(&ids, &reading, Way::Cpu, what)
    }

    /// The model's name, where there are two.
    fn whose(&self) -> String {
        match self.run.models.as_slice() {
            [_, _] => format!(" of {:?}", self.model.card.name),
            _ => String::new(),
        }
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

    fn compare(&self, ids: &[u32], reading: &Reading, way: Way, what: String) -> Result<bool> {
        let found = verify(&self.model.decoder, ids, reading, way)?;
        let passes = found.passes();
        let verdict = if passes { "verified" } else { "NOT verified" };
        if !(passes && self.run.quiet) {
            // If stderr is closed, the exit code still tells.
            let _ = writeln!(
                std::io::stderr(),
                "{verdict}: against {what} differs by at most {:.2e} in a logit and {:.2e} in a probability; the \
                 probabilities sum to 1{:+.1e}.",
                found.logit,
                found.prob,
                found.sum_of_probs - 1.
            );
        }
        Ok(passes)
    }
}
