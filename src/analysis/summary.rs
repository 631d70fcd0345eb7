//! Many trajectories made into means for each layer.

use crate::decoder::Site;
use crate::lens::Trajectory;
use crate::readout::Reading;
use crate::text::targets::Target;

/// What has been seen so far, layer by layer: every position read of every prompt counts once.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub prompts: usize,
    /// The k of [`SummaryRow::target_in_top_k`].
    pub k: usize,
    /// Where the prompts' targets come from.
    pub targets: Targets,
    pub rows: Vec<SummaryRow>,
}

/// Of how many prompts the target comes from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Targets {
    /// The prompt brings it; of several, the first counts.
    pub own: usize,
    /// It is the request's first.
    pub tracked: usize,
    /// It is what the model itself says, at each position.
    pub output: usize,
}

/// The means at one site.
#[derive(Debug, Clone)]
pub struct SummaryRow {
    pub site: Site,
    /// The target's probability.
    pub prob: Mean,
    /// −log p of the target, in nats.
    pub surprisal: Mean,
    /// In nats.
    pub entropy: Mean,
    /// In nats.
    pub forward_kl: Mean,
    /// How often the top-1 is the target.
    pub top1_is_target: Share,
    /// How often the top-1 is the output's.
    pub top1_is_output: Share,
    /// How often the target is among the k likeliest: its rank is at most k.
    pub target_in_top_k: Share,
}

/// A mean and its standard error, by Welford's method.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mean {
    count: u64,
    mean: f64,
    /// Σ (x − mean)².
    squares: f64,
}

impl Mean {
    fn add(&mut self, x: f64) {
        self.count += 1;
        let from_old = x - self.mean;
        self.mean += from_old / self.count as f64;
        self.squares += from_old * (x - self.mean);
    }

    /// The number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// s / √n, s the sample's standard deviation (n − 1 in its divisor); `None` of fewer than two.
    pub fn standard_error(&self) -> Option<f64> {
        let n = self.count as f64;
        (self.count > 1).then(|| (self.squares / (n - 1.) / n).sqrt())
    }
}

/// How often something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// The times that it is.
    pub count: u64,
    /// The times that it was looked at.
    pub of: u64,
}

impl Share {
    fn add(&mut self, is: bool) {
        self.count += u64::from(is);
        self.of += 1;
    }

    /// The one divided by the other; `None` of none.
    pub fn value(&self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }

    /// √(p (1 − p) / (n − 1)), which is s / √n of zeros and ones; `None` of fewer than two.
    pub fn standard_error(&self) -> Option<f64> {
        let p = self.value().filter(|_| self.of > 1)?;
        Some((p * (1. - p) / (self.of - 1) as f64).sqrt())
    }
}

impl Summary {
    /// Nothing seen yet.
    pub fn new(k: usize) -> Self {
        Self { k, ..Self::default() }
    }

    /// Adds a trajectory that follows its target, or its top-1 tokens where it has none.
    pub fn add(&mut self, trajectory: &Trajectory) {
        self.prompts += 1;
        let own = trajectory.prompt.targets.first();
        let given = own.or(trajectory.targets.first());
        match (own, given) {
            (Some(_), _) => self.targets.own += 1,
            (None, Some(_)) => self.targets.tracked += 1,
            (None, None) => self.targets.output += 1,
        }
        if self.rows.is_empty() {
            self.rows = trajectory
                .rows
                .iter()
                .map(|row| SummaryRow::new(row.site))
                .collect();
        }
        for at in 0..trajectory.positions.len() {
            let output = trajectory.output[at].top1().id;
            let target = given.cloned().unwrap_or(Target {
                name: String::new(),
                ids: vec![output],
                other_form: None,
            });
            for (i, row) in self.rows.iter_mut().enumerate() {
                row.add(trajectory, &target, i, at, self.k);
            }
        }
    }
}

impl SummaryRow {
    fn new(site: Site) -> Self {
        let none = Mean::default();
        Self {
            site,
            prob: none,
            surprisal: none,
            entropy: none,
            forward_kl: none,
            top1_is_target: Share::default(),
            top1_is_output: Share::default(),
            target_in_top_k: Share::default(),
        }
    }

    fn add(&mut self, trajectory: &Trajectory, target: &Target, row: usize, at: usize, k: usize) {
        let reading: &Reading = &trajectory.rows[row].readings[at];
        self.entropy.add(reading.entropy);
        self.forward_kl.add(reading.forward_kl);
        let top1 = reading.top1().id;
        self.top1_is_target.add(target.ids.contains(&top1));
        self.top1_is_output.add(top1 == trajectory.output[at].top1().id);
        if let Some(value) = trajectory.value(target, row, at) {
            self.prob.add(value.prob);
            self.surprisal.add(-value.logprob);
            self.target_in_top_k.add(value.rank <= k as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_their_errors_are_the_textbooks() {
        let mut mean = Mean::default();
        assert_eq!(mean.standard_error(), None);
        for x in [2., 4., 4., 4., 5., 5., 7., 9.] {
            mean.add(x);
        }
        // Σ (x−5)² = 32, s² = 32/7, s/√8.
        assert_eq!((mean.count(), mean.mean()), (8, 5.));
        assert!((mean.standard_error().unwrap() - (32f64 / 7. / 8.).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_share_is_a_count_divided_by_a_count() {
        let (mut share, mut mean) = (Share::default(), Mean::default());
        assert_eq!((share.value(), share.standard_error()), (None, None));
        for i in 0..200 {
            share.add(i < 113);
            mean.add(f64::from(u8::from(i < 113)));
        }
        assert_eq!((share.value(), share.count, share.of), (Some(0.565), 113, 200));
        // The same as the standard error of the mean of zeros and ones.
        assert!((share.standard_error().unwrap() - mean.standard_error().unwrap()).abs() < 1e-15);
    }
}
