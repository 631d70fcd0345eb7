//! An output computed a second way.

use std::io::Write;

use anyhow::Result;
use logit_lens::analysis::verify::{Way, verify};
use logit_lens::lens::{Request, Trajectory};
use logit_lens::readout::Reading;
use logit_lens::text::prompt::Prompt;

use super::reader::Reader;

/// Of a prompt that nobody asked to verify, so many tokens: a token's row depends on no later one.
const TOKENS: usize = 32;

impl Reader<'_> {
    /// Computes the output a second way and says on stderr how far apart the two are.
    pub(super) fn verification(&self, trajectory: &Trajectory) -> Result<bool> {
        let prompt = &trajectory.prompt;
        let reading = self.output_of(prompt.clone())?;
        self.compare(
            &prompt.ids,
            &reading,
            Way::Plain,
            "the plain float64 computation the output",
        )
    }

    /// The same unasked, for what it costs on the CPU: an output near the beginning of the prompt.
    pub(super) fn quick_verification(&self, trajectory: &Trajectory) -> Result<bool> {
        let mut prompt = trajectory.prompt.clone();
        let length = prompt.ids.len();
        // Read where nothing would differ if the prompt ended there.
        let known = (trajectory.positions.iter())
            .rposition(|&at| at < TOKENS && self.model.decoder.can_continue(at + 1, length));
        let (tokens, known) = match known {
            Some(at) => (trajectory.positions[at] + 1, Some(trajectory.output[at].clone())),
            None => (TOKENS, None),
        };
        let what = match tokens < length {
            true => format!("the CPU the output after {tokens} tokens"),
            false => "the CPU the output".to_string(),
        };
        prompt.ids.truncate(tokens);
        let ids = prompt.ids.clone();
        let reading = match known {
            Some(reading) => reading,
            None => self.output_of(prompt)?,
        };
        self.compare(&ids, &reading, Way::Cpu, &what)
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

    fn compare(&self, ids: &[u32], reading: &Reading, way: Way, what: &str) -> Result<bool> {
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
