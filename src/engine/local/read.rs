//! From prompts to trajectories.

use std::collections::HashSet;

use candle_core::Tensor;

use super::batches::require_memory_to_follow;
use super::follow::{follow, ids_to_follow};
use crate::decoder::{Batch, Point, Site};
use crate::error::{Error, Result};
use crate::lens::{Request, Row, Track, Trajectory};
use crate::machine::progress::{Progress, Stage};
use crate::model::Model;
use crate::readout::lenses::Lens;
use crate::readout::{Reading, Readout, Rows};
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
        self.read_batch(prompts.collect::<Result<_>>()?, request, &())
    }

    /// All prompts go through each block together, and all their rows through one pass of the
    /// unembedding.
    pub(super) fn read_batch(
        &self,
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
        let chosen = self.sites(request)?;
        let positions = plans.iter().map(|plan| plan.positions.len()).sum();
        self.require_memory(batch.tokens(), positions, chosen.count, request)?;
        let read = self.rows_to_read(&batch, &plans, &chosen, request.lens.as_ref(), progress)?;
        let readout = Readout::new(&self.decoder.unembed).reporting(progress);
        let mut readings = readout.read(&read.rows, request.top_k)?;
        if progress.is_cancelled() {
            return Err(cancelled());
        }
        if !readings.iter().all(Reading::is_finite) {
            return Err(self.not_finite(&batch)?);
        }
        if request.distances {
            readout.measure(&read.rows, &mut readings)?;
        }
        let wanted = read.ids_to_follow(&plans, &readings, request);
        require_memory_to_follow(&wanted, chosen.count)?;
        let tracked = follow(&readout, &read.rows, read.shown().count(), &readings, &wanted)?;
        read.trajectories(plans, &readings, tracked, request)
    }

    /// The sites that the request is about.
    pub(super) fn sites(&self, request: &Request) -> Result<Chosen> {
        let blocks = self.decoder.blocks.len();
        let layers = request.layers.resolve(blocks)?;
        let mut shown = Vec::new();
        if request.points.read_embed(&request.layers) {
            shown.push(Site {
                layer: 0,
                point: Point::Embed,
            });
        }
        let in_blocks = Point::ALL.into_iter().filter(|&point| point != Point::Embed);
        for point in in_blocks.filter(|&point| request.points.has(point)) {
            shown.extend(layers.iter().map(|&layer| Site { layer, point }));
        }
        let last = Site {
            layer: blocks - 1,
            point: Point::ResidPost,
        };
        Ok(Chosen {
            count: shown.len() + usize::from(!shown.contains(&last)),
            shown: shown.into_iter().collect(),
            last,
        })
    }

    /// Runs the decoder and keeps the chosen rows of the residual stream, position after position.
    pub(super) fn rows_to_read(
        &self,
        batch: &Batch,
        plans: &[Plan],
        chosen: &Chosen,
        lens: &dyn Lens,
        progress: &dyn Progress,
    ) -> Result<Read> {
        let last = chosen.last;
        let mut start = 0;
        let (mut tokens, mut next) = (Vec::new(), Vec::new());
        for plan in plans {
            let ids = &plan.prompt.ids;
            tokens.extend(plan.positions.iter().map(|&p| (start + p) as u32));
            next.extend(plan.positions.iter().map(|&p| ids.get(p + 1).copied()));
            start += ids.len();
        }
        let tokens = Tensor::from_vec(tokens, next.len(), &self.device)?;

        let (mut sites, mut kept) = (Vec::new(), Vec::new());
        self.decoder.forward(batch, &self.device, &mut |site, stream| {
            if progress.is_cancelled() {
                return Err(cancelled());
            }
            if site.point == Point::ResidPost {
                progress.report(Stage::Blocks, site.layer + 1, last.layer + 1);
            }
            if chosen.shown.contains(&site) || site == last {
                sites.push(site);
                let rows = stream.index_select(&tokens, 0)?;
                kept.push(if site == last { rows } else { lens.map(site, rows)? });
            }
            Ok(stream)
        })?;
        Ok(Read {
            rows: Rows {
                hidden: Tensor::stack(&kept, 1)?.flatten(0, 1)?,
                sites: sites.len(),
                next,
            },
            hides_last: !chosen.shown.contains(&last),
            sites,
        })
    }
}

/// The error of what was cancelled ([`Progress::is_cancelled`]).
pub(super) fn cancelled() -> Error {
    Error::failed("The reading was cancelled.", "Start it again.")
}

/// Where prompts are read.
pub(super) struct Chosen {
    shown: HashSet<Site>,
    /// The model's output, which is read whether it is shown or not.
    last: Site,
    /// How many sites are read.
    pub count: usize,
}

/// What is to be read of one prompt.
pub(super) struct Plan {
    pub prompt: Prompt,
    pub positions: Vec<usize>,
    /// The request's and the prompt's own.
    pub targets: Vec<Target>,
}

/// The rows that are read, and what they are.
pub struct Read {
    pub rows: Rows,
    pub sites: Vec<Site>,
    /// The last site was not asked for: it is read as the model's output only.
    pub hides_last: bool,
}

impl Read {
    /// The sites that were asked for, with their numbers.
    pub fn shown(&self) -> impl Iterator<Item = (usize, Site)> {
        let shown = self.sites.len() - self.hides_last as usize;
        self.sites[..shown].iter().copied().enumerate()
    }

    /// For each position, the tokens to follow: each once, rising.
    fn ids_to_follow(&self, plans: &[Plan], readings: &[Reading], request: &Request) -> Vec<Vec<u32>> {
        let shown = self.shown().count();
        let plan_of_each = plans
            .iter()
            .flat_map(|plan| plan.positions.iter().map(move |_| plan));
        let positions = readings.chunks_exact(self.sites.len()).zip(&self.rows.next);
        (positions.zip(plan_of_each))
            .map(|((readings, next), plan)| {
                let output = &readings[readings.len() - 1];
                ids_to_follow(&readings[..shown], output, *next, &plan.targets, request)
            })
            .collect()
    }

    /// Gives each prompt its part of the readings and tracks, which lie position after position.
    pub fn trajectories(
        &self,
        plans: Vec<Plan>,
        readings: &[Reading],
        tracked: Vec<Vec<Track>>,
        request: &Request,
    ) -> Result<Vec<Trajectory>> {
        let mut tracked = tracked.into_iter();
        let mut positions = readings.chunks_exact(self.sites.len());
        let mut start = 0;
        let trajectory = |plan: Plan| {
            let count = plan.positions.len();
            let hidden = match request.keep_rows {
                true => Some(self.hidden(start, count)?),
                false => None,
            };
            start += count;
            let here: Vec<&[Reading]> = positions.by_ref().take(count).collect();
            let at = |site: usize| here.iter().map(|readings| readings[site].clone()).collect();
            Ok(Trajectory {
                targets: plan.targets,
                hidden,
                prompt: plan.prompt,
                positions: plan.positions,
                rows: (self.shown())
                    .map(|(i, site)| Row {
                        site,
                        readings: at(i),
                    })
                    .collect(),
                output: at(self.sites.len() - 1),
                tracked: tracked.by_ref().take(count).collect(),
            })
        };
        plans.into_iter().map(trajectory).collect()
    }

    /// The rows shown at the positions `start..start + count`, `[count, rows, hidden]`.
    fn hidden(&self, start: usize, count: usize) -> Result<Tensor> {
        let (_, width) = self.rows.hidden.dims2()?;
        let sites = self.rows.sites;
        let rows = self.rows.hidden.narrow(0, start * sites, count * sites)?;
        let shown = rows
            .reshape((count, sites, width))?
            .narrow(1, 0, self.shown().count())?;
        Ok(shown.contiguous()?)
    }
}
