//! A prompt that grows: each of its tokens goes through the blocks once, and what is to be read of it is kept.

use std::cell::RefCell;

use candle_core::{DType, Device, Tensor};

use super::rows::{Chosen, Source};
use crate::decoder::{Batch, Hook, Past, Site};
use crate::error::{Error, Result};
use crate::lens::Request;
use crate::model::Model;

/// The streams of one prompt at the sites chosen, to which its new tokens add their rows: on the CPU. On another
/// device nothing is kept. The streams of any other prompt come from the model as ever.
pub struct Growing<'a> {
    model: &'a Model,
    chosen: Chosen,
    /// The most tokens that it will have.
    most: usize,
    grown: RefCell<Grown>,
}

/// What is kept of the tokens that went through the blocks.
#[derive(Default)]
struct Grown {
    ids: Vec<u32>,
    past: Past,
    /// The sites chosen in the order in which they come to be, each with a tensor `[most, hidden]` whose first rows
    /// are those of `ids`.
    streams: Vec<(Site, Tensor)>,
}

impl<'a> Growing<'a> {
    /// No tokens yet, of a prompt that will have at most so many.
    pub fn new(model: &'a Model, chosen: Chosen, most: usize) -> Self {
        Self {
            model,
            chosen,
            most,
            grown: RefCell::default(),
        }
    }

    /// Makes `ids` the tokens of the prompt. Those which are new go through the blocks, after the others; all of
    /// them where positions are turned anew.
    ///
    /// # Errors
    /// More memory than there is.
    pub fn grow(&self, ids: &[u32]) -> Result<()> {
        let is_kept = self.model.device.is_cpu();
        // Left empty by a pass that fails.
        let mut grown = self.grown.take();
        let goes_on = ids.starts_with(&grown.ids);
        if !goes_on || !self.model.decoder.can_continue(grown.ids.len(), ids.len()) {
            grown = Grown::default();
        }
        let new = &ids[grown.ids.len()..];
        if is_kept && grown.ids.is_empty() {
            let (tokens, sites) = (new.len(), self.chosen.sites());
            self.model.require_memory_to_continue(tokens, self.most, sites)?;
        }
        if !new.is_empty() {
            self.model
                .require_memory(new.len(), 1, 1, false, &Request::default())?;
        }
        if is_kept && !new.is_empty() {
            self.pass(&mut grown, new)?;
        }
        self.grown.replace(grown);
        Ok(())
    }

    /// Takes the tokens `new` through the blocks and keeps their rows.
    fn pass(&self, grown: &mut Grown, new: &[u32]) -> Result<()> {
        let Grown { ids, past, streams } = grown;
        let mut nth = 0;
        self.model.decoder.forward_after(past, new, &mut |site, stream| {
            if self.chosen.has(site) {
                if nth == streams.len() {
                    let shape = (self.most, stream.dim(1)?);
                    streams.push((site, Tensor::zeros(shape, DType::F32, &Device::Cpu)?));
                }
                streams[nth].1.slice_set(&stream, 0, ids.len())?;
                nth += 1;
            }
            Ok(stream)
        })?;
        ids.extend_from_slice(new);
        Ok(())
    }

    /// The streams kept, if the batch is the prompt alone and all that is to be read was chosen.
    fn kept(&self, batch: &Batch, chosen: &Chosen) -> Result<Option<Vec<(Site, Tensor)>>> {
        let grown = self.grown.borrow();
        if batch.prompts() != [grown.ids.as_slice()] || !self.chosen.covers(chosen) {
            return Ok(None);
        }
        let read = grown.streams.iter().filter(|(site, _)| chosen.has(*site));
        let rows = read.map(|(site, stream)| Ok((*site, stream.narrow(0, 0, grown.ids.len())?)));
        rows.collect::<Result<_>>().map(Some)
    }
}

impl Source for Growing<'_> {
    fn forward(&self, batch: &Batch, chosen: &Chosen, hook: &mut Hook) -> Result<()> {
        let Some(streams) = self.kept(batch, chosen)? else {
            return self.model.forward(batch, chosen, hook);
        };
        for (site, stream) in streams {
            hook(site, stream)?;
        }
        Ok(())
    }

    fn not_finite(&self, batch: &Batch) -> Result<Error> {
        self.model.not_finite(batch)
    }
}
