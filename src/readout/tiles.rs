//! The one pass through the vocabulary that every reading is made in.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::Tensor;
use rayon::prelude::*;

use super::tensors::{self, DeviceTile};
use crate::decoder::{Unembed, on_slices};
use crate::error::Result;
use crate::kernels::panel::Panel;
use crate::kernels::product::{self, ranges};
use crate::kernels::with_slice;
use crate::machine::progress::{Progress, Stage};
use crate::machine::simd::vectorised;

/// Rows whose logits are held at a time: with a tile of the vocabulary they fit a core's cache.
const ROWS: usize = 384;
/// Rows that go through the vocabulary together.
const ROWS_OF_A_TASK: usize = 4 * ROWS;
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
    if on_slices(rows) {
        Ok(with_slice(rows, |x| {
            fold_slices(unembed, x, group, new, progress)
        })?)
    } else {
        tensors::fold(unembed, rows, group, new, progress)
    }
}

fn fold_slices<T: Tiled>(
    unembed: &Unembed,
    x: &[f32],
    group: usize,
    new: impl Fn(usize) -> T + Sync,
    progress: &dyn Progress,
) -> Vec<T> {
    let head = &unembed.head;
    let (hidden, vocabulary) = (head.inputs(), head.outputs());
    let rows_in_all = x.len() / hidden;
    let width = product::panel_width(head, rows_in_all);
    let part = vocabulary.div_ceil(PARTS).next_multiple_of(width);
    let whole_groups = |rows: usize| (rows / group).max(1) * group;
    let parts: Vec<Range<usize>> = ranges(vocabulary, part).collect();
    let (total, done) = (rows_in_all * parts.len(), AtomicUsize::new(0));
    let mut whole = Vec::with_capacity(rows_in_all);
    // What each part of the vocabulary has seen of the rows is joined before the next rows: it is held
    // once for each part.
    for rows in ranges(rows_in_all, whole_groups(ROWS_OF_A_TASK)) {
        let see = |(buffer, logits): &mut (Vec<f32>, Vec<f32>), part: &Range<usize>| {
            let mut tiled: Vec<T> = rows.clone().map(&new).collect();
            // Whoever cancels has no use for the rest.
            if progress.is_cancelled() {
                return tiled;
            }
            for tile in ranges(part.len(), width) {
                let tile = part.start + tile.start..part.start + tile.end;
                let panel = Panel::new(head, tile.clone(), rows.len(), buffer);
                for block in ranges(rows.len(), whole_groups(ROWS)) {
                    let x = &x[(rows.start + block.start) * hidden..(rows.start + block.end) * hidden];
                    logits.resize(block.len() * tile.len(), 0.);
                    product::product(&panel, x, block.len(), logits);
                    unembed.finish(tile.clone(), logits);
                    show(&mut tiled[block], group, tile.start, tile.len(), logits);
                }
            }
            let done = rows.len() + done.fetch_add(rows.len(), Ordering::Relaxed);
            progress.report(Stage::Rows, rows_in_all * done / total, rows_in_all);
            tiled
        };
        let seen: Vec<Vec<T>> = parts.par_iter().map_init(Default::default, see).collect();
        whole.extend(merge(seen));
    }
    whole
}

/// Shows whole groups of rows a tile of their logits `[rows, width]`.
fn show<T: Tiled>(tiled: &mut [T], group: usize, first: usize, width: usize, logits: &[f32]) {
    for (tiled, logits) in tiled.chunks_mut(group).zip(logits.chunks(group * width)) {
        let output = &logits[logits.len() - width..];
        for (tiled, logits) in tiled.iter_mut().zip(logits.chunks_exact(width)) {
            vectorised(
                #[inline(always)]
                || tiled.tile(first as u32, logits, output),
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
