//! How far two prompts that are read are apart, position after position from where one looks.

use std::collections::HashSet;

use super::job::Job;
use crate::analysis::divergence::{Divergence, divergence};
use crate::error::Result;
use crate::explore::state::rows_beside;

/// The positions, counted from the end, that are measured.
#[derive(Default)]
pub(super) struct Apart(HashSet<usize>);

impl Apart {
    /// How many positions are measured.
    pub fn done(&self) -> usize {
        self.0.len()
    }

    /// The next position to measure, and how far it is from where one looks: the nearest that both have read.
    pub fn todo(&self, first: &Job, second: &Job) -> Option<(usize, usize)> {
        let both = first.bands.len().min(second.bands.len());
        let here = first.bands.len() - first.near;
        let is_read = |job: &Job, from_end: usize| job.read_at(job.bands.len() - from_end).is_some();
        let open = (1..=both).filter(|from_end| {
            !self.0.contains(from_end) && is_read(first, *from_end) && is_read(second, *from_end)
        });
        open.map(|from_end| (from_end.abs_diff(here), from_end)).min()
    }

    /// Measures a position: for each row of the first, how far the second's beside it is.
    pub fn step(&mut self, first: &Job, second: &Job, from_end: usize) -> Result<Vec<Option<Divergence>>> {
        self.0.insert(from_end);
        let of = |job: &Job| -> Result<_> {
            let at = job.bands.len() - from_end;
            let logits = job.bands.logits(at)?;
            let sums: Vec<f64> = match job.read_at(at) {
                Some((read, nth)) => read
                    .rows
                    .iter()
                    .map(|row| row.readings[nth].log_sum_exp)
                    .collect(),
                None => Vec::new(),
            };
            Ok(logits.into_iter().zip(sums).collect::<Vec<_>>())
        };
        let (left, right) = (of(first)?, of(second)?);
        let depths = [first, second].map(|job| job.model.card.layers);
        let beside = rows_beside(first.bands.sites(), second.bands.sites(), depths);
        let apart = left.iter().zip(beside).map(|((logits, sum), row)| {
            let (other, other_sum) = right.get(row?)?;
            Some(divergence((logits, *sum), (other, *other_sum)))
        });
        Ok(apart.collect())
    }
}
