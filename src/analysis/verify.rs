//! The output computed a second way, to check the first.
//!
//! The decoder is run in float64 by candle's ordinary tensors: every matrix copied into one, one
//! product after another, nothing fused, tiled or mapped. It shares no kernel with the lens.

use candle_core::{DType, Device};

use crate::decoder::{Batch, Decoder};
use crate::error::Result;
use crate::readout::Reading;

/// How far the lens's reading is from the plain computation.
#[derive(Debug, Clone, Copy)]
pub struct Verification {
    /// The largest difference of a logit: of the reading's top tokens, and of its top-1 from the
    /// largest plain logit, whichever token's that is.
    pub logit: f64,
    /// The largest difference of a probability of the reading's top tokens.
    pub prob: f64,
    /// Σ p over the vocabulary, the plain logits under the lens's normaliser.
    pub sum_of_probs: f64,
}

impl Verification {
    /// Whether the differences are what arithmetic in `dtype` explains: logits of tens, sums of
    /// thousands of terms, so 1e-3 in float32, and for products in 16 bits what their 8 or 11
    /// significant bits leave of a logit.
    pub fn passes(&self, dtype: crate::weights::DType) -> bool {
        let (logit, sum) = match dtype {
            crate::weights::DType::Bf16 => (1.0, 0.5),
            crate::weights::DType::F16 => (0.1, 0.1),
            _ => (1e-3, 1e-3),
        };
        self.logit <= logit && (self.sum_of_probs - 1.).abs() <= sum
    }
}

/// Computes the logits after the last of `ids` plainly and compares `reading` with them.
///
/// # Errors
/// Only if the computation itself fails.
pub fn verify(decoder: &Decoder, ids: &[u32], reading: &Reading) -> Result<Verification> {
    let logits = logits(decoder, ids)?;
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
fn logits(decoder: &Decoder, ids: &[u32]) -> Result<Vec<f64>> {
    let mut batch = Batch::default();
    batch.push(ids);
    let mut last = None;
    decoder.forward_in(DType::F64, &batch, &Device::Cpu, &mut |_, stream| {
        last = Some(stream.narrow(0, ids.len() - 1, 1)?);
        Ok(stream)
    })?;
    let Some(last) = last else { return Ok(Vec::new()) };
    let rows = decoder.unembed.rows(&last)?;
    Ok(decoder.unembed.logits(&rows)?.squeeze(0)?.to_vec1()?)
}
