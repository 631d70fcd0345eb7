//! The fused readout against the plain formulas in float64, on inputs that nobody chose.

mod support;

use bytes::Bytes;
use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};
use logit_lens::decoder::{Norm, NormKind, Unembed};
use logit_lens::readout::{Reading, Readout, Rows};
use logit_lens::source::Asset;
use logit_lens::weights::{Layout, Vector, Weights};
use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value;
use support::{fixture, run};

/// An unembedding and some rows, in the numbers that the files have.
#[derive(Debug, Clone)]
struct Case {
    hidden: usize,
    vocabulary: usize,
    /// Rows of a position, the output last.
    sites: usize,
    positions: usize,
    top_k: usize,
    kind: NormKind,
    dtype: Dtype,
    rows: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    head: Vec<f32>,
}

/// Vocabularies smaller than a tile, prime, and just around the tiles' sizes.
fn vocabulary() -> impl Strategy<Value = usize> {
    prop_oneof![
        1..8usize,
        Just(13),
        Just(127),
        Just(128),
        Just(257),
        Just(1021),
        1..1500usize
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let dtype = prop_oneof![Just(Dtype::F32), Just(Dtype::BF16), Just(Dtype::F16)];
    let kind = prop_oneof![Just(NormKind::Layer), Just(NormKind::Rms)];
    let sizes = (1..70usize, vocabulary(), 1..5usize, 1..5usize, 1..12usize);
    (sizes, dtype, kind).prop_flat_map(|((hidden, vocabulary, sites, positions, top_k), dtype, kind)| {
        let numbers = |count: usize, most: f32| proptest::collection::vec(-most..most, count);
        let rows = numbers(positions * sites * hidden, 4.);
        let parameters = (numbers(hidden, 2.), numbers(hidden, 1.));
        (rows, parameters, numbers(vocabulary * hidden, 1.)).prop_map(move |(rows, (weight, bias), head)| {
            let stored = |numbers: Vec<f32>| numbers.into_iter().map(|x| rounded(x, dtype)).collect();
            Case {
                hidden,
                vocabulary,
                sites,
                positions,
                top_k,
                kind,
                dtype,
                rows,
                weight: stored(weight),
                bias: stored(bias),
                head: stored(head),
            }
        })
    })
}

fn rounded(x: f32, dtype: Dtype) -> f32 {
    match dtype {
        Dtype::BF16 => bf16::from_f32(x).to_f32(),
        Dtype::F16 => f16::from_f32(x).to_f32(),
        _ => x,
    }
}

/// What rows are computed in says in which of its two forms: on slices, or by tensors as on a device.
fn form() -> impl Strategy<Value = DType> {
    prop_oneof![Just(DType::F32), Just(DType::F64)]
}

impl Case {
    fn rows(&self, form: DType) -> Rows {
        let shape = (self.positions * self.sites, self.hidden);
        let hidden = Tensor::from_vec(self.rows.clone(), shape, &Device::Cpu).unwrap();
        let next = |at: usize| (at.is_multiple_of(2)).then_some((at * 7 % self.vocabulary) as u32);
        Rows {
            hidden: hidden.to_dtype(form).unwrap(),
            sites: self.sites,
            next: (0..self.positions).map(next).collect(),
        }
    }

    /// The unembedding, by way of a file's bytes.
    fn unembed(&self) -> Unembed {
        let bytes = |numbers: &[f32]| -> Vec<u8> {
            let of = |&x: &f32| match self.dtype {
                Dtype::BF16 => bf16::from_f32(x).to_le_bytes().to_vec(),
                Dtype::F16 => f16::from_f32(x).to_le_bytes().to_vec(),
                _ => x.to_le_bytes().to_vec(),
            };
            numbers.iter().flat_map(of).collect()
        };
        let stored = [
            ("weight", vec![self.hidden], bytes(&self.weight)),
            ("bias", vec![self.hidden], bytes(&self.bias)),
            ("head", vec![self.vocabulary, self.hidden], bytes(&self.head)),
        ];
        let views = (stored.iter())
            .map(|(name, shape, data)| (*name, TensorView::new(self.dtype, shape.clone(), data).unwrap()));
        let asset = Asset::Memory {
            name: "a file".into(),
            bytes: Bytes::from(safetensors::serialize(views, None).unwrap()),
        };
        let weights = Weights::open(&[asset], None).unwrap();
        let table = [self.vocabulary, self.hidden];
        let norm = Norm {
            kind: self.kind,
            weight: Some(weights.vector("weight", self.hidden).unwrap()),
            bias: (self.kind == NormKind::Layer).then(|| weights.vector("bias", self.hidden).unwrap()),
            eps: 1e-5,
        };
        Unembed::new(norm, weights.matrix("head", table, Layout::OutIn).unwrap())
    }

    /// The logits of a row, by the formulas.
    fn logits(&self, row: usize) -> Vec<f64> {
        let x: Vec<f64> = (self.rows[row * self.hidden..][..self.hidden].iter())
            .map(|&x| x.into())
            .collect();
        let mean_of = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let centre = match self.kind {
            NormKind::Layer => mean_of(&x),
            NormKind::Rms => 0.,
        };
        let squares: Vec<f64> = x.iter().map(|x| (x - centre).powi(2)).collect();
        let deviation = (mean_of(&squares) + 1e-5).sqrt();
        let normed = x.iter().zip(&self.weight).zip(&self.bias).map(|((x, &w), &b)| {
            let bias = if self.kind == NormKind::Layer {
                f64::from(b)
            } else {
                0.
            };
            (x - centre) / deviation * f64::from(w) + bias
        });
        let normed: Vec<f64> = normed.collect();
        (self.head.chunks(self.hidden))
            .map(|w| w.iter().zip(&normed).map(|(&w, x)| f64::from(w) * x).sum())
            .collect()
    }
}

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
        let rows = case.rows(form);
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
        let (rows, readout) = (case.rows(form), Readout::new(&unembed));
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
    fn tokens_are_followed_as_rows_are_read_to_the_bit(case in case(), form in form()) {
        in_one_pass_as_in_two(&case, form);
    }

    #[test]
    fn probabilities_sum_to_1(case in case(), form in form()) {
        let unembed = case.unembed();
        for reading in Readout::new(&unembed).read(&case.rows(form), case.vocabulary).unwrap() {
            let sum: f64 = reading.top.iter().map(|candidate| candidate.prob).sum();
            prop_assert!((sum - 1.).abs() <= 1e-6, "{}", sum);
        }
    }
}

/// Tokens that the readings themselves name, at some positions none.
fn in_one_pass_as_in_two(case: &Case, form: DType) {
    let unembed = case.unembed();
    let (rows, readout) = (case.rows(form), Readout::new(&unembed));
    let of_position = |readings: &[Reading]| match readings[0].top1().id % 4 {
        0 => Vec::new(),
        _ => readings.iter().map(|reading| reading.top1().id).collect(),
    };
    let of_all = |readings: &[Reading]| -> Vec<Vec<u32>> {
        readings.chunks_exact(case.sites).map(of_position).collect()
    };
    let readings = readout.read(&rows, case.top_k).unwrap();
    let tracked = readout.track(&rows, &readings, &of_all(&readings)).unwrap();
    let mut named = |readings: &[Reading]| Ok(of_all(readings));
    let (same, followed) = readout.read_and_track(&rows, case.top_k, &mut named).unwrap();
    assert_eq!(format!("{readings:?}"), format!("{same:?}"));
    assert_eq!(tracked, followed);
}

/// More rows than have their logits kept at once.
#[test]
fn tokens_are_followed_through_many_rows() {
    let (hidden, vocabulary, sites, positions) = (5, 300, 3, 700);
    let number = |i: usize| ((i * 7919 + 13) % 1009) as f32 / 300. - 1.7;
    let case = Case {
        hidden,
        vocabulary,
        sites,
        positions,
        top_k: 2,
        kind: NormKind::Rms,
        dtype: Dtype::F32,
        rows: (0..positions * sites * hidden).map(number).collect(),
        weight: vec![1.; hidden],
        bias: vec![0.; hidden],
        head: (0..vocabulary * hidden).map(|i| number(3 * i + 1)).collect(),
    };
    for form in [DType::F32, DType::F64] {
        in_one_pass_as_in_two(&case, form);
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
fn of_equal_logits_the_lower_ids_come_first_in_either_form() {
    // Tiles of 7 by tensors: the same logits in several.
    let case = plain(vec![0.5; 200]);
    for form in [DType::F32, DType::F64] {
        let unembed = case.unembed();
        let reading = &Readout::new(&unembed).read(&case.rows(form), 9).unwrap()[0];
        let ids: Vec<u32> = reading.top.iter().map(|candidate| candidate.id).collect();
        assert_eq!(ids, (0..9).collect::<Vec<u32>>(), "{form:?}");
    }
}

#[test]
fn what_is_no_number_is_not_finite_in_either_form() {
    for wrong in [f32::NAN, f32::INFINITY] {
        let mut head = vec![0.5; 200];
        head[70] = wrong;
        let case = plain(head);
        for form in [DType::F32, DType::F64] {
            let unembed = case.unembed();
            let reading = &Readout::new(&unembed).read(&case.rows(form), 3).unwrap()[0];
            assert!(!reading.is_finite(), "{wrong} {form:?}");
        }
    }
}

#[test]
fn bias_and_soft_cap_are_the_same_in_either_form() {
    let case = plain((0..300).map(|i| (i as f32 * 0.7).sin() * 20.).collect());
    let unembed = Unembed {
        cap: Some(15.),
        bias: Some(Vector::Made((0..300).map(|i| (i as f32 * 0.3).cos()).collect())),
        ..case.unembed()
    };
    let read = |form| {
        Readout::new(&unembed)
            .read(&case.rows(form), 300)
            .unwrap()
            .remove(0)
    };
    let (slices, tensors) = (read(DType::F32), read(DType::F64));
    assert!(near(slices.log_sum_exp, tensors.log_sum_exp));
    for (a, b) in slices.top.iter().zip(&tensors.top) {
        assert!(near(a.logit.into(), b.logit.into()), "{a:?} {b:?}");
        assert!(a.logit < 15.);
    }
}

/// The JSON of a run, without the time at which it was made.
fn json(model: &str, threads: &str) -> (String, Value) {
    let prompt = "The Eiffel Tower is in the city of Paris, the capital of France.";
    let run = run(&[
        prompt,
        "-m",
        model,
        "--positions",
        "all",
        "--json",
        "--stats",
        "all",
        "--threads",
        threads,
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let mut json: Value = serde_json::from_str(&run.stdout).unwrap();
    json["meta"].as_object_mut().unwrap().remove("timestamp");
    (json.to_string(), json)
}

/// Every number of `ours` beside the one at the same place of `theirs`.
fn assert_close(ours: &Value, theirs: &Value, place: &str) {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{place}");
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                assert_close(a, b, &format!("{place}[{i}]"));
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(
                a.keys().collect::<Vec<_>>(),
                b.keys().collect::<Vec<_>>(),
                "{place}"
            );
            for (key, a) in a {
                assert_close(a, &b[key], &format!("{place}.{key}"));
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            // What float32 sums in another order differ by.
            assert!((a - b).abs() <= 1e-5 * (1. + b.abs()), "{place}: {a} {b}");
        }
        _ => assert_eq!(ours, theirs, "{place}"),
    }
}

#[test]
fn the_same_input_gives_the_same_bits_and_other_threads_nearly_the_same() {
    let fixture = fixture("llama");
    for model in ["demo", fixture.to_str().unwrap()] {
        let (one, one_json) = json(model, "1");
        for threads in ["1", "2", "3", "7"] {
            let (first, first_json) = json(model, threads);
            let (second, _) = json(model, threads);
            assert!(first == second, "{model} on {threads} threads, twice");
            assert_close(&first_json, &one_json, threads);
            assert!(threads != "1" || first == one);
        }
    }
}

#[test]
fn the_likeliest_tokens_of_a_whole_vocabulary_sum_to_1() {
    let run = run(&[
        "The capital of France is",
        "--positions",
        "all",
        "-k",
        "2560",
        "--json",
    ]);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    let rows = json["topk_probs"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap());
    let mut seen = 0;
    for probs in rows {
        let sum: f64 = probs
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_f64().unwrap())
            .sum();
        assert!((sum - 1.).abs() <= 1e-6, "{sum}");
        seen += 1;
    }
    assert_eq!(seen, 10 * 5);
}
