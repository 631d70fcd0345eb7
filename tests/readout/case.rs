//! Unembeddings and rows of any numbers, and their logits by the formulas.

use bytes::Bytes;
use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};
use logit_lens::decoder::{Norm, NormKind, Unembed};
use logit_lens::machine::device::DeviceChoice;
use logit_lens::readout::Rows;
use logit_lens::source::Asset;
use logit_lens::weights::{Layout, Weights};
use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// An unembedding and some rows, in the numbers that the files have.
#[derive(Debug, Clone)]
pub struct Case {
    pub hidden: usize,
    pub vocabulary: usize,
    /// Rows of a position, the output last.
    pub sites: usize,
    pub positions: usize,
    pub top_k: usize,
    pub kind: NormKind,
    pub dtype: Dtype,
    pub rows: Vec<f32>,
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    pub head: Vec<f32>,
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

pub fn case() -> impl Strategy<Value = Case> {
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

/// What rows are computed in and where say in which form: on slices, by tensors, and where this build finds a device,
/// by what is at home there.
pub fn forms() -> Vec<(DType, Device)> {
    let device = DeviceChoice::Auto.open().unwrap();
    let there = (!device.is_cpu()).then_some((DType::F32, device));
    let here = [(DType::F32, Device::Cpu), (DType::F64, Device::Cpu)];
    here.into_iter().chain(there).collect()
}

/// One of [`forms`].
pub fn form() -> impl Strategy<Value = (DType, Device)> {
    proptest::sample::select(forms())
}

impl Case {
    pub fn rows(&self, (dtype, device): &(DType, Device)) -> Rows {
        let shape = (self.positions * self.sites, self.hidden);
        let hidden = Tensor::from_vec(self.rows.clone(), shape, device).unwrap();
        let next = |at: usize| (at.is_multiple_of(2)).then_some((at * 7 % self.vocabulary) as u32);
        Rows {
            hidden: hidden.to_dtype(*dtype).unwrap(),
            sites: self.sites,
            next: (0..self.positions).map(next).collect(),
        }
    }

    /// The unembedding, by way of a file's bytes.
    pub fn unembed(&self) -> Unembed {
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
    pub fn logits(&self, row: usize) -> Vec<f64> {
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
