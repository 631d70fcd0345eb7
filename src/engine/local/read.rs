//! From prompts to trajectories.

use std::sync::Arc;

use super::batches::require_memory_to_follow;
use super::follow::tracks;
use super::rows::{Plan, Source, cancelled};
use crate::decoder::Batch;
use crate::engine::Engine;
use crate::engine::continuations::add_continuations;
use crate::error::Result;
use crate::lens::{Follow, Request, Trajectory};
use crate::machine::progress::Progress;
use crate::model::Model;
use crate::readout::lenses::{Lens, LogitLens};
use crate::readout::{Reading, Readout};
use crate::text::prompt::{Bos, Prompt};
use crate::text::targets::Target;

impl Model {
    /// Reads one prompt.
    ///
    /// # Errors
    /// As [`Engine::read_prompts`](crate::engine::Engine::read_prompts).
    pub fn lens(&self, prompt: &str, request: &Request) -> Result<Trajectory> {
        let mut read = self.read(&[prompt], request)?;
        Ok(read.remove(0))
    }

    /// Reads each prompt, tokenised as the model's tokenizer does by itself.
    ///
    /// # Errors
    /// As [`Engine::read_prompts`](crate::engine::Engine::read_prompts).
    pub fn read(&self, prompts: &[&str], request: &Request) -> Result<Vec<Trajectory>> {
        let prompts = prompts.iter().map(|text| self.prompt(text, Bos::Auto));
        self.read_prompts(prompts.collect::<Result<_>>()?, request, &())
    }

    /// Reads each prompt, and the targets of several tokens after it; the streams come from `source`.
    ///
    /// # Errors
    /// As [`Engine::read_prompts`](crate::engine::Engine::read_prompts).
    pub(in crate::engine) fn read_from(
        &self,
        source: &dyn Source,
        prompts: Vec<Prompt>,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Vec<Trajectory>> {
        let read = |prompts: Vec<Prompt>, request: &Request| {
            self.read_batch_from(source, prompts, request, progress)
        };
        let mut trajectories = read(prompts, request)?;
        let most_tokens = self.tokens_of_a_batch(request);
        add_continuations(&mut trajectories, request, most_tokens, self.card.context, read)?;
        Ok(trajectories)
    }

    /// All prompts go through each block together, and all their rows through one pass of the
    /// unembedding.
    fn read_batch_from(
        &self,
        source: &dyn Source,
        prompts: Vec<Prompt>,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Vec<Trajectory>> {
        if prompts.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = Batch::default();
        let mut plans = Vec::new();
        for prompt in prompts {
            let positions = request.positions.resolve(prompt.ids.len())?;
            batch.push(&prompt.ids);
            let mut targets: Vec<Target> = Vec::new();
            for target in request.targets.iter().chain(&prompt.targets) {
                if !targets.contains(target) {
                    targets.push(target.clone());
                }
            }
            plans.push(Plan {
                targets,
                prompt,
                positions,
            });
        }
        let lenses = lenses_of(request);
        let chosen = self.sites(request, &lenses)?;
        let positions = plans.iter().map(|plan| plan.positions.len()).sum();
        let follows = follows_any(&plans, request);
        self.require_memory(batch.tokens(), positions, chosen.count, follows, request)?;
        let read = self.rows_to_read(source, &batch, &plans, &chosen, &lenses, progress)?;
        let readout = Readout::new(&self.decoder.unembed).reporting(progress);
        let check = |readings: &[Reading]| {
            if progress.is_cancelled() {
                return Err(cancelled());
            }
            match readings.iter().all(Reading::is_finite) {
                true => Ok(()),
                false => Err(source.not_finite(&batch)?),
            }
        };
        let (mut readings, followed, wanted) = match follows {
            true => {
                let mut wanted = Vec::new();
                let mut name = |readings: &[Reading]| {
                    check(readings)?;
                    let of_these = read.ids_to_follow(&plans, wanted.len(), readings, request);
                    wanted.extend(of_these.clone());
                    require_memory_to_follow(&wanted, chosen.count)?;
                    Ok(of_these)
                };
                let (readings, followed) = readout.read_and_track(&read.rows, request.top_k, &mut name)?;
                (readings, followed, wanted)
            }
            false => {
                let readings = readout.read(&read.rows, request.top_k)?;
                check(&readings)?;
                let none = vec![Vec::new(); readings.len()];
                (readings, none, vec![Vec::new(); read.rows.next.len()])
            }
        };
        if progress.is_cancelled() {
            return Err(cancelled());
        }
        if request.distances {
            readout.measure(&read.rows, &mut readings)?;
        }
        if request.lens_kl {
            read.compare_lenses(&readout, &mut readings)?;
        }
        let mut first: Vec<Trajectory> = Vec::new();
        for (nth, lens) in lenses.iter().enumerate() {
            let tracked = tracks(&followed, read.rows.sites, &read.shown[nth], &wanted);
            let of_lens = read.trajectories(&plans, lens, nth, &readings, tracked, request)?;
            match nth {
                0 => first = of_lens,
                _ => (first.iter_mut().zip(of_lens)).for_each(|(first, other)| first.others.push(other)),
            }
        }
        Ok(first)
    }
}

/// The lenses of a request; without any the logit lens.
pub(super) fn lenses_of(request: &Request) -> Vec<Arc<dyn Lens>> {
    match request.lenses.as_slice() {
        [] => vec![Arc::new(LogitLens) as Arc<dyn Lens>],
        lenses => lenses.to_vec(),
    }
}

/// Whether there may be a token to follow.
fn follows_any(plans: &[Plan], request: &Request) -> bool {
    let mut targets = plans
        .iter()
        .flat_map(|plan| &plan.targets)
        .chain(&request.against);
    request.follow != Follow::Nothing || request.follow_next || targets.any(|target| !target.sequence)
}
