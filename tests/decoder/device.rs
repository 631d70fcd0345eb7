//! The numbers of a GPU, in a build that can use one: they need one.

use half::{bf16, f16};
use logit_lens::lens::{Follow, Request};
use logit_lens::machine::device::DeviceChoice;
use logit_lens::model::Model;
use safetensors::Dtype;

use crate::numbers::{LOGIT, assert_near, labels_mean_what_they_say, logits, points_read_as_in_transformers};
use crate::support::{Checkpoint, fixture, fixtures, load_on, load_path};

const DEVICE: DeviceChoice = match cfg!(feature = "cuda") {
    true => DeviceChoice::Cuda(0),
    false => DeviceChoice::Metal,
};

const PROMPTS: [&str; 3] = [
    "The Eiffel Tower is in the city of",
    "The",
    "Paris is the capital of",
];

fn on_the_device(path: &str) -> Model {
    load_on(DEVICE, path).unwrap()
}

#[test]
fn every_point_of_every_layer_reads_as_in_transformers() {
    for name in &fixtures() {
        points_read_as_in_transformers(name, &on_the_device(fixture(name).to_str().unwrap()));
    }
}

/// A device's sums are float32's, here up to thousands of terms one after another: what they leave of a logit they leave
/// of a divergence.
#[test]
fn rows_mean_what_their_labels_say() {
    for name in &fixtures() {
        labels_mean_what_they_say(name, &on_the_device(fixture(name).to_str().unwrap()), LOGIT);
    }
}

/// All logits of every row of some prompts, read together.
fn everything(model: &Model) -> Vec<Vec<f64>> {
    let request = Request {
        positions: "all".parse().unwrap(),
        points: "embed,attn_out,resid_mid,mlp_out,resid_post".parse().unwrap(),
        top_k: model.card.vocabulary,
        follow: Follow::TopK,
        ..Request::default()
    };
    let read = model.read(&PROMPTS, &request).unwrap();
    let rows = read.iter().flat_map(|trajectory| &trajectory.rows);
    rows.flat_map(|row| row.readings.iter().map(logits)).collect()
}

fn reads_as_on_the_cpu(path: &str, what: &str) {
    let (there, here) = (
        everything(&on_the_device(path)),
        everything(&load_path(path).unwrap()),
    );
    assert_eq!(there.len(), here.len());
    for (there, here) in there.iter().zip(&here) {
        assert_near(there, here, what);
    }
}

/// The stored type is what products are made in, or they are as exact.
#[test]
fn sixteen_bits_read_as_on_the_cpu() {
    for name in ["gpt2", "llama", "gemma2", "bloom", "falcon-40b"] {
        for dtype in [Dtype::BF16, Dtype::F16] {
            let checkpoint = Checkpoint::copy_of(name);
            checkpoint.tensors(|tensors| {
                let floats = tensors.values_mut().filter(|stored| stored.dtype == Dtype::F32);
                floats.for_each(|stored| {
                    *stored = match dtype {
                        Dtype::BF16 => stored.map_f32(dtype, |x| bf16::from_f32(x).to_le_bytes()),
                        _ => stored.map_f32(dtype, |x| f16::from_f32(x).to_le_bytes()),
                    }
                });
            });
            reads_as_on_the_cpu(checkpoint.path(), &format!("{name} in {dtype:?}"));
        }
    }
}

#[test]
fn quantised_blocks_read_as_on_the_cpu() {
    let mut files = 0;
    for entry in std::fs::read_dir(fixture("gguf")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "gguf") {
            reads_as_on_the_cpu(path.to_str().unwrap(), path.to_str().unwrap());
            files += 1;
        }
    }
    assert!(files > 10);
}
