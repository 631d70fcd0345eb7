//! The numbers, against what we did not write: `transformers` in float64, candle-transformers.

use crate::support::{Reference, fixture, fixtures, load};
use candle_core::{DType, Device, IndexOp, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::llama as candle_llama;
use logit_lens::analysis::verify::{Way, verify};
use logit_lens::decoder::{Batch, Point, Site};
use logit_lens::lens::{Follow, Request};
use logit_lens::model::Model;
use logit_lens::readout::{Reading, Readout, Rows};

/// The fixtures' logits are below 10 and sums have tens of terms: float32 itself stays below 1e-5
/// (transformers' own float32 is up to 6.9e-6 off). The issue of every test here is a mistake, not
/// the last digit.
pub const LOGIT: f64 = 1e-4;

/// transformers' own float32 is up to 3e-5 nats off on a model of 30 layers; these have 3.
const NATS: f64 = 1e-5;

/// The residual stream at every site of the batch, `[tokens, hidden]`.
fn streams(model: &Model, batch: &Batch) -> Vec<(Site, Tensor)> {
    let mut streams = Vec::new();
    let mut keep = |site, stream: Tensor| {
        streams.push((site, stream.clone()));
        Ok(stream)
    };
    model.decoder.forward(batch, &model.device, &mut keep).unwrap();
    streams
}

/// All logits of a reading made with the whole vocabulary as its top k, by id.
pub fn logits(reading: &Reading) -> Vec<f64> {
    let mut logits = vec![f64::NAN; reading.top.len()];
    reading
        .top
        .iter()
        .for_each(|c| logits[c.id as usize] = c.logit as f64);
    logits
}

fn label(site: Site) -> String {
    match site.point {
        Point::Embed => "embed".to_string(),
        Point::ResidPost => format!("{}", site.layer),
        Point::ResidMid => format!("{}_mid", site.layer),
        Point::AttnOut => format!("{}_attn_out", site.layer),
        Point::MlpOut => format!("{}_mlp_out", site.layer),
    }
}

pub fn assert_near(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let worst = ours
        .iter()
        .zip(theirs)
        .map(|(a, b)| (a - b).abs())
        .fold(0., f64::max);
    // Not `worst > LOGIT`: a NaN must fail too.
    assert!(worst <= LOGIT, "{what}: off by {worst}");
}

#[test]
fn every_point_of_every_layer_reads_as_in_transformers() {
    for name in &fixtures() {
        points_read_as_in_transformers(name, &load(name));
    }
}

pub fn points_read_as_in_transformers(name: &str, model: &Model) {
    let reference = Reference::read(name);
    assert_eq!(model.card.layers, reference.layers);
    for (i, prompt) in reference.prompts.iter().enumerate() {
        assert_eq!(
            model.tokens.encode(&prompt.text).unwrap(),
            prompt.ids,
            "{name}: {}",
            prompt.text
        );
        let mut batch = Batch::default();
        batch.push(&prompt.ids);
        let readout = Readout::new(&model.decoder.unembed);
        let streams = streams(model, &batch);
        assert_eq!(streams.len(), 1 + 4 * reference.layers);
        for (site, stream) in streams {
            let next = vec![None; prompt.ids.len()];
            let rows = Rows {
                hidden: stream,
                sites: 1,
                next,
            };
            let readings = readout.read(&rows, model.card.vocabulary).unwrap();
            let expected = reference.logits(i, &label(site));
            for (&position, expected) in prompt.positions.iter().zip(&expected) {
                let what = format!("{name}, {:?}, {} at {position}", prompt.text, label(site));
                assert_near(&logits(&readings[position]), expected, &what);
            }
        }
    }
}

#[test]
fn rows_mean_what_their_labels_say() {
    for name in &fixtures() {
        labels_mean_what_they_say(name, &load(name), NATS);
    }
}

/// Divergences and distances are those of the reference within `nats`.
pub fn labels_mean_what_they_say(name: &str, model: &Model, nats: f64) {
    let reference = Reference::read(name);
    for (i, prompt) in reference.prompts.iter().enumerate() {
        let request = Request {
            positions: "all".parse().unwrap(),
            points: "embed,attn_out,resid_mid,mlp_out,resid_post".parse().unwrap(),
            distances: true,
            top_k: 3,
            follow: Follow::TopK,
            ..Request::default()
        };
        let trajectory = &model.read(&[prompt.text.as_str()], &request).unwrap()[0];
        let labels: Vec<String> = trajectory.rows.iter().map(|row| label(row.site)).collect();
        let of_block = |i| ["attn_out", "mid", "mlp_out"].map(|point| format!("{i}_{point}"));
        let expected: Vec<String> = ["embed".to_string()]
            .into_iter()
            .chain((0..reference.layers).flat_map(|i| [&of_block(i)[..], &[i.to_string()]].concat()))
            .collect();
        assert_eq!(labels, expected);
        let last_label = (reference.layers - 1).to_string();
        let outputs = reference.logits(i, &last_label);
        for (r, row) in trajectory.rows.iter().enumerate() {
            let reference = reference.logits(i, &labels[r]);
            for ((&position, logits), output) in prompt.positions.iter().zip(reference).zip(&outputs) {
                let next = prompt.ids.get(position + 1).copied();
                assert_statistics(&row.readings[position], &logits, output, next, nats);
                assert_reading(
                    &row.readings[position],
                    &logits,
                    &format!("{name} {}", labels[r]),
                    nats,
                );
                for track in &trajectory.tracked[position] {
                    let value = track.values[r];
                    let logit = logits[track.id as usize];
                    let rank = 1 + logits.iter().filter(|&&l| l > logit).count() as u64;
                    assert!((value.logit as f64 - logit).abs() <= LOGIT);
                    assert!(
                        value.rank.abs_diff(rank) <= near_ties(&logits, logit),
                        "{name}: rank"
                    );
                }
            }
        }
        let last = &trajectory.rows[4 * reference.layers].readings;
        let top = |readings: &[Reading]| readings.iter().map(|r| r.top.clone()).collect::<Vec<_>>();
        assert_eq!(
            top(last),
            top(&trajectory.output),
            "the last row is the model's output"
        );
    }
}

/// How many logits are too near for float32 to order them.
pub fn near_ties(logits: &[f64], logit: f64) -> u64 {
    logits.iter().filter(|&&l| (l - logit).abs() < 1e-4).count() as u64 - 1
}

fn assert_reading(reading: &Reading, logits: &[f64], what: &str, nats: f64) {
    let log_sum_exp = logits.iter().map(|l| l.exp()).sum::<f64>().ln();
    let entropy: f64 = logits
        .iter()
        .map(|l| -(l - log_sum_exp) * (l - log_sum_exp).exp())
        .sum();
    assert!(
        (reading.log_sum_exp - log_sum_exp).abs() < nats,
        "{what}: log-sum-exp"
    );
    assert!((reading.entropy - entropy).abs() < nats, "{what}: entropy");
    let mut ids: Vec<usize> = (0..logits.len()).collect();
    ids.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    for (candidate, id) in reading.top.iter().zip(ids) {
        assert_eq!(candidate.id as usize, id, "{what}: order");
        let logprob = logits[id] - log_sum_exp;
        assert!(
            (candidate.logit as f64 - logits[id]).abs() < LOGIT,
            "{what}: logit"
        );
        assert!((candidate.logprob - logprob).abs() < nats, "{what}: logprob");
        assert!(
            (candidate.prob - logprob.exp()).abs() < nats / 2.,
            "{what}: probability"
        );
    }
}

/// The divergences from the model's output and the cross-entropy, by their formulas.
fn assert_statistics(reading: &Reading, logits: &[f64], output: &[f64], next: Option<u32>, nats: f64) {
    let normalised = |logits: &[f64]| -> Vec<f64> {
        let log_sum_exp = logits.iter().map(|l| l.exp()).sum::<f64>().ln();
        logits.iter().map(|l| l - log_sum_exp).collect()
    };
    let (p, q) = (normalised(logits), normalised(output));
    let divergence = |p: &[f64], q: &[f64]| p.iter().zip(q).map(|(p, q)| p.exp() * (p - q)).sum::<f64>();
    assert!(
        (reading.forward_kl - divergence(&q, &p)).abs() < nats,
        "{reading:?}"
    );
    assert!(
        (reading.reverse_kl - divergence(&p, &q)).abs() < nats,
        "{reading:?}"
    );
    let m: Vec<f64> = p
        .iter()
        .zip(&q)
        .map(|(p, q)| ((p.exp() + q.exp()) / 2.).ln())
        .collect();
    let js = 0.5 * divergence(&p, &m) + 0.5 * divergence(&q, &m);
    let tv = 0.5
        * p.iter()
            .zip(&q)
            .map(|(p, q)| (p.exp() - q.exp()).abs())
            .sum::<f64>();
    let distances = reading.distances.unwrap();
    assert!(
        (distances.js - js).abs() < nats && (distances.tv - tv).abs() < nats,
        "{distances:?}, not {js} and {tv}"
    );
    match (reading.cross_entropy, next) {
        (Some(ours), Some(next)) => assert!((ours + p[next as usize]).abs() < nats),
        (ours, next) => assert_eq!((ours, next), (None, None)),
    }
}

#[test]
fn prompts_of_a_batch_read_as_if_each_had_run_alone() {
    for name in &fixtures() {
        let model = load(name);
        let prompts = [
            "The Eiffel Tower is in the city of",
            "The",
            "Paris is the capital of",
        ];
        let request = Request {
            positions: "all".parse().unwrap(),
            top_k: 4,
            follow: Follow::TopK,
            ..Request::default()
        };
        let together = model.read(&prompts, &request).unwrap();
        for (prompt, together) in prompts.iter().zip(&together) {
            let alone = &model.read(&[prompt], &request).unwrap()[0];
            assert_eq!(
                (&alone.prompt, &alone.positions),
                (&together.prompt, &together.positions)
            );
            for (a, b) in alone.rows.iter().zip(&together.rows) {
                assert_eq!(a.site, b.site);
                for (a, b) in a.readings.iter().zip(&b.readings) {
                    assert_eq!(a.top1().id, b.top1().id, "{name}: {prompt}");
                    assert!(
                        (a.top1().logit - b.top1().logit).abs() < LOGIT as f32,
                        "{name}: {prompt}"
                    );
                }
            }
            for (a, b) in alone.tracked.iter().zip(&together.tracked) {
                let ids =
                    |tracks: &[logit_lens::lens::Track]| tracks.iter().map(|t| t.id).collect::<Vec<_>>();
                assert_eq!(ids(a), ids(b), "{name}: {prompt}");
            }
        }
    }
}

#[test]
fn layers_not_shown_change_nothing_but_what_is_shown() {
    let model = load("gpt2");
    let prompt = ["The Eiffel Tower is in the city of"];
    let read = |layers: &str| {
        let request = Request {
            layers: layers.parse().unwrap(),
            top_k: 3,
            ..Request::default()
        };
        model.read(&prompt, &request).unwrap().remove(0)
    };
    let all = read("all");
    let some = read("embed,1");
    assert_eq!(
        some.rows.iter().map(|r| label(r.site)).collect::<Vec<_>>(),
        ["embed", "1"]
    );
    assert_eq!(some.rows[1].readings[0].top, all.rows[2].readings[0].top);
    assert_eq!(some.output[0].top, all.output[0].top);
    assert_eq!(read("-1").rows[0].readings[0].top, all.output[0].top);
}

#[test]
fn the_plain_computation_agrees() {
    for name in &fixtures() {
        let model = load(name);
        for prompt in Reference::read(name).prompts {
            let request = Request {
                top_k: 10,
                ..Request::default()
            };
            let trajectory = &model.read(&[prompt.text.as_str()], &request).unwrap()[0];
            let found = verify(
                &model.decoder,
                &trajectory.prompt.ids,
                &trajectory.output[0],
                Way::Plain,
            )
            .unwrap();
            assert!(found.logit < LOGIT && found.prob < 5e-6, "{name}: {found:?}");
            assert!((found.sum_of_probs - 1.).abs() < 1e-5, "{name}: {found:?}");
            assert!(found.passes());

            // What a device is held against is the output too.
            let output = &trajectory.output[0];
            let found = verify(&model.decoder, &trajectory.prompt.ids, output, Way::Cpu).unwrap();
            assert!(found.logit < LOGIT && found.passes(), "{name}: {found:?}");

            // Either would notice: another layer's reading in the place of the output fails.
            let wrong = &trajectory.rows[0].readings[0];
            for way in [Way::Plain, Way::Cpu] {
                let found = verify(&model.decoder, &trajectory.prompt.ids, wrong, way).unwrap();
                assert!(!found.passes(), "{name}, {way:?}: {found:?}");
            }
        }
    }
}

#[test]
fn the_output_is_that_of_candles_own_llama() {
    // Those that candle-transformers follows: it knows neither linear nor dynamic rope.
    for name in ["llama", "llama-rope3"] {
        let mut config: serde_json::Value =
            serde_json::from_slice(&std::fs::read(fixture(name).join("config.json")).unwrap()).unwrap();
        if let Some(rope) = config["rope_parameters"].as_object() {
            config["rope_theta"] = rope["rope_theta"].clone();
        }
        let config: candle_llama::LlamaConfig = serde_json::from_value(config).unwrap();
        let config = config.into_config(false);
        let mut paths: Vec<_> = std::fs::read_dir(fixture(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("model"))
            .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
            .collect();
        paths.sort();
        let tensors = paths
            .iter()
            .flat_map(|path| candle_core::safetensors::load(path, &Device::Cpu).unwrap());
        let vb = VarBuilder::from_tensors(tensors.collect(), DType::F32, &Device::Cpu);
        let llama = candle_llama::Llama::load(vb, &config).unwrap();

        let model = load(name);
        for prompt in Reference::read(name).prompts {
            let mut cache = candle_llama::Cache::new(false, DType::F32, &config, &Device::Cpu).unwrap();
            let input = Tensor::new(prompt.ids.as_slice(), &Device::Cpu)
                .unwrap()
                .unsqueeze(0)
                .unwrap();
            let theirs: Vec<f32> = llama
                .forward(&input, 0, &mut cache)
                .unwrap()
                .i(0)
                .unwrap()
                .to_vec1()
                .unwrap();
            let request = Request {
                top_k: model.card.vocabulary,
                ..Request::default()
            };
            let ours = &model.read(&[prompt.text.as_str()], &request).unwrap()[0].output[0];
            let theirs: Vec<f64> = theirs.into_iter().map(f64::from).collect();
            assert_near(&logits(ours), &theirs, &format!("{name}: {}", prompt.text));
        }
    }
}
