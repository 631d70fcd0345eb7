//! Every number of a reading, in either form.

use candle_core::{DType, Device};
use logit_lens::decoder::{NormKind, Unembed};
use logit_lens::readout::Readout;
use logit_lens::weights::Vector;
use proptest::prelude::*;
use safetensors::Dtype;

use crate::case::{Case, case, form, forms};

fn softmax(logits: &[f64]) -> (f64, Vec<f64>) {
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|l| (l - max).exp()).sum();
    let log_sum_exp = max + sum.ln();
    (
        log_sum_exp,
        logits.iter().map(|l| (l - log_sum_exp).exp()).collect(),
    )
}

fn kl(p: &[f64], q: &[f64]) -> f64 {
    let terms = p.iter().zip(q).filter(|(p, _)| **p > 0.);
    terms.map(|(p, q)| p * (p.ln() - q.ln())).sum()
}

/// A float32 has 24 bits: a norm, up to 70 products and their sum lose some 2e-6 of logits that
/// are tens at most.
const NEAR: f64 = 1e-4;

fn near(ours: f64, plain: f64) -> bool {
    (ours - plain).abs() <= NEAR * (1. + plain.abs())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_number_of_a_reading_is_the_formulas(case in case(), form in form()) {
        let unembed = case.unembed();
        let rows = case.rows(&form);
        let readout = Readout::new(&unembed);
        let mut readings = readout.read(&rows, case.top_k).unwrap();
        readout.measure(&rows, &mut readings).unwrap();
        for (row, reading) in readings.iter().enumerate() {
            let logits = case.logits(row);
            let output = case.logits(row / case.sites * case.sites + case.sites - 1);
            let ((log_sum_exp, p), (_, q)) = (softmax(&logits), softmax(&output));
            prop_assert!(near(reading.log_sum_exp, log_sum_exp));
            prop_assert!(near(reading.entropy, -p.iter().map(|p| p * p.max(f64::MIN_POSITIVE).ln()).sum::<f64>()));
            prop_assert!(near(reading.forward_kl, kl(&q, &p)), "{} {}", reading.forward_kl, kl(&q, &p));
            prop_assert!(near(reading.reverse_kl, kl(&p, &q)));
            let m: Vec<f64> = p.iter().zip(&q).map(|(p, q)| (p + q) / 2.).collect();
            let distances = reading.distances.unwrap();
            prop_assert!(near(distances.js, (kl(&p, &m) + kl(&q, &m)) / 2.));
            prop_assert!(near(distances.tv, p.iter().zip(&q).map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.));
            let next = rows.next[row / case.sites].map(|id| -p[id as usize].ln());
            prop_assert!(reading.cross_entropy.is_some() == next.is_some());
            prop_assert!(reading.cross_entropy.zip(next).is_none_or(|(ours, plain)| near(ours, plain)));
            // The k largest, each where its logit says: near ties may stand either way round.
            let mut sorted = logits.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            prop_assert_eq!(reading.top.len(), case.top_k.min(case.vocabulary));
            for (candidate, largest) in reading.top.iter().zip(&sorted) {
                prop_assert!(near(candidate.logit.into(), logits[candidate.id as usize]));
                prop_assert!(near(candidate.logit.into(), *largest));
                prop_assert!(near(candidate.prob, p[candidate.id as usize]));
            }
        }
    }

    #[test]
    fn a_rank_counts_the_larger_logits(case in case(), form in form()) {
        let unembed = case.unembed();
        let (rows, readout) = (case.rows(&form), Readout::new(&unembed));
        let readings = readout.read(&rows, case.top_k).unwrap();
        // A token more at each position than at the one before.
        let wanted = |position: usize| (0..position).map(|nth| (nth * 31 % case.vocabulary) as u32).collect();
        let wanted: Vec<Vec<u32>> = (0..case.positions).map(wanted).collect();
        for (row, tracked) in readout.track(&rows, &readings, &wanted).unwrap().iter().enumerate() {
            let logits = case.logits(row);
            prop_assert_eq!(tracked.len(), row / case.sites);
            for tracked in tracked {
                let own = logits[tracked.id as usize];
                let above = |than: f64| 1 + logits.iter().filter(|&&logit| logit > than).count() as u64;
                let error = NEAR * (1. + own.abs());
                prop_assert!((above(own + error)..=above(own - error)).contains(&tracked.rank));
            }
        }
    }

    #[test]
    fn probabilities_sum_to_1(case in case(), form in form()) {
        let unembed = case.unembed();
        for reading in Readout::new(&unembed).read(&case.rows(&form), case.vocabulary).unwrap() {
            let sum: f64 = reading.top.iter().map(|candidate| candidate.prob).sum();
            prop_assert!((sum - 1.).abs() <= 1e-6, "{}", sum);
        }
    }
}

/// A case of one position with a single row of ones.
fn plain(head: Vec<f32>) -> Case {
    Case {
        hidden: 1,
        vocabulary: head.len(),
        sites: 1,
        positions: 1,
        top_k: 3,
        kind: NormKind::Rms,
        dtype: Dtype::F32,
        rows: vec![1.],
        weight: vec![1.],
        bias: vec![0.],
        head,
    }
}

#[test]
fn of_equal_logits_the_lower_ids_come_first_in_every_form() {
    // Tiles of 7 by tensors: the same logits in several.
    let case = plain(vec![0.5; 200]);
    for form in forms() {
        let unembed = case.unembed();
        let reading = &Readout::new(&unembed).read(&case.rows(&form), 9).unwrap()[0];
        let ids: Vec<u32> = reading.top.iter().map(|candidate| candidate.id).collect();
        assert_eq!(ids, (0..9).collect::<Vec<u32>>(), "{form:?}");
    }
}

#[test]
fn what_is_no_number_is_not_finite_in_every_form() {
    for wrong in [f32::NAN, f32::INFINITY] {
        let mut head = vec![0.5; 200];
        head[70] = wrong;
        let case = plain(head);
        for form in forms() {
            let unembed = case.unembed();
            let reading = &Readout::new(&unembed).read(&case.rows(&form), 3).unwrap()[0];
            assert!(!reading.is_finite(), "{wrong} {form:?}");
        }
    }
}

#[test]
fn bias_and_soft_cap_are_the_same_in_every_form() {
    let case = plain((0..300).map(|i| (i as f32 * 0.7).sin() * 20.).collect());
    let unembed = Unembed {
        cap: Some(15.),
        bias: Some(Vector::Made((0..300).map(|i| (i as f32 * 0.3).cos()).collect())),
        ..case.unembed()
    };
    let read = |form: (DType, Device)| {
        Readout::new(&unembed)
            .read(&case.rows(&form), 300)
            .unwrap()
            .remove(0)
    };
    let mut readings = forms().into_iter().map(read);
    let slices = readings.next().unwrap();
    for other in readings {
        assert!(near(slices.log_sum_exp, other.log_sum_exp));
        for (a, b) in slices.top.iter().zip(&other.top) {
            assert!(near(a.logit.into(), b.logit.into()), "{a:?} {b:?}");
            assert!(a.logit < 15.);
        }
    }
}
