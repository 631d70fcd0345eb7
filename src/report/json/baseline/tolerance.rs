//! What may differ from an earlier run, and how far.

use std::str::FromStr;

/// What may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// A token's probability: one of the top k of either run, or a target.
    Prob,
    /// KL from the output, in nats.
    Kl,
    /// In nats.
    Entropy,
}

/// How far each quantity may move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    pub prob: f64,
    pub kl: f64,
    pub entropy: f64,
}

/// More than three times what other prompts in a batch were seen to change: in 24 prompts each through SmolLM2 135M
/// and Gemma 3 270M, at every layer, a probability by 7.5e-6, a KL by 2.7e-4, an entropy by 3.5e-5 at most. The number
/// of threads changes nothing. A CPU with AVX2 alone beside one with AVX-512 changed, in 24 prompts through the demo
/// model at every layer and position, a probability by 2.3e-6, a KL by 6.4e-6 and an entropy by 4.3e-6 at most.
impl Default for Tolerance {
    fn default() -> Self {
        Self {
            prob: 1e-4,
            kl: 1e-3,
            entropy: 1e-3,
        }
    }
}

impl Quantity {
    /// Every quantity, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Prob, Self::Kl, Self::Entropy].into_iter()
    }

    /// Its name in `--tolerance`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prob => "prob",
            Self::Kl => "kl",
            Self::Entropy => "entropy",
        }
    }
}

impl Tolerance {
    /// How far `quantity` may move.
    pub fn of(&self, quantity: Quantity) -> f64 {
        match quantity {
            Quantity::Prob => self.prob,
            Quantity::Kl => self.kl,
            Quantity::Entropy => self.entropy,
        }
    }
}

/// `prob=1e-3,kl=0.01`; what is not named keeps its default.
impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut tolerance = Self::default();
        for part in text.split(',') {
            let wrong = || format!("cannot read {part:?}; write prob=1e-3,kl=0.01,entropy=0.01");
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let value: f64 = value.trim().parse().map_err(|_| wrong())?;
            if value.is_nan() || value < 0. {
                return Err(wrong());
            }
            match name.trim() {
                "prob" => tolerance.prob = value,
                "kl" | "forward_kl" => tolerance.kl = value,
                "entropy" => tolerance.entropy = value,
                _ => return Err(wrong()),
            }
        }
        Ok(tolerance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_read_as_written() {
        let tolerance: Tolerance = "prob=1e-3, kl=0.01".parse().unwrap();
        assert_eq!((tolerance.prob, tolerance.kl), (1e-3, 0.01));
        assert_eq!(tolerance.entropy, Tolerance::default().entropy);
        for wrong in [
            "",
            "prob",
            "prob=",
            "prob=x",
            "prob=-1",
            "rank=1",
            "prob=1,,kl=1",
            "prob=NaN",
        ] {
            assert!(wrong.parse::<Tolerance>().is_err(), "{wrong:?}");
        }
    }
}
