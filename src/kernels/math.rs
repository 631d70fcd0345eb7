//! Elementary functions in a form that compilers vectorise, and sums over rows of logits.

use rayon::prelude::*;

use crate::machine::simd::vectorised;

/// Elements that are worked on side by side: enough for the widest registers.
const LANES: usize = 16;
/// Elements that a thread takes at a time in an elementwise function.
const CHUNK: usize = 1 << 14;

/// e^x, within 2 units in the last place; 0 below −87, e^88 above 88.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // x = n ln 2 + r with |r| ≤ ln 2 / 2; adding 1.5 · 2²³ rounds to an integer in the low bits.
    const ROUND: f32 = 12_582_912.;
    // ln 2 in two parts, the first so short that n times it is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let y = if x > 88. { 88. } else { x };
    let shifted = y * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (y - n * LN2_HIGH) - n * LN2_LOW;
    // The Taylor series to r⁷: the next term is below 6e-9.
    let p = 1. / 720. + r * (1. / 5040.);
    let p = 1. / 24. + r * (1. / 120. + r * p);
    let p = 1. + r * (1. + r * (0.5 + r * (1. / 6. + r * p)));
    let scaled = f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23));
    if x < -87. {
        0.
    } else if x.is_nan() {
        x
    } else {
        scaled
    }
}

/// `x / (1 + e^(−x))`.
#[inline(always)]
pub fn silu(x: f32) -> f32 {
    x / (1. + exp(-x))
}

/// `0.5 x (1 + tanh u)`, u = √(2/π) (x + 0.044715 x³), which is `x / (1 + e^(−2u))`.
#[inline(always)]
pub fn gelu_tanh(x: f32) -> f32 {
    use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
    // 2 √(2/π)
    const TWICE: f32 = (2. * FRAC_2_SQRT_PI * FRAC_1_SQRT_2) as f32;
    x / (1. + exp(-TWICE * (x + 0.044_715 * x * x * x)))
}

/// tanh x, within 3 units in the last place.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let square = x * x;
    // The Taylor series to x¹³, for where 1 − e^(−2x) would cancel: the next term is below 1e-9 of x.
    let p = -1382. / 155_925. + square * (21_844. / 6_081_075.);
    let p = 2. / 15. + square * (-17. / 315. + square * (62. / 2835. + square * p));
    let near = x + x * square * (-1. / 3. + square * p);
    let e = exp(-2. * x.abs());
    let far = ((1. - e) / (1. + e)).copysign(x);
    if x.abs() < 0.35 { near } else { far }
}

/// `cap tanh(x / cap)`: x, bent so that it stays within ±`cap`.
#[inline(always)]
pub fn soft_cap(x: f32, cap: f32) -> f32 {
    cap * tanh(x / cap)
}

/// `x / (1 + e^(−1.702 x))`.
#[inline(always)]
pub fn quick_gelu(x: f32) -> f32 {
    x / (1. + exp(-1.702 * x))
}

/// `x Φ(x)`, Φ the normal distribution function.
pub fn gelu(x: f32) -> f32 {
    0.5 * x * (1. + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// Replaces each element by `f` of it, in this thread.
#[inline(always)]
pub fn map_slice(xs: &mut [f32], f: impl Fn(f32) -> f32) {
    vectorised(
        #[inline(always)]
        || xs.iter_mut().for_each(|x| *x = f(*x)),
    );
}

/// Replaces each element by `f` of it.
pub fn map_in_place(xs: &mut [f32], f: impl Fn(f32) -> f32 + Copy + Sync) {
    xs.par_chunks_mut(CHUNK).for_each(|xs| {
        vectorised(
            #[inline(always)]
            || xs.iter_mut().for_each(|x| *x = f(*x)),
        )
    });
}

/// Replaces each element of `xs` by `f` of it and its neighbour in `ys`.
pub fn zip_in_place(xs: &mut [f32], ys: &[f32], f: impl Fn(f32, f32) -> f32 + Copy + Sync) {
    (xs.par_chunks_mut(CHUNK).zip(ys.par_chunks(CHUNK))).for_each(|(xs, ys)| {
        vectorised(
            #[inline(always)]
            || {
                let ys = &ys[..xs.len()];
                for i in 0..xs.len() {
                    xs[i] = f(xs[i], ys[i]);
                }
            },
        )
    });
}

/// The largest element; −∞ of none. A NaN is never the largest.
#[inline(always)]
pub fn max(xs: &[f32]) -> f32 {
    let larger = |m: f32, x: f32| if x > m { x } else { m };
    let (chunks, rest) = xs.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = larger(lanes[i], chunk[i]);
        }
    }
    let mut largest = f32::NEG_INFINITY;
    for lane in lanes {
        largest = larger(largest, lane);
    }
    for &x in rest {
        largest = larger(largest, x);
    }
    largest
}

/// Sums over a row x beside another y, in float64.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExpSums {
    /// Σ e^(x−max).
    pub sum: f64,
    /// Σ e^(x−max) (x−max).
    pub weighted: f64,
    /// Σ e^(x−max) (x−y).
    pub away: f64,
}

/// The sums over the row `xs` beside `ys`.
#[inline(always)]
pub fn exp_sums(xs: &[f32], max: f32, ys: &[f32]) -> ExpSums {
    let (mut sums, mut weighted, mut away) = ([0f64; LANES], [0f64; LANES], [0f64; LANES]);
    let ((xs, xs_rest), (ys, ys_rest)) = (xs.as_chunks::<LANES>(), ys.as_chunks::<LANES>());
    for c in 0..xs.len().min(ys.len()) {
        let (x, y) = (&xs[c], &ys[c]);
        for i in 0..LANES {
            let share = exp(x[i] - max) as f64;
            sums[i] += share;
            weighted[i] += share * (x[i] - max) as f64;
            away[i] += share * (x[i] - y[i]) as f64;
        }
    }
    for c in 0..xs_rest.len().min(ys_rest.len()) {
        let (x, y) = (xs_rest[c], ys_rest[c]);
        let share = exp(x - max) as f64;
        sums[0] += share;
        weighted[0] += share * (x - max) as f64;
        away[0] += share * (x - y) as f64;
    }
    ExpSums {
        sum: sums.iter().sum(),
        weighted: weighted.iter().sum(),
        away: away.iter().sum(),
    }
}

/// Σ e^(x−max) and Σ e^(x−max) (x−y), in float64.
#[inline(always)]
pub fn exp_difference(xs: &[f32], max: f32, ys: &[f32]) -> (f64, f64) {
    let (mut sums, mut weighted) = ([0f64; LANES], [0f64; LANES]);
    let ((xs, xs_rest), (ys, ys_rest)) = (xs.as_chunks::<LANES>(), ys.as_chunks::<LANES>());
    for c in 0..xs.len().min(ys.len()) {
        let (x, y) = (&xs[c], &ys[c]);
        for i in 0..LANES {
            let share = exp(x[i] - max) as f64;
            sums[i] += share;
            weighted[i] += share * (x[i] - y[i]) as f64;
        }
    }
    for c in 0..xs_rest.len().min(ys_rest.len()) {
        let (x, y) = (xs_rest[c], ys_rest[c]);
        let share = exp(x - max) as f64;
        sums[0] += share;
        weighted[0] += share * (x - y) as f64;
    }
    (sums.iter().sum(), weighted.iter().sum())
}

/// Σ x y in float64, several sums side by side.
pub fn dot(xs: &[f32], ys: &[f32]) -> f64 {
    let ((xs, last_xs), (ys, last_ys)) = (xs.as_chunks::<8>(), ys.as_chunks::<8>());
    let last: f64 = last_xs
        .iter()
        .zip(last_ys)
        .map(|(&x, &y)| x as f64 * y as f64)
        .sum();
    vectorised(
        #[inline(always)]
        || {
            let mut lanes = [0.; 8];
            for c in 0..xs.len().min(ys.len()) {
                let (xs, ys) = (&xs[c], &ys[c]);
                for i in 0..8 {
                    lanes[i] += xs[i] as f64 * ys[i] as f64;
                }
            }
            lanes.iter().sum::<f64>() + last
        },
    )
}

/// What makes a row of logits its softmax: the largest of them, and that one's probability.
#[derive(Debug, Clone, Copy)]
pub struct Softmax {
    pub max: f32,
    pub share: f64,
}

/// Σ p log(p/m) + q log(q/m) with m = (p+q)/2, and Σ |p − q|, over the softmax p of the row `xs` and
/// q of `ys`, in float64.
#[inline(always)]
pub fn distance_sums(xs: &[f32], p: Softmax, ys: &[f32], q: Softmax) -> (f64, f64) {
    // Where both are smaller a term is below 2 ln 2 of it: a vocabulary of 10⁵ leaves out 1e-9.
    const NEGLIGIBLE: f64 = 1e-14;
    let (mut divergence, mut difference) = (0f64, [0f64; LANES]);
    for (xs, ys) in xs.chunks(LANES).zip(ys.chunks(LANES)) {
        let (mut ps, mut qs) = ([0f64; LANES], [0f64; LANES]);
        for i in 0..xs.len() {
            ps[i] = exp(xs[i] - p.max) as f64 * p.share;
            qs[i] = exp(ys[i] - q.max) as f64 * q.share;
            difference[i] += (ps[i] - qs[i]).abs();
        }
        for i in 0..LANES {
            let (p, q) = (ps[i], qs[i]);
            if p.max(q) > NEGLIGIBLE {
                let middle = 0.5 * (p + q);
                let term = |x: f64| if x > 0. { x * (x / middle).ln() } else { 0. };
                divergence += term(p) + term(q);
            }
        }
    }
    (divergence, difference.iter().sum())
}

/// Makes the row its softmax.
#[inline(always)]
pub fn softmax(row: &mut [f32]) {
    let max = max(row);
    let mut sums = [0f64; LANES];
    let (chunks, rest) = row.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            chunk[i] = exp(chunk[i] - max);
            sums[i] += chunk[i] as f64;
        }
    }
    for x in rest {
        *x = exp(*x - max);
        sums[0] += *x as f64;
    }
    let scale = (1. / sums.iter().sum::<f64>()) as f32;
    row.iter_mut().for_each(|x| *x *= scale);
}

/// The number of elements larger than `x`.
#[inline(always)]
pub fn count_above(xs: &[f32], x: f32) -> u64 {
    xs.iter().map(|&y| (y > x) as u32).sum::<u32>() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_good_to_the_last_digits() {
        for i in -870_000..=880_000 {
            let x = i as f32 / 10_000.;
            let exact = (x as f64).exp();
            assert!((exp(x) as f64 / exact - 1.).abs() < 2.5e-7, "e^{x}");
        }
        assert_eq!((exp(0.), exp(-88.), exp(f32::NEG_INFINITY)), (1., 0., 0.));
        assert!(exp(f32::NAN).is_nan() && exp(f32::INFINITY).is_finite());
    }

    #[test]
    fn activations_follow_their_formulas() {
        for i in -2000..=2000 {
            let x = i as f64 / 100.;
            let u = (2. / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            let gelu = 0.5 * x * (1. + u.tanh());
            assert!(
                (gelu_tanh(x as f32) as f64 - gelu).abs() < 1e-6 * (1. + x.abs()),
                "gelu {x}"
            );
            let exact = x / (1. + (-x).exp());
            assert!(
                (silu(x as f32) as f64 - exact).abs() < 5e-7 * (1. + x.abs()),
                "silu {x}"
            );
            let exact = x / (1. + (-1.702 * x).exp());
            assert!(
                (quick_gelu(x as f32) as f64 - exact).abs() < 5e-7 * (1. + x.abs()),
                "quick gelu {x}"
            );
        }
    }

    /// Units in the last place of the exact value that `x` is off.
    fn units(x: f32, exact: f64) -> f64 {
        let ulp = (exact.abs() as f32).next_up() - exact.abs() as f32;
        (x as f64 - exact).abs() / ulp as f64
    }

    #[test]
    fn tanh_is_good_to_the_last_digits() {
        for i in -2_000_000..=2_000_000 {
            let x = i as f32 / 100_000.;
            let exact = (x as f64).tanh();
            assert!(
                units(tanh(x), exact) <= 3.,
                "tanh {x} is {} and not {exact}",
                tanh(x)
            );
        }
        assert_eq!((tanh(0.), tanh(100.), tanh(f32::NEG_INFINITY)), (0., 1., -1.));
        assert!(tanh(f32::NAN).is_nan());
        for x in [-400f32, -31., -0.5, 0.01, 7., 90.] {
            let exact = 30. * (x as f64 / 30.).tanh();
            assert!(units(soft_cap(x, 30.), exact) <= 4., "{x}");
        }
    }

    #[test]
    fn distances_of_known_distributions_are_theirs() {
        // Each softmax is relative to its largest logit, which has the given probability.
        let of = |share: f64| Softmax { max: 0., share };
        let far = f32::NEG_INFINITY;
        // One-hot at different places: as far apart as can be.
        let (js, tv) = distance_sums(&[0., far], of(1.), &[far, 0.], of(1.));
        assert!((js / 2. - 2f64.ln()).abs() < 1e-12 && tv / 2. == 1.);
        // Uniform over 4 against one-hot: m is 5/8 there and 1/8 elsewhere.
        let (js, tv) = distance_sums(&[0.; 4], of(0.25), &[0., far, far, far], of(1.));
        let expected = 0.5 * (0.25 * (0.4f64).ln() + 0.75 * 2f64.ln()) + 0.5 * (1.6f64).ln();
        assert!((js / 2. - expected).abs() < 1e-12 && (tv / 2. - 0.75).abs() < 1e-12);
        // The same, whatever the length; ties and all.
        let row: Vec<f32> = (0..37).map(|i| -((i % 5) as f32)).collect();
        let share = 1. / row.iter().map(|&x| (x as f64).exp()).sum::<f64>();
        assert_eq!(distance_sums(&row, of(share), &row, of(share)), (0., 0.));
    }

    #[test]
    fn rows_of_any_length_are_summed_whole() {
        for n in [1, 15, 16, 17, 40, 101] {
            let xs: Vec<f32> = (0..n).map(|i| ((i * 29) % 31) as f32 / 3.).collect();
            let ys: Vec<f32> = xs.iter().map(|x| 1. - x * 0.5).collect();
            let top = max(&xs);
            assert_eq!(top, xs.iter().copied().fold(f32::MIN, f32::max));
            let terms = || xs.iter().map(|&x| ((x - top) as f64).exp());
            let sums = exp_sums(&xs, top, &ys);
            let exact: f64 = terms().zip(&xs).map(|(w, &x)| w * (x - top) as f64).sum();
            assert!((sums.sum - terms().sum::<f64>()).abs() < 1e-6 && (sums.weighted - exact).abs() < 1e-5);
            let (sum, weighted) = exp_difference(&xs, top, &ys);
            let exact: f64 = terms()
                .zip(xs.iter().zip(&ys))
                .map(|(w, (&x, &y))| w * (x - y) as f64)
                .sum();
            assert!((sum - terms().sum::<f64>()).abs() < 1e-6 && (weighted - exact).abs() < 1e-5);
            let mut shares = xs.clone();
            softmax(&mut shares);
            assert!((shares.iter().map(|&s| s as f64).sum::<f64>() - 1.).abs() < 1e-6);
            assert_eq!(
                count_above(&xs, 3.),
                xs.iter().filter(|&&x| x > 3.).count() as u64
            );
        }
    }
}
