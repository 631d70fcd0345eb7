//! The main job: prompts → readings → every output.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use logit_lens::lens::Request;
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
    /// Reads all prompts, and writes each as soon as it is done.
    pub fn read(&self, input: Input, mut sinks: Sinks) -> Result<ExitCode> {
        let request = self.request(&sinks)?;
        let remote = self.run.remote.as_ref();
        if let Some(remark) = remote.and_then(|remote| remote.remark(self.model, &request)) {
            note(self.run, &remark);
        }
        // What does not fit the model is said before anything is read.
        request.layers.resolve(self.model.decoder.blocks.len())?;
        let baseline = AgainstBaseline::open(self.run)?;
        let assertions = Assertions::new(self.run, self.model, &request)?;
        // Counting them is for those who see the bar.
        let prompts = match self.run.quiet || !std::io::stderr().is_terminal() {
            true => None,
            false => count(&self.run.prompts),
        };
        let bar = Bar::new(self.run.quiet, prompts);
        let mut pass = Pass::new(self, &request, (assertions, baseline), &bar);
        match self.run.encoding.generate {
            Some(count) => self.read_each_continued(input, count, &request, &mut pass, &mut sinks, &bar)?,
            None => self.read_in_batches(input, &request, &mut pass, &mut sinks)?,
        }
        if pass.done() == 0 {
            note(self.run, "there are no prompts.");
        }
        self.targets.note_count(self.run);
        pass.finish(sinks)
    }

    /// Continues and reads one prompt after another.
    fn read_each_continued(
        &self,
        input: Input,
        count: usize,
        request: &Request,
        pass: &mut Pass,
        sinks: &mut Sinks,
        bar: &Bar,
    ) -> Result<()> {
        for item in input {
            let item = item?;
            let read = self.read_continued((&item, pass.done()), count, request, sinks, bar)?;
            pass.write(&[item], &[read], request, sinks)?;
        }
        Ok(())
    }

    /// Reads the prompts, batch after batch.
    fn read_in_batches(
        &self,
        mut input: Input,
        request: &Request,
        pass: &mut Pass,
        sinks: &mut Sinks,
    ) -> Result<()> {
        let limit = self.engine.batch_tokens(request);
        let (mut batch, mut tokens) = (Vec::new(), 0);
        while let Some(item) = input.next() {
            let ready = item.and_then(|item| Ok((self.prompt(&item)?, item)));
            let (prompt, item) = match ready {
                Ok(ready) => ready,
                Err(error) => {
                    // What came before it is read all the same.
                    if !batch.is_empty() {
                        pass.batch(batch, request, sinks)?;
                    }
                    return Err(error);
                }
            };
            let is_full = tokens + prompt.ids.len() > limit || batch.len() >= self.engine.batch_prompts();
            if !batch.is_empty() && is_full {
                pass.batch(std::mem::take(&mut batch), request, sinks)?;
                tokens = 0;
            }
            tokens += prompt.ids.len();
            batch.push((item, prompt));
            if input.one_by_one {
                pass.batch(std::mem::take(&mut batch), request, sinks)?;
                tokens = 0;
            }
        }
        if !batch.is_empty() {
            pass.batch(batch, request, sinks)?;
        }
        Ok(())
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
