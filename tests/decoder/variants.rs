//! Ways to store or describe one and the same model, and parts that no fixture has yet.

use crate::support::{Checkpoint, Stored, Tensors, fixture, load, load_path};
use candle_core::Tensor;
use half::{bf16, f16};
use logit_lens::analysis::verify::{Way, verify};
use logit_lens::decoder::{Batch, Decoder, Frequencies, Point, Residual, Rotary, Site};
use logit_lens::engine::Engine;
use logit_lens::lens::Request;
use logit_lens::machine::device::DeviceChoice;
use logit_lens::model::{LoadOptions, Model};
use logit_lens::readout::Candidate;
use logit_lens::source::{self, HubOptions};
use logit_lens::weights::DType;
use safetensors::Dtype;

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
        device: DeviceChoice::Cpu,
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
fn a_tied_llama_may_be_saved_without_its_head() {
    let whole = everything(&load("llama"));
    let bare = Checkpoint::copy_of("llama");
    bare.tensors(|t| rename(t, |name| name.trim_start_matches("model.").to_string()));
    assert!(everything(&bare.load().unwrap()) == whole);
    // Of an untied one the head is missed.
    bare.set("tie_word_embeddings", false.into());
    let Err(error) = bare.load() else {
        panic!("accepted")
    };
    assert!(error.problem.contains("lm_head.weight"), "{error}");
}

#[test]
fn a_tied_model_may_store_its_head_alone() {
    for (name, embedding) in [("gpt2", "wte.weight"), ("llama", "model.embed_tokens.weight")] {
        let tied = everything(&load(name));
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.tensors(|t| rename(t, |name| name.replace(embedding, "lm_head.weight")));
        assert!(everything(&checkpoint.load().unwrap()) == tied, "{name}");
        checkpoint.set("tie_word_embeddings", false.into());
        assert!(checkpoint.load().is_err(), "{name}");
    }
}

#[test]
fn gpt2_has_other_names_for_its_sizes() {
    let own = everything(&load("gpt2"));
    let checkpoint = Checkpoint::copy_of("gpt2");
    checkpoint.config(|fields| {
        for (alias, name) in [
            ("hidden_size", "n_embd"),
            ("num_hidden_layers", "n_layer"),
            ("num_attention_heads", "n_head"),
            ("max_position_embeddings", "n_positions"),
        ] {
            let value = fields.remove(name).unwrap();
            fields.insert(alias.to_string(), value);
        }
    });
    assert!(everything(&checkpoint.load().unwrap()) == own);
    // They count for more, as in transformers.
    checkpoint.set("n_layer", 1.into());
    assert!(everything(&checkpoint.load().unwrap()) == own);
}

/// transformers 5.23 in float32, the last of the tokens 5 to 8: 1.7737, 2.1776, -0.0498, and
/// 1.7507, 2.2582, 0.0019 where rms_norm_eps is 0.
#[test]
fn an_epsilon_of_zero_is_one() {
    let checkpoint = Checkpoint::copy_of("llama");
    let logits = |checkpoint: &Checkpoint| {
        let model = checkpoint.load().unwrap();
        let request = Request {
            top_k: model.card.vocabulary,
            ..Request::default()
        };
        let prompt = model.prompt_of_ids(vec![5, 6, 7, 8]).unwrap();
        let mut top = model.read_prompts(vec![prompt], &request, &()).unwrap()[0].output[0]
            .top
            .clone();
        top.sort_by_key(|candidate| candidate.id);
        [top[0].logit, top[1].logit, top[2].logit].map(|x| (x * 1e4).round() / 1e4)
    };
    assert_eq!(logits(&checkpoint), [1.7737, 2.1776, -0.0498]);
    checkpoint.set("rms_norm_eps", 0.0.into());
    assert_eq!(logits(&checkpoint), [1.7507, 2.2582, 0.0019]);
}

#[test]
fn what_a_config_leaves_out_is_as_in_transformers() {
    let checkpoint = Checkpoint::copy_of("llama");
    checkpoint.config(|fields| _ = fields.remove("max_position_embeddings"));
    assert_eq!(checkpoint.load().unwrap().card.context, Some(2048));
    checkpoint.set("eos_token_id", (-1).into());
    assert_eq!(checkpoint.load().unwrap().generation.eos, Vec::<u32>::new());
    checkpoint.set("eos_token_id", serde_json::json!([-1, 2]));
    assert_eq!(checkpoint.load().unwrap().generation.eos, [2]);
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
    let found = verify(
        &model.decoder,
        &trajectory.prompt.ids,
        &trajectory.output[0],
        Way::Plain,
    )
    .unwrap();
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
            let norm = block.mlp_norm.as_ref().unwrap();
            let read = block.mlp.apply(&norm.apply(&before).unwrap()).unwrap();
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
            block.attention.rotary = Some(Rotary::new(dims, frequencies));
        }
        assert!(everything(&model) != whole);
        assert_verified(&model);
    }
}
