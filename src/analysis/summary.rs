//! Many trajectories made into means for each layer.

use std::sync::Arc;

use crate::decoder::Site;
use crate::lens::{TargetValue, Trajectory};
use crate::readout::lenses::Lens;
use crate::text::targets::Target;

/// What has been seen so far, layer by layer. The sample is the prompt: where several of its positions are
/// read, their mean counts once.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The lens that read the rows; `None` before any was seen.
    pub lens: Option<Arc<dyn Lens>>,
    pub prompts: usize,
    /// The positions read, of all prompts together.
    pub positions: usize,
    /// The k of [`SummaryRow::target_in_top_k`].
    pub k: usize,
    /// Where the prompts' targets come from.
    pub targets: Targets,
    pub rows: Vec<SummaryRow>,
}

/// Of how many prompts the target comes from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Targets {
    /// The prompt brings it, for its last position; of several, the first counts.
    pub own: usize,
    /// The prompt brings some, none of which can be used: nothing is scored at its last position.
    pub unusable: usize,
    /// It is the request's first, at each position.
    pub tracked: usize,
    /// It is what the model itself says, at each position.
    pub output: usize,
    /// The prompt brings some, and at positions before its last its next token is the target.
    pub next: usize,
}

/// Where the target of a prompt comes from.
#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    /// The prompt; `None` where what it brings cannot be used.
    Own(Option<&'a Target>),
    Tracked(&'a Target),
    Output,
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
    /// How often the top-1 is the target; of several tokens in a row, each of them.
    pub top1_is_target: Share,
    /// How often the top-1 is the output's.
    pub top1_is_output: Share,
    /// How often the target is among the k likeliest: its rank is at most k.
    pub target_in_top_k: Share,
}

/// A mean over prompts and its standard error, by Welford's method.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mean {
    count: u64,
    mean: f64,
    /// Σ (x − mean)².
    squares: f64,
}

impl Mean {
    pub(super) fn add(&mut self, x: f64) {
        self.count += 1;
        let from_old = x - self.mean;
        self.mean += from_old / self.count as f64;
        self.squares += from_old * (x - self.mean);
    }

    /// Adds the mean of a prompt's values, if it has any.
    pub(super) fn add_prompt(&mut self, values: impl ExactSizeIterator<Item = f64>) {
        let count = values.len();
        if count > 0 {
            self.add(values.sum::<f64>() / count as f64);
        }
    }

    /// The number of prompts.
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
#[derive(Debug, Clone, Copy, Default)]
pub struct Share {
    /// The positions at which it is.
    pub count: u64,
    /// The positions at which it was looked at.
    pub of: u64,
    /// The shares of the prompts.
    prompts: Mean,
    /// Whether some prompts have more positions than others.
    uneven: bool,
}

impl Share {
    /// Adds a prompt's positions, if it has any.
    pub(super) fn add_prompt(&mut self, positions: impl ExactSizeIterator<Item = bool>) {
        let of = positions.len() as u64;
        if of == 0 {
            return;
        }
        let count = positions.filter(|is| *is).count() as u64;
        self.uneven |= self.of != of * self.prompts.count();
        self.count += count;
        self.of += of;
        self.prompts.add(count as f64 / of as f64);
    }

    /// The one count divided by the other, or the mean of the prompts' shares if they differ in how many
    /// positions they have; `None` of none.
    pub fn value(&self) -> Option<f64> {
        (self.of > 0).then(|| match self.uneven {
            true => self.prompts.mean(),
            false => self.count as f64 / self.of as f64,
        })
    }

    /// The standard error of the prompts' shares; `None` of fewer than two.
    pub fn standard_error(&self) -> Option<f64> {
        self.prompts.standard_error()
    }
}

impl Summary {
    /// Nothing seen yet.
    pub fn new(k: usize) -> Self {
        Self { k, ..Self::default() }
    }

    /// Adds a trajectory that follows its targets, its top-1 tokens where it has none, and its prompt's next
    /// tokens where it is read before its last position.
    pub fn add(&mut self, trajectory: &Trajectory) {
        self.lens.get_or_insert_with(|| trajectory.lens.clone());
        self.prompts += 1;
        self.positions += trajectory.positions.len();
        let source = Source::of(trajectory);
        let targets: Vec<Option<Target>> = (0..trajectory.positions.len())
            .map(|at| source.target(trajectory, at))
            .collect();
        self.targets.count(source, trajectory);
        if self.rows.is_empty() {
            let sites = trajectory.rows.iter().map(|row| row.site);
            self.rows = sites.map(SummaryRow::new).collect();
        }
        for (i, row) in self.rows.iter_mut().enumerate() {
            row.add(trajectory, &targets, i, self.k);
        }
    }
}

impl Targets {
    fn count(&mut self, source: Source, trajectory: &Trajectory) {
        match source {
            Source::Own(Some(_)) => self.own += 1,
            Source::Own(None) => self.unusable += 1,
            Source::Tracked(_) => self.tracked += 1,
            Source::Output => self.output += 1,
        }
        let last = trajectory.last_of_prompt();
        let elsewhere = trajectory.positions.iter().any(|&position| position != last);
        self.next += usize::from(matches!(source, Source::Own(_)) && elsewhere);
    }
}

impl<'a> Source<'a> {
    fn of(trajectory: &'a Trajectory) -> Self {
        let prompt = &trajectory.prompt;
        match (prompt.targets.first(), trajectory.targets.first()) {
            (Some(own), _) => Self::Own(Some(own)),
            (None, _) if !prompt.unusable_targets.is_empty() => Self::Own(None),
            (None, Some(tracked)) => Self::Tracked(tracked),
            (None, None) => Self::Output,
        }
    }

    /// The target at the `at`th position read: what a prompt brings belongs to its last position, and before
    /// that its next token is the target. `None` where nothing is to be scored.
    fn target(self, trajectory: &Trajectory, at: usize) -> Option<Target> {
        let position = trajectory.positions[at];
        match self {
            Self::Own(own) if position == trajectory.last_of_prompt() => own.cloned(),
            Self::Own(_) => trajectory
                .prompt
                .ids
                .get(position + 1)
                .copied()
                .map(Target::unnamed),
            Self::Tracked(target) => Some(target.clone()),
            Self::Output => Some(Target::unnamed(trajectory.output[at].top1().id)),
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

    /// Adds the row `row` of a prompt whose positions have these targets.
    fn add(&mut self, trajectory: &Trajectory, targets: &[Option<Target>], row: usize, k: usize) {
        let readings = &trajectory.rows[row].readings;
        self.entropy
            .add_prompt(readings.iter().map(|reading| reading.entropy));
        self.forward_kl
            .add_prompt(readings.iter().map(|reading| reading.forward_kl));
        let outputs = readings.iter().zip(&trajectory.output);
        self.top1_is_output
            .add_prompt(outputs.map(|(reading, output)| reading.top1().id == output.top1().id));

        let scored = targets.iter().enumerate().filter_map(|(at, target)| {
            let target = target.as_ref()?;
            let value = trajectory.value(target, row, at)?;
            // Of several tokens in a row the rank is the worst: 1 where each of them is the top-1.
            let is_top1 = match target.sequence {
                true => value.rank == 1,
                false => target.ids.contains(&readings[at].top1().id),
            };
            Some((is_top1, value))
        });
        let scored: Vec<(bool, TargetValue)> = scored.collect();
        self.top1_is_target
            .add_prompt(scored.iter().map(|(is_top1, _)| *is_top1));
        self.prob.add_prompt(scored.iter().map(|(_, value)| value.prob));
        self.surprisal
            .add_prompt(scored.iter().map(|(_, value)| -value.logprob));
        self.target_in_top_k
            .add_prompt(scored.iter().map(|(_, value)| value.rank <= k as u64));
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
        let mut share = Share::default();
        assert_eq!((share.value(), share.standard_error()), (None, None));
        for i in 0..200 {
            share.add_prompt([i < 113].into_iter());
        }
        assert_eq!((share.value(), share.count, share.of), (Some(0.565), 113, 200));
        // √(p (1 − p) / (n − 1)), which is s / √n of zeros and ones.
        let textbook = (0.565f64 * 0.435 / 199.).sqrt();
        assert!((share.standard_error().unwrap() - textbook).abs() < 1e-15);
    }

    #[test]
    fn the_positions_of_a_prompt_are_one_sample() {
        let (mut share, mut mean) = (Share::default(), Mean::default());
        share.add_prompt([true, false].into_iter());
        share.add_prompt([true, true].into_iter());
        mean.add_prompt([1., 3.].into_iter());
        mean.add_prompt([4.].into_iter());
        mean.add_prompt([].into_iter());
        // Of 1/2 and 2/2, and of 2 and 4: s = |a − b| / √2, s / √2.
        assert_eq!((share.value(), share.count, share.of), (Some(0.75), 3, 4));
        assert!((share.standard_error().unwrap() - 0.25).abs() < 1e-15);
        assert_eq!(
            (mean.count(), mean.mean(), mean.standard_error()),
            (2, 3., Some(1.))
        );
        // A prompt with more positions weighs no more.
        share.add_prompt([false; 4].into_iter());
        assert_eq!((share.value(), share.count, share.of), (Some(0.5), 3, 8));
    }
}
