//! Ways to store or describe one and the same model, and parts that no fixture has yet.

mod support;

use candle_core::Tensor;
use half::{bf16, f16};
use logit_lens::analysis::verify::verify;
use logit_lens::decoder::{Batch, Decoder, Frequencies, Point, Residual, Rotary, Site};
use logit_lens::lens::Request;
use logit_lens::model::{LoadOptions, Model};
use logit_lens::readout::Candidate;
use logit_lens::source::{self, HubOptions};
use logit_lens::weights::DType;
use safetensors::Dtype;
use support::{Checkpoint, Stored, Tensors, fixture, load, load_path};

const PROMPT: &str = "The Eiffel Tower is in the city of";

/// The whole vocabulary at every row and position, in order.
fn everything(model: &Model) -> Vec<Vec<Candidate>> {
    let request = Request {
        positions: "all".parse().unwrap(),
        top_k: model.card.vocabulary,
        ..Request::default()
    };
    let trajectory = model.read(&[PROMPT], &request).unwrap().remove(0);
    let readings = trajectory.rows.into_iter().flat_map(|row| row.readings);
    readings.map(|reading| reading.top).collect()
}

fn load_as(path: &str, dtype: DType) -> Model {
    let files = source::locate(path, &HubOptions::default()).unwrap();
    let options = LoadOptions {
        dtype: Some(dtype),
        ..LoadOptions::default()
    };
    Model::load(&files, options).unwrap()
}

fn rename(tensors: &mut Tensors, new: impl Fn(String) -> String) {
    *tensors = std::mem::take(tensors)
        .into_iter()
        .map(|(name, stored)| (new(name), stored))
        .collect();
}

#[test]
fn names_with_and_without_their_prefix_are_the_same_model() {
    let bare = everything(&load("gpt2"));
    let checkpoint = Checkpoint::copy_of("gpt2");
    checkpoint.tensors(|t| rename(t, |name| format!("transformer.{name}")));
    assert!(everything(&checkpoint.load().unwrap()) == bare);

    let prefixed = everything(&load("gpt2-prefixed"));
    let checkpoint = Checkpoint::copy_of("gpt2-prefixed");
    checkpoint.tensors(|t| rename(t, |name| name.trim_start_matches("transformer.").to_string()));
    assert!(everything(&checkpoint.load().unwrap()) == prefixed);
}

#[test]
fn the_path_of_the_weights_is_the_model_beside_them() {
    let file = fixture("gpt2").join("model.safetensors");
    assert!(everything(&load_path(file.to_str().unwrap()).unwrap()) == everything(&load("gpt2")));
}

#[test]
fn shards_put_into_one_file_are_the_same_model() {
    let sharded = everything(&load("llama-rope3"));
    let checkpoint = Checkpoint::copy_of("llama-rope3");
    let mut whole = Tensors::new();
    for i in 1..=3 {
        let shard = format!("model-0000{i}-of-00003.safetensors");
        whole.extend(checkpoint.read(&shard));
        checkpoint.remove(&shard);
    }
    checkpoint
        .remove("model.safetensors.index.json")
        .save("model.safetensors", &whole);
    assert!(everything(&checkpoint.load().unwrap()) == sharded);
}

#[test]
fn a_tied_model_may_store_its_head_as_well() {
    let tied = everything(&load("llama"));
    let checkpoint = Checkpoint::copy_of("llama");
    checkpoint.tensors(|t| {
        let embedding = t["model.embed_tokens.weight"].clone();
        t.insert("lm_head.weight".into(), embedding);
    });
    assert!(everything(&checkpoint.load().unwrap()) == tied);
}

/// Rounding the weights as they are read and reading weights that were stored so is one and the
/// same computation, and not that of the unrounded weights.
#[test]
fn a_file_in_16_bits_reads_as_its_original_with_that_dtype() {
    type Round = fn(&Stored) -> Stored;
    let to_bf16: Round = |s| s.map_f32(Dtype::BF16, |x| bf16::from_f32(x).to_le_bytes());
    let to_f16: Round = |s| s.map_f32(Dtype::F16, |x| f16::from_f32(x).to_le_bytes());
    let exact = everything(&load("llama-dynamic"));
    for (dtype, round, most) in [(DType::Bf16, to_bf16, 0.1), (DType::F16, to_f16, 0.01)] {
        let checkpoint = Checkpoint::copy_of("llama-dynamic");
        checkpoint.tensors(|t| t.values_mut().for_each(|s| *s = round(s)));
        let stored = checkpoint.load().unwrap();
        assert_eq!((stored.card.stored, stored.card.held), (dtype, dtype));
        let rounded = load_as(fixture("llama-dynamic").to_str().unwrap(), dtype);
        assert_eq!((rounded.card.stored, rounded.card.held), (DType::F32, dtype));

        let (stored, rounded) = (everything(&stored), everything(&rounded));
        assert!(stored == rounded, "{dtype}");
        let moved = exact
            .iter()
            .zip(&rounded)
            .map(|(a, b)| (a[0].prob - b[0].prob).abs());
        let moved = moved.fold(0., f64::max);
        assert!(
            moved > 0. && moved < most,
            "{dtype} moves a probability by {moved}"
        );
    }
}

#[test]
fn vocab_json_and_merges_txt_split_text_as_tokenizer_json_does() {
    let (one, two) = (load("gpt2"), load("gpt2-prefixed"));
    for text in [
        PROMPT,
        "Café 東京 🙂\n is",
        "it's  the  end<|endoftext|> the end",
        " \t\n 123 <|endoftext|>",
        "\u{0}\u{7f}é",
    ] {
        assert_eq!(
            one.tokens.encode(text).unwrap(),
            two.tokens.encode(text).unwrap(),
            "{text:?}"
        );
    }
}

/// Runs the prompt through `decoder` and gives what the hook was handed at each site.
fn streams(model: &Model, decoder: &Decoder) -> Vec<(Site, Tensor)> {
    let mut batch = Batch::default();
    batch.push(&model.tokens.encode(PROMPT).unwrap());
    let mut streams = Vec::new();
    let mut keep = |site, stream: Tensor| {
        streams.push((site, stream.clone()));
        Ok(stream)
    };
    decoder.forward(&batch, &model.device, &mut keep).unwrap();
    streams
}

fn difference(a: &Tensor, b: &Tensor) -> f32 {
    let largest = (a - b).unwrap().abs().unwrap().max_all().unwrap();
    largest.to_scalar().unwrap()
}

/// Asserts that the plain computation agrees on the output of an altered model.
fn assert_verified(model: &Model) {
    let request = Request {
        top_k: 10,
        ..Request::default()
    };
    let trajectory = &model.read(&[PROMPT], &request).unwrap()[0];
    let found = verify(&model.decoder, &trajectory.prompt.ids, &trajectory.output[0]).unwrap();
    assert!(found.logit < 1e-4, "{found:?}");
}

#[test]
fn side_by_side_the_mlp_reads_what_the_attention_reads() {
    for name in ["gpt2", "llama"] {
        let sequential = everything(&load(name));
        let mut model = load(name);
        let blocks = model.decoder.blocks.iter_mut();
        blocks.for_each(|block| block.residual = Residual::Parallel);
        assert!(everything(&model) != sequential, "{name}");
        assert_verified(&model);

        let streams = streams(&model, &model.decoder);
        let at = |layer, point| {
            let site = Site { layer, point };
            &streams.iter().find(|(s, _)| *s == site).unwrap().1
        };
        let mut before = at(0, Point::Embed).clone();
        for (layer, block) in model.decoder.blocks.iter().enumerate() {
            let (attn_out, mlp_out) = (at(layer, Point::AttnOut), at(layer, Point::MlpOut));
            let read = block.mlp.apply(&block.mlp_norm.apply(&before).unwrap()).unwrap();
            assert!(
                difference(&read, mlp_out) < 1e-5,
                "{name} {layer}: what the MLP read"
            );
            let mid = (&before + attn_out).unwrap();
            assert!(difference(&mid, at(layer, Point::ResidMid)) < 1e-5);
            before = (mid + mlp_out).unwrap();
            assert!(difference(&before, at(layer, Point::ResidPost)) < 1e-5);
        }
    }
}

#[test]
fn heads_may_be_turned_in_part() {
    let whole = everything(&load("llama"));
    for dims in [2, 4] {
        let mut model = load("llama");
        for block in &mut model.decoder.blocks {
            let frequencies = Frequencies::Fixed(Frequencies::plain(300., dims));
            block.attention.rotary = Some(Rotary { dims, frequencies });
        }
        assert!(everything(&model) != whole);
        assert_verified(&model);
    }
}
