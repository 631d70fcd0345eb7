//! The one pass through the vocabulary that every reading is made in.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::Tensor;
use rayon::prelude::*;

use super::device::{self, DeviceTile};
use crate::decoder::{Unembed, on_slices};
use crate::error::Result;
use crate::kernels::panel::{FEW, Panel};
use crate::kernels::product::{self, ranges};
use crate::kernels::with_slice;
use crate::machine::progress::{Progress, Stage};
use crate::machine::simd::vectorised;

/// Rows whose logits are held at a time: with a tile of the vocabulary they fit a core's cache.
const ROWS: usize = 384;
/// Rows that go through the vocabulary together.
const ROWS_OF_A_TASK: usize = 4 * ROWS;
/// Bytes of logits that are kept to be seen twice, unless that were few rows.
const KEPT: usize = 96 << 20;
/// The vocabulary is cut into this many parts, whatever the number of threads, so that the order
/// of every sum, and with it every bit of the result, does not depend on it.
pub(super) const PARTS: usize = 32;

/// Something that sees a row's logits a tile at a time, ids in rising order.
pub trait Tiled: Send + Sized {
    /// The logits of the tokens `first`, `first + 1`, … of the row and of the model's output at
    /// the same position.
    fn tile(&mut self, first: u32, logits: &[f32], output: &[f32]);

    /// The same for `rows` by tensors: what is seen of the tile is computed where its logits are.
    fn tile_on_device(rows: &mut [Self], tile: &DeviceTile) -> Result<()>;

    /// Adds what was seen of the ids after its own.
    fn merge(&mut self, later: Self);
}

/// Shows every one of `rows` `[rows, width]`, which [`Unembed::rows`] made, all its logits, to a
/// `Tiled` made for it by its number. Rows come in groups of `group`, those of one position, the model's output last.
pub fn fold<T: Tiled>(
    unembed: &Unembed,
    rows: &Tensor,
    group: usize,
    new: impl Fn(usize) -> T + Sync,
    progress: &dyn Progress,
) -> Result<Vec<T>> {
    if !on_slices(rows) {
        return device::fold(unembed, rows, group, new, progress);
    }
    Ok(with_slice(rows, |x| {
        let pass = Pass::new(unembed, x, group, progress);
        let tasks = pass.groups(0..pass.rows, ROWS_OF_A_TASK);
        tasks.into_iter().flat_map(|rows| pass.see(rows, &new)).collect()
    })?)
}

/// As [`fold`]; then `second` is told what was made of some rows, whole groups of them in order, and the logits of
/// these are shown once more to what it gives for each. They are kept till then, so that no product is made
/// twice; on a device they are not, and all rows come at once.
pub fn fold_twice<T: Tiled, U: Tiled + Clone + Sync>(
    unembed: &Unembed,
    rows: &Tensor,
    group: usize,
    first: impl Fn(usize) -> T + Sync,
    mut second: impl FnMut(Range<usize>, Vec<T>) -> Result<Vec<U>>,
    progress: &dyn Progress,
) -> Result<Vec<U>> {
    if !on_slices(rows) {
        let seen = device::fold(unembed, rows, group, first, progress)?;
        let second = second(0..seen.len(), seen)?;
        return device::fold(unembed, rows, group, |row| second[row].clone(), progress);
    }
    with_slice(rows, |x| {
        let pass = Pass::new(unembed, x, group, progress);
        let mut kept = vec![Vec::new(); pass.parts.len()];
        let mut whole = Vec::with_capacity(pass.rows);
        for rows in pass.groups(0..pass.rows, rows_kept(unembed.head.outputs())) {
            let seen = pass.see_and_keep(rows.clone(), &first, &mut kept);
            whole.extend(pass.see_kept(&second(rows, seen)?, &kept));
        }
        Ok(whole)
    })?
}

/// Bytes of logits that [`fold_twice`] keeps at most of so many rows, in groups of `group`.
pub fn bytes_kept(rows: usize, group: usize, vocabulary: usize) -> usize {
    size_of::<f32>() * vocabulary * rows.min(rows_kept(vocabulary).max(group))
}

/// Rows whose logits are kept: half of them are more than a few.
fn rows_kept(vocabulary: usize) -> usize {
    (KEPT / (size_of::<f32>() * vocabulary.max(1))).clamp(2 * (FEW + 1), ROWS)
}

/// One pass of some rows through the vocabulary.
struct Pass<'a> {
    unembed: &'a Unembed,
    /// `[rows, hidden]`.
    x: &'a [f32],
    rows: usize,
    group: usize,
    /// Tokens of a tile.
    width: usize,
    parts: Vec<Range<usize>>,
    /// Rows, once for each part of the vocabulary that they went through.
    done: AtomicUsize,
    progress: &'a dyn Progress,
}

impl<'a> Pass<'a> {
    fn new(unembed: &'a Unembed, x: &'a [f32], group: usize, progress: &'a dyn Progress) -> Self {
        let (hidden, vocabulary) = (unembed.head.inputs(), unembed.head.outputs());
        let rows = x.len() / hidden;
        let width = product::panel_width(&unembed.head, rows);
        let part = vocabulary.div_ceil(PARTS).next_multiple_of(width);
        Self {
            unembed,
            x,
            rows,
            group,
            width,
            parts: ranges(vocabulary, part).collect(),
            done: AtomicUsize::new(0),
            progress,
        }
    }

    /// `rows` in pieces of whole groups and about the same size, at most `most` rows if a group has no more: hardly
    /// any is few where all are many, and so their products are made in one way.
    fn groups(&self, rows: Range<usize>, most: usize) -> Vec<Range<usize>> {
        let groups = rows.len() / self.group;
        let pieces = groups.div_ceil((most / self.group).max(1));
        let place = |piece: usize| rows.start + piece * groups / pieces * self.group;
        (0..pieces).map(|piece| place(piece)..place(piece + 1)).collect()
    }

    /// Shows rows their logits; what each part of the vocabulary has seen of them is then joined.
    fn see<T: Tiled>(&self, rows: Range<usize>, new: &(impl Fn(usize) -> T + Sync)) -> Vec<T> {
        let blocks = self.groups(rows.clone(), ROWS);
        let see = |(buffer, logits): &mut (Vec<f32>, Vec<f32>), part: &Range<usize>| {
            let mut tiled: Vec<T> = rows.clone().map(new).collect();
            // Whoever cancels has no use for the rest.
            if self.progress.is_cancelled() {
                return tiled;
            }
            for tile in self.tiles(part) {
                let panel = Panel::new(&self.unembed.head, tile.clone(), rows.len(), buffer);
                for block in &blocks {
                    logits.resize(block.len() * tile.len(), 0.);
                    self.product(&panel, block, &tile, logits);
                    let tiled = &mut tiled[block.start - rows.start..block.end - rows.start];
                    show(tiled, self.group, &tile, logits);
                }
            }
            self.report(rows.len());
            tiled
        };
        merge(self.parts.par_iter().map_init(Default::default, see).collect())
    }

    /// The same, keeping the logits, for each part of the vocabulary tile after tile.
    fn see_and_keep<T: Tiled>(
        &self,
        rows: Range<usize>,
        new: &(impl Fn(usize) -> T + Sync),
        kept: &mut [Vec<f32>],
    ) -> Vec<T> {
        let see = |buffer: &mut Vec<f32>, (part, kept): (&Range<usize>, &mut Vec<f32>)| {
            let mut tiled: Vec<T> = rows.clone().map(new).collect();
            kept.resize(rows.len() * part.len(), 0.);
            if self.progress.is_cancelled() {
                return tiled;
            }
            for (tile, logits) in self.tiles(part).zip(kept.chunks_mut(rows.len() * self.width)) {
                let panel = Panel::new(&self.unembed.head, tile.clone(), rows.len(), buffer);
                self.product(&panel, &rows, &tile, logits);
                show(&mut tiled, self.group, &tile, logits);
            }
            self.report(rows.len());
            tiled
        };
        let parts = self.parts.par_iter().zip(kept);
        merge(parts.map_init(Default::default, see).collect())
    }

    /// Shows as many rows the logits that were kept of them.
    fn see_kept<T: Tiled + Clone + Sync>(&self, new: &[T], kept: &[Vec<f32>]) -> Vec<T> {
        let see = |(part, kept): (&Range<usize>, &Vec<f32>)| {
            let mut tiled = new.to_vec();
            for (tile, logits) in self.tiles(part).zip(kept.chunks(new.len() * self.width)) {
                show(&mut tiled, self.group, &tile, logits);
            }
            tiled
        };
        merge(self.parts.par_iter().zip(kept).map(see).collect())
    }

    fn tiles(&self, part: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let start = part.start;
        ranges(part.len(), self.width).map(move |tile| start + tile.start..start + tile.end)
    }

    /// The logits of some rows for a tile of the vocabulary, `[rows, width]`.
    fn product(&self, panel: &Panel, rows: &Range<usize>, tile: &Range<usize>, logits: &mut [f32]) {
        let x = &self.x[rows.start * panel.inputs..rows.end * panel.inputs];
        product::product(panel, x, rows.len(), logits);
        self.unembed.finish(tile.clone(), logits);
    }

    fn report(&self, rows: usize) {
        let total = self.rows * self.parts.len();
        let done = rows + self.done.fetch_add(rows, Ordering::Relaxed);
        self.progress
            .report(Stage::Rows, self.rows * done / total, self.rows);
    }
}

/// Shows whole groups of rows a tile of their logits `[rows, width]`.
fn show<T: Tiled>(tiled: &mut [T], group: usize, tile: &Range<usize>, logits: &[f32]) {
    let width = tile.len();
    for (tiled, logits) in tiled.chunks_mut(group).zip(logits.chunks(group * width)) {
        let output = &logits[logits.len() - width..];
        for (tiled, logits) in tiled.iter_mut().zip(logits.chunks_exact(width)) {
            vectorised(
                #[inline(always)]
                || tiled.tile(tile.start as u32, logits, output),
            );
        }
    }
}

/// Joins what the parts of the vocabulary, one after another, have seen of the same rows.
fn merge<T: Tiled>(seen: Vec<Vec<T>>) -> Vec<T> {
    let mut parts = seen.into_iter();
    let mut whole = parts.next().unwrap_or_default();
    for part in parts {
        whole
            .iter_mut()
            .zip(part)
            .for_each(|(row, later)| row.merge(later));
    }
    whole
}
