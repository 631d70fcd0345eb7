//! A prompt that is being read: what is left to do, and the next step of it.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::{Answer, Gauge, MOST_AT_ONCE};
use crate::engine::Bands;
use crate::error::Result;
use crate::explore::picture::{Name, Names, Picture};
use crate::lens::Trajectory;
use crate::model::Model;

/// A prompt that is being read.
pub(super) struct Job<'a> {
    /// Which of two prompts, and the number that it was asked with.
    pub which: usize,
    pub id: u64,
    pub model: &'a Model,
    pub bands: Bands<'a>,
    pub parts: Vec<Part>,
    /// The tokens to follow at every position.
    pub wanted: Vec<u32>,
    pub near: usize,
}

/// Positions that are read together.
pub(super) struct Part {
    pub range: Range<usize>,
    pub read: Option<Arc<Trajectory>>,
    /// Of each position, the tokens that are followed.
    followed: Vec<HashSet<u32>>,
}

impl Job<'_> {
    /// The part to work on, the nearest with something to do, and how far it is from where one looks.
    pub fn todo(&self) -> Option<(usize, usize)> {
        let with_work = (0..self.parts.len()).filter(|&nth| {
            let part = &self.parts[nth];
            part.read.is_none() || part.missing(&self.wanted).iter().any(|ids| !ids.is_empty())
        });
        let far = |nth: usize| (self.parts[nth].distance(self.near), nth);
        with_work.map(far).min()
    }

    /// How many positions are read.
    pub fn done(&self) -> usize {
        let read = self.parts.iter().filter(|part| part.read.is_some());
        read.map(|part| part.range.len()).sum()
    }

    /// At how many positions the tokens that lead are followed.
    pub fn followed(&self) -> usize {
        let is_followed = |part: &&Part| part.followed.iter().all(|ids| !ids.is_empty());
        let followed = self.parts.iter().filter(is_followed);
        followed.map(|part| part.range.len()).sum()
    }

    /// The readings of a position with its place among them, if it is read.
    pub fn read_at(&self, at: usize) -> Option<(&Trajectory, usize)> {
        let part = self.parts.iter().find(|part| part.range.contains(&at))?;
        Some((part.read.as_deref()?, at - part.range.start))
    }

    /// Reads a part, or follows what is wanted there and is not followed.
    pub fn step(&mut self, nth: usize, gauge: &Gauge) -> Result<Answer> {
        let model = self.model;
        let part = &mut self.parts[nth];
        let range = part.range.clone();
        let Some(read) = &part.read else {
            let read = Arc::new(self.bands.read(range.clone(), gauge)?);
            part.read = Some(Arc::clone(&read));
            let tops = read.rows.iter().flat_map(|row| &row.readings).chain(&read.output);
            let ids = tops.flat_map(|reading| reading.top.iter().map(|candidate| candidate.id));
            return Ok(Answer::Read(
                (self.which, self.id),
                range,
                read.clone(),
                names(model, ids),
            ));
        };
        let missing = part.missing(&self.wanted);
        let values = self.bands.follow(range.clone(), read, &missing, gauge)?;
        let ids = missing.iter().flatten().copied();
        let names = names(model, ids);
        for (followed, ids) in part.followed.iter_mut().zip(missing) {
            followed.extend(ids);
        }
        Ok(Answer::Followed((self.which, self.id), range, values, names))
    }
}

impl Part {
    /// How many positions it is from `near`.
    fn distance(&self, near: usize) -> usize {
        match self.range.contains(&near) {
            true => 0,
            false => near
                .abs_diff(self.range.start)
                .min(near.abs_diff(self.range.end - 1)),
        }
    }

    /// At each position, the tokens to follow that are not: those wanted everywhere, and those that lead at some
    /// row there. Each once, rising.
    fn missing(&self, wanted: &[u32]) -> Vec<Vec<u32>> {
        let Some(read) = &self.read else {
            return Vec::new();
        };
        let at = |(nth, followed): (usize, &HashSet<u32>)| {
            let leading = read.rows.iter().map(|row| row.readings[nth].top1().id);
            let output = read.output[nth].top1().id;
            let all = wanted.iter().copied().chain(leading).chain([output]);
            let mut ids: Vec<u32> = all.filter(|id| !followed.contains(id)).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        self.followed.iter().enumerate().map(at).collect()
    }
}

/// A prompt's positions in parts of at most as many as are seen, counted from the end.
pub(super) fn parts(positions: usize, seen: usize) -> Vec<Part> {
    let size = seen.clamp(1, MOST_AT_ONCE);
    let ends = (0..positions).rev().step_by(size).map(|last| last + 1);
    ends.map(|end| {
        let range = end.saturating_sub(size)..end;
        Part {
            followed: vec![HashSet::new(); range.len()],
            range,
            read: None,
        }
    })
    .collect()
}

/// The picture of a prompt of which nothing is read.
pub(super) fn picture(model: &Model, bands: &Bands) -> Picture {
    let heads = bands.prompt().ids.iter().map(|&id| model.tokens.label(id));
    Picture::new(
        bands.prompt().clone(),
        bands.sites().to_vec(),
        heads.collect(),
        model.card.layers,
    )
}

/// The names of tokens.
fn names(model: &Model, ids: impl Iterator<Item = u32>) -> Names {
    let ids: HashSet<u32> = ids.collect();
    let name = |id: u32| {
        let name = Name {
            label: model.tokens.label(id),
            is_word: model.tokens.is_word(id),
        };
        (id, name)
    };
    ids.into_iter().map(name).collect()
}
