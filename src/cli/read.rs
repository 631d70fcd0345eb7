//! The main job: prompts → readings → every output.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use logit_lens::report;

use super::assertions::Assertions;
use super::baseline::AgainstBaseline;
use super::input::{Input, count};
use super::note;
use super::pass::Pass;
use super::progress::Bar;
use super::reader::Reader;
use super::sinks::Sinks;

impl Reader<'_> {
    /// Reads all prompts, batch after batch, and writes each as soon as it is done.
    pub fn read(&self, mut input: Input, mut sinks: Sinks) -> Result<ExitCode> {
        let request = self.request(&sinks)?;
        let remote = self.run.remote.as_ref();
        if let Some(remark) = remote.and_then(|remote| remote.remark(self.model, &request)) {
            note(self.run, &remark);
        }
        // What does not fit the model is said before anything is read.
        request.layers.resolve(self.model.decoder.blocks.len())?;
        let baseline = AgainstBaseline::open(self.run)?;
        let assertions = Assertions::new(self.run, self.model, &request)?;
        let limit = self.engine.batch_tokens(&request);
        // Counting them is for those who see the bar.
        let prompts = match self.run.quiet || !std::io::stderr().is_terminal() {
            true => None,
            false => count(&self.run.prompts),
        };
        let bar = Bar::new(self.run.quiet, prompts);
        let mut pass = Pass::new(self, &request, (assertions, baseline), &bar);
        let (mut batch, mut tokens) = (Vec::new(), 0);
        while let Some(item) = input.next() {
            let number = pass.done() + batch.len();
            let ready = item.and_then(|item| {
                let prompt = match sinks.stream() {
                    true => self.streamed_prompt(&item, number, &request, &mut sinks)?,
                    false => self.prompt(&item)?,
                };
                Ok((prompt, item))
            });
            let (item, prompt) = match ready {
                Ok((prompt, item)) => (item, prompt),
                Err(error) => {
                    // What came before it is read all the same.
                    if !batch.is_empty() {
                        pass.batch(batch, &request, &mut sinks)?;
                    }
                    return Err(error);
                }
            };
            let is_full = tokens + prompt.ids.len() > limit || batch.len() >= self.engine.batch_prompts();
            if !batch.is_empty() && is_full {
                pass.batch(std::mem::take(&mut batch), &request, &mut sinks)?;
                tokens = 0;
            }
            tokens += prompt.ids.len();
            batch.push((item, prompt));
            if input.one_by_one {
                pass.batch(std::mem::take(&mut batch), &request, &mut sinks)?;
                tokens = 0;
            }
        }
        if batch.is_empty() && pass.done() == 0 {
            note(self.run, "there are no prompts.");
        }
        if !batch.is_empty() {
            pass.batch(batch, &request, &mut sinks)?;
        }
        self.targets.note_count(self.run);
        pass.finish(sinks)
    }

    /// Shows how the prompts are cut into tokens.
    pub fn show_tokens(&self, input: Input, mut sinks: Sinks) -> Result<ExitCode> {
        let mut prompts = Vec::new();
        for item in input {
            prompts.push(self.prompt(&item?)?);
        }
        sinks.sheet(&report::tokenisation(
            &prompts,
            &self.model.tokens,
            &self.model.card.name,
        ))?;
        sinks.finish()?;
        Ok(ExitCode::SUCCESS)
    }
}
