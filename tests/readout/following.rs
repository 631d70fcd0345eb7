//! Tokens that are followed in the pass that reads the rows.

use candle_core::{DType, Device};
use logit_lens::decoder::NormKind;
use logit_lens::readout::{Reading, Readout};
use proptest::prelude::*;
use safetensors::Dtype;

use crate::case::{Case, case, form, forms};

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tokens_are_followed_as_rows_are_read_to_the_bit(case in case(), form in form()) {
        in_one_pass_as_in_two(&case, &form);
    }
}

/// Tokens that the readings themselves name, at some positions none.
fn in_one_pass_as_in_two(case: &Case, form: &(DType, Device)) {
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
    for form in forms() {
        in_one_pass_as_in_two(&case, &form);
    }
}
