//! The statistics of a reading: their names, their formulas, and which of them are wanted.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::error::meant;
use crate::readout::Reading;

/// One statistic. In the formulas p is the row's distribution over the vocabulary, q the model's
/// output at the same position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statistic {
    /// −Σ p log p, in nats.
    Entropy,
    /// KL(q‖p) = Σ q (log q − log p), in nats.
    ForwardKl,
    /// KL(p‖q) = Σ p (log p − log q), in nats.
    ReverseKl,
    /// ½ KL(p‖m) + ½ KL(q‖m) with m = (p+q)/2, in nats (Lin 1991).
    Js,
    /// ½ Σ |p − q|.
    Tv,
    /// −log p of the prompt's next token, in nats.
    CrossEntropy,
    /// Whether the row's top-1 is the output's.
    Agrees,
    /// KL(r‖p), r what the run's first lens makes of the same row, in nats.
    LensKl,
}

impl Statistic {
    /// The statistic that is called `name`; `kl` is the forward one.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "kl" => Some(Self::ForwardKl),
            _ => Self::ALL.into_iter().find(|statistic| statistic.name() == name),
        }
    }

    /// Every statistic, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Entropy,
        Self::ForwardKl,
        Self::ReverseKl,
        Self::Js,
        Self::Tv,
        Self::CrossEntropy,
        Self::Agrees,
        Self::LensKl,
    ];

    /// Its name in options, JSON and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entropy => "entropy",
            Self::ForwardKl => "forward_kl",
            Self::ReverseKl => "reverse_kl",
            Self::Js => "js",
            Self::Tv => "tv",
            Self::CrossEntropy => "cross_entropy",
            Self::Agrees => "agrees",
            Self::LensKl => "lens_kl",
        }
    }

    /// What it is, with l the row's logits, p = softmax(l), and q the softmax of the model's output at
    /// the same position.
    pub fn formula(self) -> &'static str {
        match self {
            Self::Entropy => "−Σ p log p, in nats",
            Self::ForwardKl => "KL(q‖p) = Σ q (log q − log p), in nats",
            Self::ReverseKl => "KL(p‖q) = Σ p (log p − log q), in nats",
            Self::Js => "½ KL(p‖m) + ½ KL(q‖m), m = (p+q)/2, in nats, at most ln 2",
            Self::Tv => "½ Σ |p − q|, from 0 to 1",
            Self::CrossEntropy => "−log p(next token of the prompt), in nats; none at the last position",
            Self::Agrees => "whether the row's top-1 is the output's",
            Self::LensKl => {
                "KL(r‖p) = Σ r (log r − log p), r what the first lens makes of the row, in nats; none of the \
                 first lens, and at the output"
            }
        }
    }

    /// Its value in `reading`, the output's being `output`; `None` where it has none (the last
    /// position has no next token) or was not asked for. [`Statistic::Agrees`] is 0 or 1.
    pub fn of(self, reading: &Reading, output: &Reading) -> Option<f64> {
        match self {
            Self::Entropy => Some(reading.entropy),
            Self::ForwardKl => Some(reading.forward_kl),
            Self::ReverseKl => Some(reading.reverse_kl),
            Self::Js => reading.distances.map(|d| d.js),
            Self::Tv => reading.distances.map(|d| d.tv),
            Self::CrossEntropy => reading.cross_entropy,
            Self::LensKl => reading.lens_kl,
            Self::Agrees => Some(f64::from(u8::from(reading.top1().id == output.top1().id))),
        }
    }
}

/// A choice of statistics: `all`, `none`, or a comma-separated list of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics(BTreeSet<Statistic>);

impl Statistics {
    /// None of them.
    pub fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// These and `statistic`.
    pub fn with(mut self, statistic: Statistic) -> Self {
        self.0.insert(statistic);
        self
    }

    /// Whether `statistic` is wanted.
    pub fn has(&self, statistic: Statistic) -> bool {
        self.0.contains(&statistic)
    }

    /// Those wanted, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Statistic> + '_ {
        self.0.iter().copied()
    }

    /// These; of several lenses, with what compares them if all others are wanted.
    pub fn of_several_lenses(self) -> Self {
        match Self::of_one_lens().0.is_subset(&self.0) {
            true => self.with(Statistic::LensKl),
            false => self,
        }
    }

    /// All that one lens has.
    fn of_one_lens() -> Self {
        let others = Statistic::ALL.into_iter().filter(|s| *s != Statistic::LensKl);
        Self(others.collect())
    }

    /// Whether the normalised distributions are to be compared, in one more pass.
    pub fn need_distances(&self) -> bool {
        self.has(Statistic::Js) || self.has(Statistic::Tv)
    }
}

/// All that come in the first pass through the vocabulary.
impl Default for Statistics {
    fn default() -> Self {
        let costly = [Statistic::Js, Statistic::Tv, Statistic::LensKl];
        Self(
            Statistic::ALL
                .into_iter()
                .filter(|s| !costly.contains(s))
                .collect(),
        )
    }
}

impl FromStr for Statistics {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => return Ok(Self::of_one_lens()),
            "none" => return Ok(Self::none()),
            _ => {}
        }
        let named = |name: &str| {
            Statistic::named(name.trim()).ok_or_else(|| {
                let names: Vec<&str> = Statistic::ALL.iter().map(|s| s.name()).collect();
                format!(
                    "unknown statistic {name:?}{}; use all, none, or some of: {}",
                    meant(name, &names),
                    names.join(", ")
                )
            })
        };
        text.split(',').map(named).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_chosen_by_name() {
        let chosen: Statistics = "tv, entropy".parse().unwrap();
        let names: Vec<&str> = chosen.iter().map(Statistic::name).collect();
        assert_eq!(names, ["entropy", "tv"]);
        assert!("kl".parse::<Statistics>().unwrap().has(Statistic::ForwardKl));
        assert!(chosen.need_distances());
        assert!(!Statistics::default().need_distances());
        assert_eq!("none".parse::<Statistics>().unwrap().iter().count(), 0);
        for text in ["", "entropy,", "kld", "all,none"] {
            assert!(text.parse::<Statistics>().is_err(), "{text:?}");
        }
    }
}
