//! Attention with linear biases (Press et al. 2022).

use candle_core::Tensor;
use half::bf16;

use crate::error::Result;

/// A bias of attention scores that falls with the distance: for a query at i and a key at j, and
/// each head's slope, `slope (j - i)`.
#[derive(Debug, Clone)]
pub struct Alibi {
    /// One for each head.
    pub slopes: Vec<f64>,
    pub form: AlibiForm,
}

/// How the bias is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlibiForm {
    /// To the scaled score (BLOOM, MPT).
    Exact,
    /// `slope · j` rounded to bfloat16 and added before the scale, as Falcon was trained.
    Rounded,
}

impl Alibi {
    /// The slopes of the paper for any number of heads: powers of `2^(-8/n)`, n the largest power
    /// of 2 up to it, then every second power of `2^(-4/n)`.
    pub fn slopes(heads: usize) -> Vec<f64> {
        let n = (heads + 1).next_power_of_two() / 2;
        let powers = |n: usize| (1..=n).map(move |i| (-8. * i as f64 / n as f64).exp2());
        powers(n).chain(powers(2 * n).step_by(2)).take(heads).collect()
    }

    /// What a head's scores of a query at 0 would get at each key, `[heads, tokens]`; the bias is the
    /// difference of the key's and the query's.
    pub fn biases(&self, tokens: usize, scale: f64) -> Vec<f64> {
        let round = |x: f64| bf16::from_f64(x).to_f64();
        let bias = |slope: f64, key: usize| match self.form {
            AlibiForm::Exact => slope * key as f64,
            AlibiForm::Rounded => round(round(slope) * round(key as f64)) * scale,
        };
        (self.slopes.iter())
            .flat_map(|&slope| (0..tokens).map(move |key| bias(slope, key)))
            .collect()
    }

    /// The biases `[heads, queries, keys]` of queries from `start` on and keys from `first` up to
    /// the last of these queries.
    pub fn tensor(
        &self,
        start: usize,
        queries: usize,
        first: usize,
        scale: f64,
        like: &Tensor,
    ) -> Result<Tensor> {
        let end = start + queries;
        let biases = self.biases(end, scale);
        let all = biases
            .chunks_exact(end)
            .flat_map(|head| (start..end).flat_map(move |i| (first..end).map(move |j| head[j] - head[i])));
        let all = Tensor::from_iter(all, like.device())?;
        Ok(all
            .reshape((self.slopes.len(), queries, end - first))?
            .to_dtype(like.dtype())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_paper() {
        let powers = |exponents: &[f64]| exponents.iter().map(|e| (-e).exp2()).collect::<Vec<_>>();
        assert_eq!(Alibi::slopes(8), powers(&[1., 2., 3., 4., 5., 6., 7., 8.]));
        assert_eq!(Alibi::slopes(6), powers(&[2., 4., 6., 8., 1., 3.]));
    }

    /// 256 and 257 are one number in bfloat16, as are 384 and 385: Falcon rounds the position before it is
    /// multiplied, not the product alone.
    #[test]
    fn falcons_positions_are_rounded() {
        let alibi = |form| Alibi {
            slopes: vec![0.75],
            form,
        };
        let rounded = alibi(AlibiForm::Rounded).biases(386, 0.5);
        assert_eq!((rounded[257], rounded[385]), (rounded[256], rounded[384]));
        assert_eq!(rounded[3], 0.75 * 3. * 0.5);
        let exact = alibi(AlibiForm::Exact).biases(386, 0.5);
        assert_eq!((exact[257], exact[385]), (0.75 * 257., 0.75 * 385.));
    }
}
