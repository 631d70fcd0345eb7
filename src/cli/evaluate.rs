//! `--eval`: a set of items read at one position each, and the ranks of their targets.

use std::process::ExitCode;

use anyhow::Result;
use logit_lens::analysis::evaluation::Evaluation;
use logit_lens::error::Error;
use logit_lens::lens::{Follow, Layers, Positions, Request};
use logit_lens::readout::lenses::PromptDoubt;
use logit_lens::report::{self, Protocol};
use logit_lens::run::{Run, Spelling, TrailingSpace};
use logit_lens::text::prompt::Prompt;
use logit_lens::text::prompts::{Item, What};
use logit_lens::text::targets::{Target, TargetSpec};

use super::assertions::name_of;
use super::input::Input;
use super::note;
use super::progress::Bar;
use super::reader::Reader;
use super::sinks::Sinks;
use super::verification::Verified;

/// Reads every item and writes pass@k.
pub fn evaluate(reader: &Reader, input: Input, mut sinks: Sinks) -> Result<ExitCode> {
    let run = reader.run;
    let mut request = Request {
        positions: Positions::default(),
        top_k: 1,
        follow: Follow::Nothing,
        follow_next: false,
        ..reader.request(&sinks)?
    };
    with_output(&mut request, reader.model.decoder.blocks.len())?;
    if let Some(remark) = (run.remote.as_ref()).and_then(|remote| remote.remark(reader.model, &request)) {
        note(run, &remark);
    }
    let limit = reader.engine.batch_tokens(&request);
    let bar = Bar::new(run.quiet, None);
    let mut pass = Pass {
        reader,
        evaluations: vec![Evaluation::default(); request.lenses.len()],
        request,
        protocol: protocol(run),
        bar: &bar,
        items: 0,
        verified: Verified::default(),
        lens_doubts: Vec::new(),
    };
    let (mut batch, mut tokens) = (Vec::new(), 0);
    for item in input {
        let item = item?;
        let Some(ready) = pass.ready(item)? else { continue };
        if !batch.is_empty() && tokens + ready.prompt.ids.len() > limit {
            pass.batch(std::mem::take(&mut batch))?;
            tokens = 0;
        }
        tokens += ready.prompt.ids.len();
        batch.push(ready);
    }
    pass.batch(batch)?;
    if pass.items == 0 {
        note(run, "there are no items to evaluate.");
    }
    let Pass {
        evaluations,
        protocol,
        verified,
        ..
    } = pass;
    sinks.sheet(&report::evaluation(&evaluations, &protocol, &reader.model.card))?;
    sinks.finish()?;
    Ok(verified.ending(run))
}

/// The output has a row of its own, whichever layers are asked for.
fn with_output(request: &mut Request, blocks: usize) -> logit_lens::error::Result<()> {
    let mut layers = request.layers.resolve(blocks)?;
    if !layers.contains(&(blocks - 1)) {
        layers.push(blocks - 1);
        request.layers = Layers::just(&layers, request.points.read_embed(&request.layers));
    }
    Ok(())
}

fn protocol(run: &Run) -> Protocol {
    let trailing_space = match run.trailing_space {
        TrailingSpace::Strip => "strip",
        TrailingSpace::Keep => "keep",
    };
    let targets = match run.spelling {
        Spelling::Whole => "whole",
        Spelling::FirstToken => "first_token",
        Spelling::Variants => "variants",
    };
    Protocol {
        trailing_space: trailing_space.to_string(),
        targets: targets.to_string(),
        ..Protocol::default()
    }
}

/// An item that can be read.
struct Ready {
    /// What it is told by.
    name: String,
    /// Up to the position that is read.
    prompt: Prompt,
    targets: Vec<Target>,
    controls: Vec<Target>,
}

struct Pass<'a> {
    reader: &'a Reader<'a>,
    request: Request,
    /// One for each lens.
    evaluations: Vec<Evaluation>,
    protocol: Protocol,
    bar: &'a Bar,
    /// How many were read.
    items: usize,
    verified: Verified<'a>,
    /// What was said to be doubtful of a lens, each once.
    lens_doubts: Vec<PromptDoubt>,
}

impl Pass<'_> {
    /// The item's prompt up to its position, and its targets; `None` of one without a target that can be used.
    fn ready(&mut self, item: Item) -> Result<Option<Ready>> {
        let mut targets = Vec::new();
        for text in &item.targets {
            match self.target(text) {
                Ok(target) if target.sequence => self.protocol.targets_of_several_tokens += 1,
                Ok(target) => targets.push(target),
                Err(_) => self.protocol.targets_not_there += 1,
            }
        }
        let mut controls = Vec::new();
        for text in &item.controls {
            match self.target(text) {
                Ok(target) if !target.sequence => controls.push(target),
                _ => self.protocol.controls_left_out += 1,
            }
        }
        if targets.is_empty() {
            self.protocol.items_left_out += 1;
            return Ok(None);
        }
        let position = item.position;
        let item = self.without_space(Item {
            targets: Vec::new(),
            ..item
        });
        let mut prompt = self.reader.prompt(&item)?;
        self.protocol.bos |= prompt.ids.first().copied() == self.reader.model.bos && prompt.ids.len() > 1;
        if let Some(position) = position {
            let one = Positions::one(position).resolve(prompt.ids.len());
            let last = one.map_err(|error| item.locate(error))?[0];
            // What comes after it, the model does not see there.
            prompt.ids.truncate(last + 1);
        }
        prompt.targets = targets.iter().chain(&controls).cloned().collect();
        Ok(Some(Ready {
            name: name_of(&item, prompt.asked()),
            prompt,
            targets,
            controls,
        }))
    }

    fn target(&self, text: &str) -> logit_lens::error::Result<Target> {
        let spec: TargetSpec = text.parse().map_err(|error| {
            Error::usage(
                format!("cannot read the target {text:?}: {error}."),
                "Give a target as --track takes it.",
            )
        })?;
        self.reader.run.spelling.resolve(&spec, self.reader.model)
    }

    /// The item with its prompt's last spaces taken away, if that is wanted.
    fn without_space(&mut self, item: Item) -> Item {
        let What::Text(text) = &item.what else { return item };
        if !text.ends_with(' ') {
            return item;
        }
        self.protocol.prompts_ending_in_a_space += 1;
        match self.reader.run.trailing_space {
            TrailingSpace::Keep => item,
            TrailingSpace::Strip => Item {
                what: What::Text(text.trim_end_matches(' ').to_string()),
                ..item
            },
        }
    }

    fn batch(&mut self, batch: Vec<Ready>) -> Result<()> {
        let prompts = batch.iter().map(|ready| ready.prompt.clone()).collect();
        let read = self
            .reader
            .engine
            .read_prompts(prompts, &self.request, self.bar)?;
        for (ready, trajectory) in batch.iter().zip(&read) {
            self.reader.note_lenses(trajectory, &mut self.lens_doubts);
            let verify =
                || (self.reader).verify(&mut self.verified, &ready.name, &ready.prompt, Some(trajectory));
            self.bar.hide(verify)?;
            for (evaluation, read) in self.evaluations.iter_mut().zip(trajectory.of_each_lens()) {
                evaluation.add(read, &ready.targets, &ready.controls);
            }
        }
        self.items += batch.len();
        self.bar.prompts_done(self.items);
        Ok(())
    }
}
