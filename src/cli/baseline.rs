//! `--baseline`: a run held against the JSON of an earlier one.

use std::collections::BTreeMap;
use std::path::Path;

use logit_lens::error::{Error, Result};
use logit_lens::report::json::{Baseline, Move, Quantity};
use logit_lens::report::{Document, lens_name};
use logit_lens::run::Run;

use super::{note, say_failure};

/// An earlier run, and what moved most since.
pub struct AgainstBaseline<'a> {
    run: &'a Run,
    baseline: Baseline,
    most: BTreeMap<Quantity, Move>,
    prompts: usize,
    /// What each prompt that moved is called.
    names: BTreeMap<usize, String>,
}

impl<'a> AgainstBaseline<'a> {
    /// The earlier run of `run`, if it has one.
    ///
    /// # Errors
    /// A file that cannot be read, or is no JSON of an earlier run.
    pub fn open(run: &'a Run) -> Result<Option<Self>> {
        let Some(path) = &run.baseline else {
            return Ok(None);
        };
        Ok(Some(Self {
            run,
            baseline: Baseline::parse(&read(path)?, &path.display().to_string())?,
            most: BTreeMap::new(),
            prompts: 0,
            names: BTreeMap::new(),
        }))
    }

    /// Compares a prompt's readings with the earlier ones.
    ///
    /// # Errors
    /// A prompt that the earlier run does not have.
    pub fn compare(&mut self, document: &Document, name: &str) -> Result<()> {
        self.prompts += 1;
        for found in self.baseline.compare(document)? {
            let is_more = |most: &Move| found.distance() > most.distance();
            if self.most.get(&found.quantity).is_none_or(is_more) {
                self.names.insert(found.prompt, name.to_string());
                self.most.insert(found.quantity, found);
            }
        }
        Ok(())
    }

    /// Says what moved most, and whether nothing moved further than it may.
    ///
    /// # Errors
    /// An earlier run of more prompts.
    pub fn finish(self) -> Result<bool> {
        if self.prompts != self.baseline.len() {
            return Err(Error::failed(
                format!(
                    "The baseline has {} prompts, and this run {}.",
                    self.baseline.len(),
                    self.prompts
                ),
                "Read the prompts of the earlier run, in its order.",
            ));
        }
        let mut within = true;
        for quantity in Quantity::all() {
            let Some(most) = self.most.get(&quantity) else {
                continue;
            };
            let tolerance = self.run.tolerance.of(quantity);
            let sentence = self.sentence(most);
            match most.distance() <= tolerance {
                true => note(self.run, &format!("against the baseline, {sentence}.")),
                false => {
                    within = false;
                    say_failure("moved:", &format!("{sentence}; the tolerance is {tolerance:e}"));
                }
            }
        }
        Ok(within)
    }

    fn sentence(&self, most: &Move) -> String {
        let token = most
            .token
            .as_ref()
            .map_or(String::new(), |token| format!(" of {token}"));
        let name = self.names.get(&most.prompt).map_or("", String::as_str);
        let lens = most.lens.as_ref().map_or(String::new(), |lens| {
            format!(" under the {} lens", lens_name(lens))
        });
        format!(
            "{}{token} moved by {:.2e} at most: from {:.6} to {:.6} at layer {}, position {}{lens}, {name}",
            most.quantity.name(),
            most.distance(),
            most.before,
            most.now,
            most.layer,
            most.position
        )
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::failed(
            format!("{} cannot be read: {error}.", path.display()),
            "Give --baseline the JSON of an earlier run: lens … -o before.json",
        )
    })
}
