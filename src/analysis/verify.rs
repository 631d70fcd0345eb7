//! The output computed a second way, to check the first.

use candle_core::{DType, Device};

use crate::decoder::{Batch, Decoder};
use crate::error::Result;
use crate::readout::Reading;

/// How far the lens's reading is from a second computation.
#[derive(Debug, Clone, Copy)]
pub struct Verification {
    /// The largest difference of a logit: of the reading's top tokens, and of its top-1 from the
    /// largest of the second's, whichever token's that is.
    pub logit: f64,
    /// The largest difference of a probability of the reading's top tokens.
    pub prob: f64,
    /// Σ p over the vocabulary, the second's logits under the lens's normaliser.
    pub sum_of_probs: f64,
}

impl Verification {
    /// Whether the differences are what float32 explains: logits of tens, sums of thousands of terms.
    pub fn passes(&self) -> bool {
        self.logit <= 1e-3 && (self.sum_of_probs - 1.).abs() <= 1e-3
    }

    /// The larger of each difference.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let further = |sum: f64| (sum - 1.).abs();
        Self {
            logit: self.logit.max(other.logit),
            prob: self.prob.max(other.prob),
            sum_of_probs: match further(other.sum_of_probs) > further(self.sum_of_probs) {
                true => other.sum_of_probs,
                false => self.sum_of_probs,
            },
        }
    }
}

/// A second way, which shares no kernel with what it checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In float64 by candle's ordinary tensors on the CPU: every matrix copied into one, one product after another,
    /// nothing fused, tiled or mapped.
    Plain,
    /// In float32 by the kernels of the CPU, of a reading made on another device: as quick as a run there.
    Cpu,
}

/// Computes the logits after the last of `ids` and compares `reading` with them.
///
/// # Errors
/// Only if the computation itself fails.
pub fn verify(decoder: &Decoder, ids: &[u32], reading: &Reading, way: Way) -> Result<Verification> {
    let logits = logits(decoder, ids, way)?;
    if !logits.iter().all(|logit| logit.is_finite()) {
        return Ok(Verification {
            logit: f64::INFINITY,
            prob: 1.,
            sum_of_probs: 0.,
        });
    }
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum_exp = max + logits.iter().map(|l| (l - max).exp()).sum::<f64>().ln();
    let mut result = Verification {
        logit: (max - reading.top1().logit as f64).abs(),
        prob: 0.,
        sum_of_probs: logits.iter().map(|l| (l - reading.log_sum_exp).exp()).sum(),
    };
    for candidate in &reading.top {
        let plain = logits[candidate.id as usize];
        result.logit = result.logit.max((plain - candidate.logit as f64).abs());
        result.prob = result
            .prob
            .max(((plain - log_sum_exp).exp() - candidate.prob).abs());
    }
    Ok(result)
}

/// The logits after the last of `ids`, one for each token of the vocabulary.
fn logits(decoder: &Decoder, ids: &[u32], way: Way) -> Result<Vec<f64>> {
    let dtype = match way {
        Way::Plain => DType::F64,
        Way::Cpu => DType::F32,
    };
    let mut batch = Batch::default();
    batch.push(ids);
    let mut last = None;
    decoder.forward_in(dtype, &batch, &Device::Cpu, &mut |_, stream| {
        last = Some(stream.narrow(0, ids.len() - 1, 1)?);
        Ok(stream)
    })?;
    let Some(last) = last else { return Ok(Vec::new()) };
    let rows = decoder.unembed.rows(&last)?;
    let logits = decoder.unembed.logits(&rows)?.squeeze(0)?;
    Ok(logits.to_dtype(DType::F64)?.to_vec1()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_of_two_is_that_of_each_difference() {
        let one = Verification {
            logit: 2.,
            prob: 0.1,
            sum_of_probs: 0.7,
        };
        let other = Verification {
            logit: 1.,
            prob: 0.2,
            sum_of_probs: 1.2,
        };
        for both in [one.or(other), other.or(one)] {
            assert_eq!((both.logit, both.prob, both.sum_of_probs), (2., 0.2, 0.7));
        }
    }
}
