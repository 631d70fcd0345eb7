//! An output computed a second way.

use std::io::Write;

use anyhow::Result;
use logit_lens::analysis::verify::verify;
use logit_lens::lens::{Request, Trajectory};

use super::reader::Reader;

impl Reader<'_> {
    /// Computes the output a second way and says on stderr how far apart the two are.
    pub(super) fn verification(&self, trajectory: &Trajectory) -> Result<bool> {
        let last = Request {
            layers: "-1".parse().map_err(anyhow::Error::msg)?,
            top_k: 10,
            ..Request::default()
        };
        let prompt = trajectory.prompt.clone();
        let ids = prompt.ids.clone();
        let reading = &self.engine.read_prompts(vec![prompt], &last, &())?[0].output[0];
        let found = verify(&self.model.decoder, &ids, reading)?;
        let passes = found.passes(self.model.card.computed);
        let verdict = if passes { "verified" } else { "NOT verified" };
        if !(passes && self.run.quiet) {
            // If stderr is closed, the exit code still tells.
            let _ = writeln!(
                std::io::stderr(),
                "{verdict}: against the plain float64 computation the output differs by at most {:.2e} in a logit \
                 and {:.2e} in a probability; the probabilities sum to 1{:+.1e}.",
                found.logit,
                found.prob,
                found.sum_of_probs - 1.
            );
        }
        Ok(passes)
    }
}
