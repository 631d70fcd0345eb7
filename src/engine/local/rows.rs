//! The rows of the residual stream that a request reads, as they come out of the decoder.

use std::collections::HashSet;
use std::sync::Arc;

use candle_core::Tensor;

use super::follow::ids_to_follow;
use crate::decoder::{Batch, Hook, Point, Site};
use crate::error::{Error, Result};
use crate::lens::{Request, Row, Track, Trajectory};
use crate::machine::progress::{Progress, Stage};
use crate::model::Model;
use crate::readout::lenses::{Lens, no_map};
use crate::readout::{Reading, Readout, Rows};
use crate::text::prompt::Prompt;
use crate::text::targets::Target;

/// What gives the residual stream of prompts: the decoder on this machine, or one elsewhere.
pub trait Source {
    /// Hands `hook` the streams `[tokens, hidden]` of the sites `chosen`, in the order in which they come to
    /// be, and maybe those of others.
    ///
    /// # Errors
    /// Whatever keeps a stream from coming.
    fn forward(&self, batch: &Batch, chosen: &Chosen, hook: &mut Hook) -> Result<()>;

    /// The error for readings that are not finite.
    ///
    /// # Errors
    /// Only if the computation itself fails.
    fn not_finite(&self, batch: &Batch) -> Result<Error>;
}

impl Source for Model {
    fn forward(&self, batch: &Batch, _: &Chosen, hook: &mut Hook) -> Result<()> {
        self.decoder.forward(batch, &self.device, hook)
    }

    fn not_finite(&self, batch: &Batch) -> Result<Error> {
        self.first_not_finite(batch)
    }
}

impl Model {
    /// The sites that the request is about.
    ///
    /// # Errors
    /// One that a lens has no map for, the embedding aside where it was not asked for by name.
    pub(super) fn sites(&self, request: &Request, lenses: &[Arc<dyn Lens>]) -> Result<Chosen> {
        let blocks = self.decoder.blocks.len();
        let layers = request.layers.resolve(blocks)?;
        let last = Site {
            layer: blocks - 1,
            point: Point::ResidPost,
        };
        let embed = Site {
            layer: 0,
            point: Point::Embed,
        };
        let mut shown = Vec::new();
        let has_embed = request.points.read_embed(&request.layers);
        let is_read = lenses.iter().any(|lens| lens.reads(embed));
        if has_embed && (is_read || request.points.name_embed(&request.layers)) {
            shown.push(embed);
        }
        let in_blocks = Point::ALL.into_iter().filter(|&point| point != Point::Embed);
        for point in in_blocks.filter(|&point| request.points.has(point)) {
            shown.extend(layers.iter().map(|&layer| Site { layer, point }));
        }
        for lens in lenses {
            let is_odd =
                |site: &&Site| **site != last && !lens.reads(**site) && !(**site == embed && is_read);
            if let Some(&site) = shown.iter().find(is_odd) {
                return Err(no_map(lens.as_ref(), site));
            }
        }
        let read = |site: &Site| match *site == last {
            true => 0,
            false => lenses.iter().filter(|lens| lens.reads(*site)).count(),
        };
        Ok(Chosen {
            count: shown.iter().map(read).sum::<usize>() + 1,
            shown: shown.into_iter().collect(),
            last,
        })
    }

    /// Has the streams come and keeps the chosen rows of the residual stream as the lenses map them, position
    /// after position.
    pub(super) fn rows_to_read(
        &self,
        source: &dyn Source,
        batch: &Batch,
        plans: &[Plan],
        chosen: &Chosen,
        lenses: &[Arc<dyn Lens>],
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
        let mut shown = vec![Vec::new(); lenses.len()];
        source.forward(batch, chosen, &mut |site, stream| {
            if progress.is_cancelled() {
                return Err(cancelled());
            }
            if site.point == Point::ResidPost {
                progress.report(Stage::Blocks, site.layer + 1, last.layer + 1);
            }
            let is_shown = chosen.shown.contains(&site);
            if site == last {
                if is_shown {
                    shown.iter_mut().for_each(|rows| rows.push(sites.len()));
                }
                sites.push(site);
                kept.push(stream.index_select(&tokens, 0)?);
            } else if is_shown {
                let rows = stream.index_select(&tokens, 0)?;
                let readers = lenses.iter().zip(&mut shown);
                for (lens, shown) in readers.filter(|(lens, _)| lens.reads(site)) {
                    shown.push(sites.len());
                    sites.push(site);
                    kept.push(lens.map(site, rows.clone())?);
                }
            }
            Ok(stream)
        })?;
        Ok(Read {
            rows: Rows {
                hidden: Tensor::stack(&kept, 1)?.flatten(0, 1)?,
                sites: sites.len(),
                next,
            },
            shown,
            sites,
        })
    }
}

/// The error of what was cancelled ([`Progress::is_cancelled`]).
pub fn cancelled() -> Error {
    Error::failed("The reading was cancelled.", "Start it again.")
}

/// Where prompts are read.
pub struct Chosen {
    shown: HashSet<Site>,
    /// The model's output, which is read whether it is shown or not.
    last: Site,
    /// How many rows are read at a position.
    pub(super) count: usize,
}

impl Chosen {
    /// Whether the stream at `site` is read.
    pub fn has(&self, site: Site) -> bool {
        self.shown.contains(&site) || site == self.last
    }

    /// How many streams are read.
    pub(super) fn sites(&self) -> usize {
        self.shown.len() + usize::from(!self.shown.contains(&self.last))
    }

    /// Whether all that `other` reads is read.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.has(other.last) && other.shown.iter().all(|&site| self.has(site))
    }

    /// The output alone, the last block of `blocks`.
    pub fn output(blocks: usize) -> Self {
        Self {
            shown: HashSet::new(),
            last: Site {
                layer: blocks - 1,
                point: Point::ResidPost,
            },
            count: 1,
        }
    }
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
    /// The site of each of a position's rows, the model's output last.
    pub(super) sites: Vec<Site>,
    /// For each lens, the numbers of its rows that were asked for.
    pub(super) shown: Vec<Vec<usize>>,
}

impl Read {
    /// Gives each reading of a lens after the first its KL from the first lens's reading of the same row.
    pub(super) fn compare_lenses(&self, readout: &Readout, readings: &mut [Reading]) -> Result<()> {
        let sites = self.sites.len();
        let first = &self.shown[0];
        for other in &self.shown[1..] {
            let beside = |&row: &usize| {
                let same = first
                    .iter()
                    .find(|&&first| self.sites[first] == self.sites[row])?;
                (*same != row).then_some([row, *same])
            };
            let pairs: Vec<[usize; 2]> = other.iter().filter_map(beside).collect();
            let starts = (0..readings.len()).step_by(sites);
            let rows: Vec<[usize; 2]> = starts
                .flat_map(|start| pairs.iter().map(move |pair| pair.map(|row| start + row)))
                .collect();
            if rows.is_empty() {
                continue;
            }
            let ids: Vec<u32> = rows.as_flattened().iter().map(|&row| row as u32).collect();
            let ids = Tensor::from_vec(ids, 2 * rows.len(), self.rows.hidden.device())?;
            // The second of a pair is what the first is compared with, as a model's output is otherwise.
            let paired = Rows {
                hidden: self.rows.hidden.index_select(&ids, 0)?,
                sites: 2,
                next: vec![None; rows.len()],
            };
            let measured = readout.read(&paired, 1)?;
            for ([row, _], pair) in rows.iter().zip(measured.chunks_exact(2)) {
                readings[*row].lens_kl = Some(pair[0].forward_kl);
            }
        }
        Ok(())
    }

    /// For each of some positions from the `first` on, of which these are the readings, the tokens to follow: each
    /// once, rising.
    pub(super) fn ids_to_follow(
        &self,
        plans: &[Plan],
        first: usize,
        readings: &[Reading],
        request: &Request,
    ) -> Vec<Vec<u32>> {
        let mut shown: Vec<usize> = self.shown.concat();
        shown.sort_unstable();
        shown.dedup();
        let plan_of_each = plans
            .iter()
            .flat_map(|plan| plan.positions.iter().map(move |_| plan))
            .skip(first);
        let positions = readings
            .chunks_exact(self.sites.len())
            .zip(&self.rows.next[first..]);
        (positions.zip(plan_of_each))
            .map(|((readings, next), plan)| {
                let output = &readings[readings.len() - 1];
                let shown: Vec<&Reading> = shown.iter().map(|&row| &readings[row]).collect();
                ids_to_follow(&shown, output, *next, &plan.targets, request)
            })
            .collect()
    }

    /// Gives each prompt its part of one lens's readings and tracks, which lie position after position.
    pub(super) fn trajectories(
        &self,
        plans: &[Plan],
        lens: &Arc<dyn Lens>,
        nth: usize,
        readings: &[Reading],
        tracked: Vec<Vec<Track>>,
        request: &Request,
    ) -> Result<Vec<Trajectory>> {
        let shown = &self.shown[nth];
        let mut tracked = tracked.into_iter();
        let mut positions = readings.chunks_exact(self.sites.len());
        let mut start = 0;
        let trajectory = |plan: &Plan| {
            let count = plan.positions.len();
            let hidden = match request.keep_rows {
                true => Some(self.hidden(shown, start, count)?),
                false => None,
            };
            start += count;
            let here: Vec<&[Reading]> = positions.by_ref().take(count).collect();
            let at = |row: usize| here.iter().map(|readings| readings[row].clone()).collect();
            Ok(Trajectory {
                lens: lens.clone(),
                targets: plan.targets.clone(),
                hidden,
                prompt: plan.prompt.clone(),
                positions: plan.positions.clone(),
                rows: (shown.iter())
                    .map(|&row| Row {
                        site: self.sites[row],
                        readings: at(row),
                    })
                    .collect(),
                output: at(self.sites.len() - 1),
                tracked: tracked.by_ref().take(count).collect(),
                continuations: Vec::new(),
                others: Vec::new(),
            })
        };
        plans.iter().map(trajectory).collect()
    }

    /// The rows `shown` at the positions `start..start + count`, `[count, rows, hidden]`.
    pub(super) fn hidden(&self, shown: &[usize], start: usize, count: usize) -> Result<Tensor> {
        let (_, width) = self.rows.hidden.dims2()?;
        let sites = self.rows.sites;
        let rows = self.rows.hidden.narrow(0, start * sites, count * sites)?;
        let shown: Vec<u32> = shown.iter().map(|&row| row as u32).collect();
        let shown = Tensor::from_vec(shown.clone(), shown.len(), rows.device())?;
        let rows = rows.reshape((count, sites, width))?;
        Ok(rows.index_select(&shown, 1)?.contiguous()?)
    }
}
