//! Arrays over layers and positions, which make their items as they are written.

use super::Builder;
use crate::decoder::Point;
use crate::report::json::document::{ByLayer, ByPosition};
use crate::report::json::sequence::Sequence;

impl<'a> Builder<'a> {
    /// One entry for each token of the prompt, small enough to be kept.
    pub(super) fn each<T: Default>(&self, part: impl Fn(usize) -> T) -> Vec<T> {
        let entry = |at: &Option<usize>| at.map_or_else(T::default, &part);
        self.read.iter().map(entry).collect()
    }

    /// One entry for each token of the prompt: `part` of the `at`th position read.
    pub(super) fn by_position<T: Default + 'a>(&self, part: impl Fn(usize) -> T + 'a) -> ByPosition<'a, T> {
        let read = self.read.clone();
        Sequence::new(read.len(), move |position| {
            read[position].map_or_else(T::default, &part)
        })
    }

    /// `part` of each row at `point` and each position.
    pub(super) fn by_layer<T: Default + 'a>(
        &self,
        point: Point,
        part: impl Fn(usize, usize) -> T + Copy + 'a,
    ) -> ByLayer<'a, T> {
        let (builder, rows) = (self.clone(), self.rows_at(point));
        Sequence::new(rows.len(), move |layer| {
            let row = rows[layer];
            builder.by_position(move |at| part(row, at))
        })
    }

    /// The numbers of the trajectory's rows at `point`, layer by layer.
    pub(super) fn rows_at(&self, point: Point) -> Vec<usize> {
        self.document.trajectory.at_point(point).map(|(i, _)| i).collect()
    }

    pub(super) fn layer_numbers(&self, point: Point) -> Vec<usize> {
        let rows = self.document.trajectory.at_point(point);
        rows.map(|(_, row)| row.site.layer).collect()
    }
}
