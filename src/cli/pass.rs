//! A run through all prompts, batch by batch: what is read of each is written, summed up and checked.

use std::process::ExitCode;

use anyhow::Result;
use logit_lens::analysis::statistics::Statistics;
use logit_lens::analysis::summary::Summary;
use logit_lens::lens::{Request, Trajectory};
use logit_lens::readout::lenses::PromptDoubt;
use logit_lens::report::{self, Document};
use logit_lens::run::Task;
use logit_lens::text::prompt::Prompt;
use logit_lens::text::prompts::Item;

use super::assertions::{Assertions, NOT_HELD, name_of};
use super::baseline::AgainstBaseline;
use super::note;
use super::progress::Bar;
use super::reader::Reader;
use super::sinks::Sinks;
use super::verification::Verified;

/// A run through many batches.
pub(super) struct Pass<'a> {
    reader: &'a Reader<'a>,
    /// One for each lens, where means are wanted.
    summaries: Vec<Summary>,
    assertions: Assertions<'a>,
    baseline: Option<AgainstBaseline<'a>>,
    bar: &'a Bar,
    /// The number of prompts that are done.
    number: usize,
    verified: Verified<'a>,
    /// Whether it was said that another form of a target is likelier.
    warned: bool,
    /// What was said to be doubtful of a lens, each once.
    lens_doubts: Vec<PromptDoubt>,
}

impl<'a> Pass<'a> {
    /// Of nothing yet.
    pub(super) fn new(
        reader: &'a Reader<'a>,
        request: &Request,
        (assertions, baseline): (Assertions<'a>, Option<AgainstBaseline<'a>>),
        bar: &'a Bar,
    ) -> Self {
        Self {
            reader,
            summaries: match reader.run.task {
                Task::Summary => vec![Summary::new(reader.run.top_k()); request.lenses.len()],
                _ => Vec::new(),
            },
            assertions,
            baseline,
            bar,
            number: 0,
            verified: Verified::default(),
            warned: false,
            lens_doubts: Vec::new(),
        }
    }

    /// The number of prompts that are done.
    pub(super) fn done(&self) -> usize {
        self.number
    }

    /// Reads a batch and writes each of its prompts.
    pub(super) fn batch(
        &mut self,
        batch: Vec<(Item, Prompt)>,
        request: &Request,
        sinks: &mut Sinks,
    ) -> Result<()> {
        let (items, prompts): (Vec<Item>, Vec<Prompt>) = batch.into_iter().unzip();
        let engine = self.reader.engine;
        let trajectories = match prompts.as_slice() {
            _ if !self.reader.run.reads() => {
                let blocks = self.reader.model.card.layers;
                let unread = prompts
                    .into_iter()
                    .map(|prompt| Trajectory::unread(prompt, request, blocks));
                unread.collect::<logit_lens::error::Result<_>>()?
            }
            [_] => {
                let read = engine.read_prompts(prompts, request, self.bar);
                read.map_err(|error| items[0].locate(error))?
            }
            _ => engine.read_prompts(prompts, request, self.bar)?,
        };
        self.write(&items, &trajectories, request, sinks)
    }

    /// Writes each of some prompts that are read.
    pub(super) fn write(
        &mut self,
        items: &[Item],
        trajectories: &[Trajectory],
        request: &Request,
        sinks: &mut Sinks,
    ) -> Result<()> {
        let bar = self.bar;
        bar.hide(|| {
            let mut read = items.iter().zip(trajectories);
            read.try_for_each(|(item, trajectory)| self.one(item, trajectory, request, sinks))
        })?;
        bar.prompts_done(self.number);
        Ok(())
    }

    fn one(
        &mut self,
        item: &Item,
        trajectory: &Trajectory,
        request: &Request,
        sinks: &mut Sinks,
    ) -> Result<()> {
        let model = self.reader.model;
        if !self.warned {
            self.warned = self.other_form(trajectory);
        }
        self.reader.note_lenses(trajectory, &mut self.lens_doubts);
        match self.summaries.as_mut_slice() {
            [_, ..] => (self.summaries.iter_mut().zip(trajectory.of_each_lens()))
                .for_each(|(summary, read)| summary.add(read)),
            [] => {
                let outcomes = self.assertions.check(item, trajectory, model);
                let document = Document {
                    card: &model.card,
                    tokens: &model.tokens,
                    trajectory,
                    statistics: &Statistics::none(),
                    against: request.against.as_ref(),
                    assertions: &outcomes,
                    number: self.number,
                    id: item.id.as_deref(),
                };
                sinks.document(&document)?;
                if let Some(baseline) = &mut self.baseline {
                    baseline.compare(&document, &name_of(item, trajectory.prompt.asked()))?;
                }
            }
        }
        let prompt = &trajectory.prompt;
        let name = name_of(item, prompt.asked());
        (self.reader).verify(&mut self.verified, &name, prompt, Some(trajectory))?;
        self.number += 1;
        Ok(())
    }

    /// Writes the means, or the end of the documents; what comes of all that had to hold.
    pub(super) fn finish(self, mut sinks: Sinks) -> Result<ExitCode> {
        let Self {
            reader,
            summaries,
            mut assertions,
            baseline,
            verified,
            ..
        } = self;
        match summaries.first() {
            // What is asserted of a summary is the first lens's, as the document of a prompt is.
            Some(first) => {
                let outcomes = assertions.check_summary(first);
                let sheet = report::summary(&summaries, &reader.model.card);
                sinks.sheet(&sheet.with_assertions(&outcomes))?;
                sinks.finish()?;
            }
            _ => {
                sinks.remarks().for_each(|remark| note(reader.run, &remark));
                sinks.finish_documents()?;
            }
        }
        let within = baseline.map_or(Ok(true), AgainstBaseline::finish)?;
        let held = assertions.finish() && within;
        Ok(match (verified.say(reader.run), held) {
            (true, true) => ExitCode::SUCCESS,
            (true, false) => NOT_HELD.into(),
            (false, _) => ExitCode::FAILURE,
        })
    }

    /// Says so when a target with or without its leading space is the likelier one in the end.
    fn other_form(&self, trajectory: &Trajectory) -> bool {
        let tokens = &self.reader.model.tokens;
        let (Some(row), Some(tracks)) = (trajectory.rows.len().checked_sub(1), trajectory.tracked.last())
        else {
            return false;
        };
        let prob = |id: u32| {
            let track = tracks.iter().find(|track| track.id == id);
            track.map_or(0., |track| track.values[row].prob)
        };
        for target in &trajectory.targets {
            if let (Some(other), [id]) = (target.other_form, target.ids.as_slice())
                && prob(other) > prob(*id)
            {
                let form = tokens.text(other);
                note(
                    self.reader.run,
                    &format!(
                        "{} is likelier here than {}, which is tracked; for it, write --track {form:?}.",
                        tokens.label(other),
                        tokens.label(*id)
                    ),
                );
                return true;
            }
        }
        false
    }
}
