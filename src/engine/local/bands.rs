//! One prompt that is read a band of positions at a time, so that what is wanted first is there first: it
//! goes through the decoder once, and its rows are kept.

use std::ops::Range;
use std::sync::Arc;

use super::batches::require_memory_to_follow;
use super::read::lenses_of;
use super::rows::{Plan, Read, Source, cancelled};
use crate::decoder::{Batch, Site};
use crate::error::Result;
use crate::lens::{Request, Trajectory};
use crate::machine::progress::Progress;
use crate::model::Model;
use crate::readout::lenses::Lens;
use crate::readout::{Reading, Readout, Rows, Tracked};
use crate::text::prompt::Prompt;

/// The rows of one prompt under the request's first lens, of which any positions can be read.
pub struct Bands<'a> {
    model: &'a Model,
    request: Request,
    prompt: Prompt,
    /// The positions of the prompt, rising, that `rows` has.
    positions: Vec<usize>,
    rows: Read,
    /// The one that maps them.
    lens: Arc<dyn Lens>,
}

impl Model {
    /// Takes `prompt` through the decoder and keeps its rows at the layers, points and positions asked for.
    ///
    /// # Errors
    /// As [`Engine::read_prompts`](crate::engine::Engine::read_prompts).
    pub fn bands(&self, prompt: Prompt, request: &Request, progress: &dyn Progress) -> Result<Bands<'_>> {
        let positions = request.positions.resolve(prompt.ids.len())?;
        let lenses: Vec<_> = lenses_of(request).into_iter().take(1).collect();
        let chosen = self.sites(request, &lenses)?;
        self.require_memory(prompt.ids.len(), positions.len(), chosen.count, false, request)?;
        let mut batch = Batch::default();
        batch.push(&prompt.ids);
        let plan = Plan {
            targets: Vec::new(),
            prompt,
            positions,
        };
        let plans = [plan];
        let rows = self.rows_to_read(self, &batch, &plans, &chosen, &lenses, progress)?;
        let [plan] = plans;
        Ok(Bands {
            model: self,
            request: request.clone(),
            prompt: plan.prompt,
            positions: plan.positions,
            rows,
            lens: lenses[0].clone(),
        })
    }
}

impl Bands<'_> {
    /// The prompt that is read.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// The rows that are shown, in the order in which they come to be in the model.
    pub fn sites(&self) -> &[Site] {
        &self.rows.sites[..self.rows.shown[0].len()]
    }

    /// How many positions can be read.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there is none, which no prompt comes to.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The readings of some of the positions, counted among those kept, without any token followed.
    ///
    /// # Errors
    /// Numbers that are not finite, or a reading that `progress` cancels.
    pub fn read(&self, band: Range<usize>, progress: &dyn Progress) -> Result<Trajectory> {
        let part = self.part(&band)?;
        let readout = Readout::new(&self.model.decoder.unembed).reporting(progress);
        let mut readings = readout.read(&part.rows, self.request.top_k)?;
        if progress.is_cancelled() {
            return Err(cancelled());
        }
        if !readings.iter().all(Reading::is_finite) {
            let mut batch = Batch::default();
            batch.push(&self.prompt.ids);
            return Err(self.model.not_finite(&batch)?);
        }
        if self.request.distances {
            readout.measure(&part.rows, &mut readings)?;
        }
        let plan = Plan {
            targets: self.request.targets.clone(),
            prompt: self.prompt.clone(),
            positions: self.positions[band.clone()].to_vec(),
        };
        let none = vec![Vec::new(); band.len()];
        let mut read = part.trajectories(&[plan], &self.lens, 0, &readings, none, &self.request)?;
        Ok(read.remove(0))
    }

    /// The tokens `wanted` at each position of a band, through the rows shown, as `[position][row][token]`.
    /// `read` is what [`Bands::read`] gave for the band.
    ///
    /// # Errors
    /// More tokens than memory holds, or a reading that `progress` cancels.
    pub fn follow(
        &self,
        band: Range<usize>,
        read: &Trajectory,
        wanted: &[Vec<u32>],
        progress: &dyn Progress,
    ) -> Result<Vec<Vec<Vec<Tracked>>>> {
        let part = self.part(&band)?;
        let (sites, shown) = (part.rows.sites, part.shown[0].len());
        require_memory_to_follow(wanted, sites)?;
        let at = |position: usize| {
            let rows = read.rows.iter().map(move |row| &row.readings[position]);
            rows.chain((shown < sites).then(|| &read.output[position]))
        };
        let readings: Vec<Reading> = (0..band.len()).flat_map(at).cloned().collect();
        let readout = Readout::new(&self.model.decoder.unembed).reporting(progress);
        let values = readout.track(&part.rows, &readings, wanted)?;
        if progress.is_cancelled() {
            return Err(cancelled());
        }
        let positions = values.chunks_exact(sites);
        Ok(positions.map(|rows| rows[..shown].to_vec()).collect())
    }

    /// All logits of the rows shown at one of the positions, `[row][vocabulary]`.
    ///
    /// # Errors
    /// Only if the computation itself fails.
    pub fn logits(&self, at: usize) -> Result<Vec<Vec<f32>>> {
        let shown = self.rows.hidden(&self.rows.shown[0], at, 1)?.get(0)?;
        Readout::new(&self.model.decoder.unembed).logits(&shown)
    }

    /// The rows of some of the positions.
    fn part(&self, band: &Range<usize>) -> Result<Read> {
        let Rows { hidden, sites, next } = &self.rows.rows;
        Ok(Read {
            rows: Rows {
                hidden: hidden.narrow(0, band.start * sites, band.len() * sites)?,
                sites: *sites,
                next: next[band.clone()].to_vec(),
            },
            sites: self.rows.sites.clone(),
            shown: self.rows.shown.clone(),
        })
    }
}
