//! `--assert`: its expressions, and the error that shows where one goes wrong.

use clap::Command;
use clap::error::ErrorKind;
use logit_lens::analysis::assertions::{Assertion, Subject};

use super::Args;

impl Args {
    /// The assertions that were written, about what the run comes to.
    ///
    /// # Errors
    /// The first that is wrong, with a caret under the place.
    pub(super) fn assertions(&self, command: &mut Command) -> clap::error::Result<Vec<Assertion>> {
        let subject = match self.reading.summary {
            true => Subject::Summary,
            false => Subject::Prompt,
        };
        let parse = |text: &String| {
            Assertion::parse(text, subject).map_err(|error| {
                let message = format!("cannot read --assert: {}", error.pointed(text));
                command.error(ErrorKind::ValueValidation, message)
            })
        };
        self.check.asserted.iter().map(parse).collect()
    }
}
