//! How far two distributions over one vocabulary are apart.

/// How far a reading is from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Divergence {
    /// KL(p‖q) = Σ p (log p − log q), in nats.
    pub kl: f64,
    /// Total variation: ½ Σ |p − q|.
    pub tv: f64,
}

/// How far q is from p, each given by its logits and the log of the sum of their exponentials.
pub fn divergence((p, p_sum): (&[f32], f64), (q, q_sum): (&[f32], f64)) -> Divergence {
    let (mut kl, mut tv) = (0., 0.);
    for (&p, &q) in p.iter().zip(q) {
        let (log_p, log_q) = (f64::from(p) - p_sum, f64::from(q) - q_sum);
        let p = log_p.exp();
        kl += p * (log_p - log_q);
        tv += (p - log_q.exp()).abs();
    }
    Divergence {
        // Rounding may take it a little below.
        kl: f64::max(kl, 0.),
        tv: tv / 2.,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_formulas() {
        // (¼, ¾) and (½, ½).
        let (p, q) = ([0f32, 3f32.ln()], [1f32, 1f32]);
        let sum = |logits: &[f32]| logits.iter().map(|&l| f64::from(l).exp()).sum::<f64>().ln();
        let apart = divergence((&p, sum(&p)), (&q, sum(&q)));
        let kl = 0.25 * 0.5f64.ln() + 0.75 * 1.5f64.ln();
        assert!((apart.kl - kl).abs() < 1e-7 && (apart.tv - 0.25).abs() < 1e-7);
        let none = divergence((&p, sum(&p)), (&p, sum(&p)));
        assert_eq!((none.kl, none.tv), (0., 0.));
    }
}
