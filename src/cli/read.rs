//! The main job: prompts → readings → every output.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Result;
use logit_lens::analysis::compare::{Comparison, Side, layer_beside};
use logit_lens::analysis::statistics::Statistics;
use logit_lens::analysis::summary::Summary;
use logit_lens::analysis::verify::verify;
use logit_lens::engine::Engine;
use logit_lens::lens::Layers;
use logit_lens::lens::{Request, Trajectory};
use logit_lens::model::Model;
use logit_lens::readout::lenses::PromptDoubt;
use logit_lens::report::{self, Compared, Document};
use logit_lens::run::{Run, Task, Verify};
use logit_lens::text::chat::ChatTemplate;
use logit_lens::text::prompt::Prompt;
use logit_lens::text::prompts::{Item, What};

use super::assertions::{Assertions, NOT_HELD, name_of};
use super::baseline::AgainstBaseline;
use super::input::{Input, count};
use super::note;
use super::progress::Bar;
use super::sinks::Sinks;
use super::targets::Targets;

/// A model with what a run asks of it.
pub struct Reader<'a> {
    pub run: &'a Run,
    pub model: &'a Model,
    /// What runs it.
    pub engine: &'a dyn Engine,
    pub template: Option<ChatTemplate>,
    pub targets: Targets,
}

impl Reader<'_> {
    /// The prompt of an item, with its targets, its continuation and what is doubtful said.
    pub fn prompt(&self, item: &Item) -> Result<Prompt> {
        let prompt = self.encode(item, &mut |_| Ok(()));
        prompt.map_err(|error| item.locate(error).into())
    }

    /// The same, where `each` is given the prompt so far with every token of its continuation.
    pub(super) fn encode(
        &self,
        item: &Item,
        each: &mut dyn FnMut(&Prompt) -> logit_lens::error::Result<()>,
    ) -> logit_lens::error::Result<Prompt> {
        let mut prompt = match &item.what {
            What::Ids(ids) => self.model.prompt_of_ids(ids.clone())?,
            What::Text(text) => self.prompt_of_text(text)?,
        };
        if matches!(item.what, What::Text(_)) && self.template.is_none() {
            for doubt in self.model.doubts(&prompt) {
                let place = item
                    .origin
                    .as_ref()
                    .map_or(String::new(), |origin| format!("{origin}: "));
                note(self.run, &format!("{place}{doubt}"));
            }
        }
        if self.run.task != Task::Tokens {
            self.targets.resolve(item, &mut prompt, self.model, self.run)?;
        }
        if let Some(count) = self.run.encoding.generate {
            prompt = self.engine.generate_each(&prompt, count, each)?;
        }
        if self.run.task != Task::Tokens {
            // Said here, where it is known which prompt it is about.
            self.run.positions().resolve(prompt.ids.len())?;
        }
        Ok(prompt)
    }

    /// What to read of every prompt, with what is doubtful of the lenses said.
    pub(super) fn request(&self, sinks: &Sinks) -> Result<Request> {
        let request = self.run.request(self.model)?;
        for lens in &request.lenses {
            if let Some(artefact) = lens.artefact() {
                sinks.spare(artefact.paths())?;
            }
            lens.doubts().iter().for_each(|doubt| note(self.run, doubt));
        }
        Ok(request)
    }

    /// Says what is doubtful of what the lenses make of a prompt, but for what is `said`.
    pub(super) fn note_lenses(&self, trajectory: &Trajectory, said: &mut Vec<PromptDoubt>) {
        let first = trajectory.prompt.ids.first();
        let begins_with_bos = self.model.bos.map(|bos| first == Some(&bos));
        for read in trajectory.of_each_lens() {
            for doubt in read.lens.doubts_of(&read.positions, begins_with_bos) {
                if !said.iter().any(|&other| doubt.is_like(other)) {
                    note(self.run, &doubt.to_string());
                    said.push(doubt);
                }
            }
        }
    }

    /// The tokens of a text, in the chat template if one is asked for.
    pub fn prompt_of_text(&self, text: &str) -> logit_lens::error::Result<Prompt> {
        let Some(template) = &self.template else {
            return self.model.prompt(text, self.run.encoding.bos);
        };
        let written = template.render(self.system(), text)?;
        Ok(Prompt {
            message: Some(text.to_string()),
            ..self.model.prompt_as_written(&written)?
        })
    }

    /// The system message of a chat.
    fn system(&self) -> Option<&str> {
        self.run.encoding.chat.as_ref()?.system.as_deref()
    }

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
        let mut pass = Pass {
            reader: self,
            summaries: match self.run.task {
                Task::Summary => vec![Summary::new(self.run.top_k()); request.lenses.len()],
                _ => Vec::new(),
            },
            assertions,
            baseline,
            bar: &bar,
            number: 0,
            verified: true,
            warned: false,
            lens_doubts: Vec::new(),
        };
        let (mut batch, mut tokens) = (Vec::new(), 0);
        while let Some(item) = input.next() {
            let number = pass.number + batch.len();
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
        if batch.is_empty() && pass.number == 0 {
            note(self.run, "there are no prompts.");
        }
        if !batch.is_empty() {
            pass.batch(batch, &request, &mut sinks)?;
        }
        self.targets.note_count(self.run);
        let Pass {
            summaries,
            mut assertions,
            baseline,
            verified,
            ..
        } = pass;
        match summaries.first() {
            // What is asserted of a summary is the first lens's, as the document of a prompt is.
            Some(first) => {
                let outcomes = assertions.check_summary(first);
                let sheet = report::summary(&summaries, &self.model.card);
                sinks.sheet(&sheet.with_assertions(&outcomes))?;
                sinks.finish()?;
            }
            _ => {
                sinks.remarks().for_each(|remark| note(self.run, &remark));
                sinks.finish_documents()?;
            }
        }
        let within = baseline.map_or(Ok(true), AgainstBaseline::finish)?;
        let held = assertions.finish() && within;
        Ok(match (verified, held) {
            (true, true) => ExitCode::SUCCESS,
            (true, false) => NOT_HELD.into(),
            (false, _) => ExitCode::FAILURE,
        })
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

/// A run through many batches.
struct Pass<'a> {
    reader: &'a Reader<'a>,
    /// One for each lens, where means are wanted.
    summaries: Vec<Summary>,
    assertions: Assertions<'a>,
    baseline: Option<AgainstBaseline<'a>>,
    bar: &'a Bar,
    /// The number of prompts that are done.
    number: usize,
    verified: bool,
    /// Whether it was said that another form of a target is likelier.
    warned: bool,
    /// What was said to be doubtful of a lens, each once.
    lens_doubts: Vec<PromptDoubt>,
}

impl Pass<'_> {
    fn batch(&mut self, batch: Vec<(Item, Prompt)>, request: &Request, sinks: &mut Sinks) -> Result<()> {
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
        let bar = self.bar;
        bar.hide(|| {
            let mut read = items.iter().zip(&trajectories);
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
        let verify = match self.reader.run.verify {
            Verify::Every => true,
            Verify::FirstOnADevice => self.number == 0 && !self.reader.model.device.is_cpu(),
            Verify::Never => false,
        };
        self.number += 1;
        if verify {
            self.verified &= self.reader.verification(trajectory)?;
        }
        Ok(())
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

impl Reader<'_> {
    /// Computes the output a second way and says on stderr how far apart the two are.
    fn verification(&self, trajectory: &Trajectory) -> Result<bool> {
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

/// Reads the one prompt, or the two, on both sides and writes how they compare.
pub fn compare(left: &Reader, right: &Reader, items: [Item; 2], mut sinks: Sinks) -> Result<ExitCode> {
    let depths = [left, right].map(|reader| reader.model.decoder.blocks.len());
    let same_model = std::ptr::eq(left.model, right.model);
    // Both sides follow what either wants followed, in one order.
    let targets: Vec<String> = items.iter().flat_map(|item| item.targets.clone()).collect();
    let mut sides = Vec::new();
    let mut of_left: Option<Request> = None;
    let mut lens_doubts = Vec::new();
    for (reader, item) in [left, right].into_iter().zip(items) {
        let mut request = match of_left.take().filter(|_| same_model) {
            Some(request) => request,
            None => Request {
                keep_rows: true,
                ..reader.request(&sinks)?
            },
        };
        of_left = Some(request.clone());
        if sides.len() == 1 && depths[0] != depths[1] {
            let layers = request.layers.resolve(depths[0])?.into_iter();
            let beside: Vec<usize> = layers
                .map(|layer| layer_beside(layer, depths[0], depths[1]))
                .collect();
            let embed = request.points.read_embed(&request.layers);
            request.layers = Layers::just(&beside, embed);
        }
        let prompt = reader.prompt(&Item {
            targets: targets.clone(),
            ..item
        })?;
        let bar = Bar::new(reader.run.quiet, None);
        let trajectory = reader
            .engine
            .read_prompts(vec![prompt], &request, &bar)?
            .remove(0);
        reader.note_lenses(&trajectory, &mut lens_doubts);
        sides.push(trajectory);
    }
    let pairs: Vec<[&Trajectory; 2]> = (sides[0].of_each_lens().zip(sides[1].of_each_lens()))
        .map(|(left, right)| [left, right])
        .collect();
    let comparisons = pairs.iter().map(|[l, r]| {
        let side = |model, trajectory| Side { model, trajectory };
        Comparison::new(side(left.model, l), side(right.model, r))
    });
    let comparisons: Vec<Comparison> = comparisons.collect::<logit_lens::error::Result<_>>()?;
    let none = Statistics::none();
    let document = |number: usize, trajectory| {
        let reader = [left, right][number];
        Document {
            card: &reader.model.card,
            tokens: &reader.model.tokens,
            trajectory,
            statistics: &none,
            against: None,
            assertions: &[],
            number,
            id: None,
        }
    };
    let compared: Vec<Compared> = (pairs.iter().zip(&comparisons))
        .map(|(&[l, r], comparison)| Compared {
            left: document(0, l),
            right: document(1, r),
            comparison,
        })
        .collect();
    sinks.sheet(&report::compared(&compared))?;
    sinks.finish()?;
    Ok(ExitCode::SUCCESS)
}
