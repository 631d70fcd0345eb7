//! At which layer a model knows: the ranks of targets over a set of items, as pass@k with bootstrap intervals.

use std::sync::Arc;

use crate::decoder::{Point, Site};
use crate::lens::Trajectory;
use crate::readout::lenses::Lens;
use crate::text::targets::Target;

/// The k of pass@k.
pub const KS: [u64; 4] = [1, 5, 10, 100];

/// So many resamples make an interval.
const RESAMPLES: usize = 1000;

/// The same data give the same intervals.
const SEED: u64 = 0x1e45;

/// What an evaluation has read so far.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// The lens that read the rows; `None` before any was read.
    pub lens: Option<Arc<dyn Lens>>,
    /// The rows read, as the first item has them.
    sites: Vec<Site>,
    items: Vec<Scores>,
    /// How many targets there are, and how many of them are among their prompt's tokens.
    pub targets: usize,
    pub copied: usize,
}

/// An item's ranks, `[target][row]`, the output's last.
#[derive(Debug, Clone, Default)]
struct Scores {
    targets: Vec<Vec<u64>>,
    controls: Vec<Vec<u64>>,
}

/// What a row of the evaluation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A row of the model but for its output.
    Site(Site),
    /// The least rank over the blocks' rows before the output.
    Least,
    Output,
}

/// A row of the evaluation.
#[derive(Debug, Clone)]
pub struct EvaluationRow {
    pub scope: Scope,
    /// The median of the targets' ranks.
    pub median_rank: Option<f64>,
    /// For each of [`KS`].
    pub pass: Vec<Estimate>,
    /// The same of the controls.
    pub control: Vec<Estimate>,
}

/// A mean over items: of each, the share of its targets whose rank is at most k.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    /// The items that have any.
    pub items: usize,
    /// `None` of no items.
    pub value: Option<f64>,
    /// The 95 % interval of the bootstrap over items (percentiles); `None` of no items.
    pub interval: Option<[f64; 2]>,
}

impl Evaluation {
    /// Adds an item that was read at one position, with its targets and controls followed.
    pub fn add(&mut self, trajectory: &Trajectory, targets: &[Target], controls: &[Target]) {
        if self.items.is_empty() {
            self.lens = Some(trajectory.lens.clone());
            self.sites = trajectory.rows.iter().map(|row| row.site).collect();
        }
        let ranks = |target: &Target| -> Option<Vec<u64>> {
            let rows = 0..trajectory.rows.len();
            rows.map(|row| Some(trajectory.value(target, row, 0)?.rank))
                .collect()
        };
        let is_copied = |target: &&Target| {
            let ids = &trajectory.prompt.ids;
            match target.sequence {
                true => ids.windows(target.ids.len()).any(|window| window == target.ids),
                false => target.ids.iter().any(|id| ids.contains(id)),
            }
        };
        self.targets += targets.len();
        self.copied += targets.iter().filter(is_copied).count();
        self.items.push(Scores {
            targets: targets.iter().filter_map(ranks).collect(),
            controls: controls.iter().filter_map(ranks).collect(),
        });
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.items.len()
    }

    /// Whether any item has controls.
    pub fn has_controls(&self) -> bool {
        self.items.iter().any(|item| !item.controls.is_empty())
    }

    /// The rows of the evaluation: one for each row read, the least over the layers before the output, and the
    /// output; of a model with `blocks` blocks.
    pub fn rows(&self, blocks: usize) -> Vec<EvaluationRow> {
        let is_output = |site: Site| site.point == Point::ResidPost && site.layer + 1 == blocks;
        let numbered = || self.sites.iter().copied().enumerate();
        let before: Vec<usize> = (numbered())
            .filter(|(_, site)| site.point == Point::ResidPost && !is_output(*site))
            .map(|(row, _)| row)
            .collect();
        let output = numbered().find(|(_, site)| is_output(*site));
        let mut scopes: Vec<(Scope, Vec<usize>)> = (numbered())
            .filter(|(_, site)| !is_output(*site))
            .map(|(row, site)| (Scope::Site(site), vec![row]))
            .collect();
        if !before.is_empty() {
            scopes.push((Scope::Least, before));
        }
        scopes.extend(output.map(|(row, _)| (Scope::Output, vec![row])));
        let samples = resamples(self.items.len());
        (scopes.into_iter())
            .map(|(scope, rows)| self.row(scope, &rows, &samples))
            .collect()
    }

    fn row(&self, scope: Scope, rows: &[usize], samples: &[Vec<u32>]) -> EvaluationRow {
        let least = |ranks: &Vec<u64>| rows.iter().map(|&row| ranks[row]).min().unwrap_or(u64::MAX);
        let of = |part: fn(&Scores) -> &Vec<Vec<u64>>| -> Vec<Vec<u64>> {
            let items = self.items.iter();
            items.map(|item| part(item).iter().map(least).collect()).collect()
        };
        let (targets, controls) = (of(|item| &item.targets), of(|item| &item.controls));
        let estimates = |ranks: &[Vec<u64>]| KS.iter().map(|&k| estimate(ranks, k, samples)).collect();
        EvaluationRow {
            scope,
            median_rank: median(targets.iter().flatten().copied().collect()),
            pass: estimates(&targets),
            control: estimates(&controls),
        }
    }
}

/// pass@k of the items' ranks.
fn estimate(ranks: &[Vec<u64>], k: u64, samples: &[Vec<u32>]) -> Estimate {
    let share = |ranks: &Vec<u64>| {
        let passed = ranks.iter().filter(|&&rank| rank <= k).count();
        (!ranks.is_empty()).then(|| passed as f64 / ranks.len() as f64)
    };
    let shares: Vec<Option<f64>> = ranks.iter().map(share).collect();
    let mean = |shares: &mut dyn Iterator<Item = f64>| {
        let (count, sum) = shares.fold((0usize, 0.), |(count, sum), share| (count + 1, sum + share));
        (count > 0).then(|| sum / count as f64)
    };
    let mut means: Vec<f64> = (samples.iter())
        .filter_map(|sample| mean(&mut sample.iter().filter_map(|&item| shares[item as usize])))
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |quantile: f64| means[((means.len() - 1) as f64 * quantile).round() as usize];
    Estimate {
        items: shares.iter().flatten().count(),
        value: mean(&mut shares.iter().copied().flatten()),
        interval: (!means.is_empty()).then(|| [at(0.025), at(0.975)]),
    }
}

/// Items drawn with replacement, as many as there are, again and again.
fn resamples(items: usize) -> Vec<Vec<u32>> {
    let mut random = SplitMix(SEED);
    let mut draw = || (0..items).map(|_| random.below(items as u64) as u32).collect();
    match items {
        0 => Vec::new(),
        _ => (0..RESAMPLES).map(|_| draw()).collect(),
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, by the high half of a product (Lemire 2019).
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

fn median(mut ranks: Vec<u64>) -> Option<f64> {
    ranks.sort_unstable();
    let middle = ranks.len() / 2;
    match ranks.len() {
        0 => None,
        n if n % 2 == 1 => Some(ranks[middle] as f64),
        _ => Some((ranks[middle - 1] as f64 + ranks[middle] as f64) / 2.),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(layer: usize) -> Site {
        Site {
            layer,
            point: Point::ResidPost,
        }
    }

    #[test]
    fn pass_at_k_is_the_mean_share_of_least_ranks() {
        let evaluation = Evaluation {
            sites: vec![site(0), site(1), site(2)],
            items: vec![
                // Of two targets one is ever among the ten before the output.
                Scores {
                    targets: vec![vec![50, 7, 1], vec![400, 30, 2]],
                    controls: vec![vec![5, 6, 7]],
                },
                Scores {
                    targets: vec![vec![1, 90, 90]],
                    controls: Vec::new(),
                },
            ],
            ..Evaluation::default()
        };
        let rows = evaluation.rows(3);
        let scopes: Vec<Scope> = rows.iter().map(|row| row.scope).collect();
        assert_eq!(
            scopes,
            [
                Scope::Site(site(0)),
                Scope::Site(site(1)),
                Scope::Least,
                Scope::Output
            ]
        );
        let values =
            |row: usize| -> Vec<f64> { rows[row].pass.iter().map(|pass| pass.value.unwrap()).collect() };
        assert_eq!(values(0), [0.5, 0.5, 0.5, 0.75]);
        assert_eq!(values(1), [0., 0., 0.25, 1.]);
        assert_eq!(values(2), [0.5, 0.5, 0.75, 1.]);
        assert_eq!(values(3), [0.25, 0.5, 0.5, 1.]);
        assert_eq!((rows[0].median_rank, rows[2].median_rank), (Some(50.), Some(7.)));
        let control = rows[2].control[1];
        assert_eq!((control.items, control.value), (1, Some(1.)));
        assert_eq!(rows[2].control[0].value, Some(0.));
    }

    #[test]
    fn intervals_are_the_bootstraps_and_stay_the_same() {
        let ranks: Vec<Vec<u64>> = (0..200).map(|item| vec![if item < 60 { 1 } else { 9 }]).collect();
        let samples = resamples(200);
        let found = estimate(&ranks, 1, &samples);
        assert_eq!(
            (found, found.value),
            (estimate(&ranks, 1, &resamples(200)), Some(0.3))
        );
        // About 1.96 √(p (1 − p) / n) to each side.
        let half = 1.96 * (0.3f64 * 0.7 / 200.).sqrt();
        let [low, high] = found.interval.unwrap();
        assert!(
            (low - (0.3 - half)).abs() < 0.01 && (high - (0.3 + half)).abs() < 0.01,
            "{low} {high}"
        );
        assert_eq!(estimate(&[], 1, &[]), Estimate::default());
    }

    #[test]
    fn the_generator_is_the_published_one() {
        // The first outputs of SplitMix64 from seed 1234567.
        let mut random = SplitMix(1234567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(
            first,
            [6457827717110365317, 3203168211198807973, 9817491932198370423]
        );
    }
}
