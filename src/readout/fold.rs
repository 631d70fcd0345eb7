//! The running numbers of one row, to which a tile of logits is added at a time.

use super::device::DeviceTile;
use super::tiles::Tiled;
use super::{Candidate, Reading};
use crate::error::Result;
use crate::kernels::math;

/// Sums over the logits seen so far, l of the row and f of the model's output, each exponential
/// relative to the largest logit seen.
#[derive(Debug, Clone)]
pub struct Running {
    /// The largest l.
    max: f32,
    /// Σ e^(l−max).
    sum: f64,
    /// Σ e^(l−max) (l−max), from which the entropy follows.
    weighted: f64,
    /// Σ e^(l−max) (l−f), from which the reverse KL follows.
    away: f64,
    /// The largest f.
    output_max: f32,
    /// Σ e^(f−output_max).
    output_sum: f64,
    /// Σ e^(f−output_max) (f−l), from which the forward KL follows.
    toward: f64,
    top: TopK,
    /// The token that follows in the prompt, and its logit once it was seen.
    next: Option<u32>,
    next_logit: f32,
}

impl Running {
    /// Nothing seen yet; `k` tokens will be kept, and the logit of `next`.
    pub fn new(k: usize, next: Option<u32>) -> Self {
        Self {
            max: f32::NEG_INFINITY,
            sum: 0.,
            weighted: 0.,
            away: 0.,
            output_max: f32::NEG_INFINITY,
            output_sum: 0.,
            toward: 0.,
            top: TopK::new(k),
            next,
            next_logit: f32::NEG_INFINITY,
        }
    }

    /// Makes the row's sums relative to `max`, at least as large as the present one.
    fn rebase(&mut self, max: f32) {
        if self.sum > 0. {
            let shift = self.max as f64 - max as f64;
            let scale = shift.exp();
            self.weighted = scale * (self.weighted + self.sum * shift);
            self.away *= scale;
            self.sum *= scale;
        }
        self.max = max;
    }

    /// The same for the output's sums.
    fn rebase_output(&mut self, max: f32) {
        if self.output_sum > 0. {
            let scale = (self.output_max as f64 - max as f64).exp();
            self.toward *= scale;
            self.output_sum *= scale;
        }
        self.output_max = max;
    }

    /// The reading of all that was seen.
    pub fn finish(self) -> Reading {
        let log_sum_exp = self.max as f64 + self.sum.ln();
        let output_log_sum_exp = self.output_max as f64 + self.output_sum.ln();
        let top = self.top.kept.into_iter().map(|(logit, id)| {
            let logprob = logit as f64 - log_sum_exp;
            Candidate {
                id,
                logit,
                logprob,
                prob: logprob.exp(),
            }
        });
        // Rounding may leave a divergence of (nearly) equal rows a hair below zero.
        let divergence = |mean: f64, from: f64, to: f64| (mean - from + to).max(0.);
        Reading {
            top: top.collect(),
            log_sum_exp,
            entropy: self.sum.ln() - self.weighted / self.sum,
            forward_kl: divergence(self.toward / self.output_sum, output_log_sum_exp, log_sum_exp),
            reverse_kl: divergence(self.away / self.sum, log_sum_exp, output_log_sum_exp),
            cross_entropy: self.next.map(|_| log_sum_exp - self.next_logit as f64),
            distances: None,
            lens_kl: None,
        }
    }
}

impl Tiled for Running {
    #[inline(always)]
    fn tile(&mut self, first: u32, logits: &[f32], output: &[f32]) {
        let largest = math::max(logits);
        if largest > self.max {
            self.rebase(largest);
        }
        let largest_output = math::max(output);
        if largest_output > self.output_max {
            self.rebase_output(largest_output);
        }
        let sums = math::exp_sums(logits, self.max, output);
        self.sum += sums.sum;
        self.weighted += sums.weighted;
        self.away += sums.away;
        let (sum, toward) = math::exp_difference(output, self.output_max, logits);
        self.output_sum += sum;
        self.toward += toward;
        if self.top.wants(largest) {
            for (id, &logit) in (first..).zip(logits) {
                self.top.offer(logit, id);
            }
        }
        if let Some(&logit) = self
            .next
            .and_then(|next| logits.get(next.wrapping_sub(first) as usize))
        {
            self.next_logit = logit;
        }
    }

    fn tile_on_device(rows: &mut [Self], tile: &DeviceTile) -> Result<()> {
        let k = rows.first().map_or(0, |row| row.top.k);
        let next: Vec<Option<u32>> = rows.iter().map(|row| row.next).collect();
        for (row, found) in rows.iter_mut().zip(tile.readings(&next, k)?) {
            row.merge(Self {
                sum: found.sum,
                weighted: found.weighted,
                away: found.away,
                toward: found.toward,
                max: found.max,
                output_max: found.output_max,
                output_sum: found.output_sum,
                next: row.next,
                next_logit: found.next,
                top: TopK { k, kept: found.top },
            });
        }
        Ok(())
    }

    fn merge(&mut self, mut later: Self) {
        let max = self.max.max(later.max);
        self.rebase(max);
        later.rebase(max);
        self.sum += later.sum;
        self.weighted += later.weighted;
        self.away += later.away;
        let max = self.output_max.max(later.output_max);
        self.rebase_output(max);
        later.rebase_output(max);
        self.output_sum += later.output_sum;
        self.toward += later.toward;
        self.next_logit = self.next_logit.max(later.next_logit);
        self.top.merge(later.top);
    }
}

/// The k largest logits with their ids, largest first; of equal ones the lower id first.
#[derive(Debug, Clone)]
struct TopK {
    k: usize,
    kept: Vec<(f32, u32)>,
}

impl TopK {
    fn new(k: usize) -> Self {
        Self { k, kept: Vec::new() }
    }

    /// Whether a logit this large might be kept.
    fn wants(&self, logit: f32) -> bool {
        self.kept.len() < self.k || self.kept.last().is_some_and(|&(least, _)| logit > least)
    }

    /// Keeps the logit if it is among the k largest. Ids must come in rising order.
    fn offer(&mut self, logit: f32, id: u32) {
        if self.wants(logit) {
            let place = self.kept.partition_point(|&(l, _)| l >= logit);
            self.kept.insert(place, (logit, id));
            self.kept.truncate(self.k);
        }
    }

    /// Keeps the k largest of both; the ids of `later` come after all of its own.
    fn merge(&mut self, later: Self) {
        let mut earlier = std::mem::take(&mut self.kept).into_iter().peekable();
        let mut later = later.kept.into_iter().peekable();
        while self.kept.len() < self.k {
            let next = match (earlier.peek(), later.peek()) {
                (Some(&(a, _)), Some(&(b, _))) if a >= b => earlier.next(),
                (_, Some(_)) => later.next(),
                (_, None) => earlier.next(),
            };
            match next {
                Some(candidate) => self.kept.push(candidate),
                None => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(logits: &[f32], tile: usize, k: usize) -> Reading {
        read_against(logits, logits, tile, k)
    }

    fn read_against(logits: &[f32], output: &[f32], tile: usize, k: usize) -> Reading {
        let mut running = Running::new(k, Some(1));
        for (i, (logits, output)) in logits.chunks(tile).zip(output.chunks(tile)).enumerate() {
            running.tile((i * tile) as u32, logits, output);
        }
        running.finish()
    }

    #[test]
    fn divergences_of_known_distributions_are_theirs() {
        // p = (1/2, 1/4, 1/4), q = (1/4, 1/4, 1/2), at another offset of the logits.
        let ln = |p: f32| p.ln();
        let p = [ln(0.5), ln(0.25), ln(0.25)];
        let q = [ln(0.25) + 3., ln(0.25) + 3., ln(0.5) + 3.];
        for tile in 1..=3 {
            let reading = read_against(&p, &q, tile, 1);
            let expected = 0.25 * 2f64.ln();
            assert!((reading.forward_kl - expected).abs() < 1e-6, "{reading:?}");
            assert!((reading.reverse_kl - expected).abs() < 1e-6, "{reading:?}");
            assert!((reading.cross_entropy.unwrap() - 4f64.ln()).abs() < 1e-6);
        }
        let same = read(&p, 2, 1);
        assert_eq!((same.forward_kl, same.reverse_kl), (0., 0.));
    }

    #[test]
    fn uniform_logits_have_the_entropy_of_the_vocabulary_and_rank_by_id() {
        let reading = read(&[2.5; 64], 10, 3);
        assert!((reading.entropy - 64f64.ln()).abs() < 1e-12);
        assert_eq!(reading.top.iter().map(|c| c.id).collect::<Vec<_>>(), [0, 1, 2]);
        assert!((reading.top1().prob - 1. / 64.).abs() < 1e-15);
    }

    #[test]
    fn one_hot_logits_have_no_entropy() {
        let mut logits = [-1000.; 50];
        logits[37] = 1000.;
        let reading = read(&logits, 7, 2);
        assert_eq!(
            (reading.top1().id, reading.top1().prob, reading.entropy),
            (37, 1., 0.)
        );
    }

    #[test]
    fn tiles_and_merges_give_what_one_pass_gives() {
        let logits: Vec<f32> = (0..101).map(|i| ((i * 37 % 101) as f32).sin() * 9.).collect();
        let whole = read(&logits, 101, 5);
        let mut left = Running::new(5, None);
        left.tile(0, &logits[..40], &logits[..40]);
        let mut right = Running::new(5, None);
        right.tile(40, &logits[40..77], &logits[40..77]);
        right.tile(77, &logits[77..], &logits[77..]);
        left.merge(right);
        let merged = left.finish();
        // An exponential is good to 2 units in the last place, 2.4e-7 of it, and the parts take
        // theirs relative to other maxima; the entropy weighs them with up to 18.
        assert!((whole.log_sum_exp - merged.log_sum_exp).abs() < 2.4e-7);
        assert!((whole.entropy - merged.entropy).abs() < 18. * 2.4e-7);
        let ids = |r: &Reading| r.top.iter().map(|c| c.id).collect::<Vec<_>>();
        assert_eq!(ids(&whole), ids(&merged));
    }

    #[test]
    fn a_nan_makes_the_reading_not_finite() {
        assert!(!read(&[1., f32::NAN, 2.], 2, 1).is_finite());
        assert!(!read(&[1., f32::INFINITY, 2.], 2, 1).is_finite());
    }
}
