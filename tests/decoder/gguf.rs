//! GGUF files, as llama.cpp's own conversion made them of the fixtures, and blocks of every type as gguf-py
//! decodes them (`tests/fixtures/gguf.py`).

use std::path::PathBuf;

use crate::support::{Checkpoint, Reference, fixture, load_path};
use logit_lens::decoder::{Batch, Point};
use logit_lens::model::Model;
use logit_lens::readout::{Readout, Rows};
use logit_lens::source::{Asset, gguf};
use logit_lens::weights::BlockType;
use safetensors::SafeTensors;
use serde_json::json;

/// As in numbers.rs: float32's error is below 1e-5.
const LOGIT: f64 = 1e-4;

/// Those whose config.json says more than a GGUF can.
const UNSAID: [&str; 4] = ["gemma2", "gemma3-text", "gpt-bigcode", "gpt-neox-sequential"];

/// The converted fixtures, each with the file and the name of the fixture.
fn files() -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(fixture("gguf")).unwrap();
    let mut files: Vec<(String, PathBuf)> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "gguf"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path))
        .collect();
    files.sort();
    assert!(files.len() > 30, "{files:?}");
    files
}

fn open(path: &std::path::Path) -> Model {
    load_path(path.to_str().unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All logits after each block at every position, `[layers][positions][vocabulary]`.
fn logits(model: &Model, ids: &[u32]) -> Vec<Vec<Vec<f32>>> {
    let mut batch = Batch::default();
    batch.push(ids);
    let mut layers = Vec::new();
    let mut read = |site: logit_lens::decoder::Site, stream: candle_core::Tensor| {
        if site.point == Point::ResidPost {
            let rows = Rows {
                hidden: stream.clone(),
                sites: 1,
                next: vec![None; ids.len()],
            };
            let readings = Readout::new(&model.decoder.unembed)
                .read(&rows, model.card.vocabulary)
                .unwrap();
            let by_id = readings.iter().map(|reading| {
                let mut row = vec![f32::NAN; reading.top.len()];
                reading.top.iter().for_each(|c| row[c.id as usize] = c.logit);
                row
            });
            layers.push(by_id.collect());
        }
        Ok(stream)
    };
    model.decoder.forward(&batch, &model.device, &mut read).unwrap();
    layers
}

#[test]
fn a_converted_file_reads_as_transformers_reads_its_original() {
    for (name, path) in files()
        .into_iter()
        .filter(|(name, _)| !UNSAID.contains(&name.as_str()))
    {
        let model = open(&path);
        let reference = Reference::read(&name);
        for (i, prompt) in reference.prompts.iter().enumerate() {
            for (layer, rows) in logits(&model, &prompt.ids).iter().enumerate() {
                let expected = reference.logits(i, &layer.to_string());
                for (&position, expected) in prompt.positions.iter().zip(&expected) {
                    let differences =
                        (rows[position].iter().zip(expected)).map(|(a, b)| (*a as f64 - b).abs());
                    let worst = differences.fold(0., f64::max);
                    assert!(
                        worst <= LOGIT,
                        "{name}, layer {layer} at {position}: off by {worst}"
                    );
                }
            }
        }
    }
}

/// What a GGUF does not say is as it is in published models.
#[test]
fn what_a_file_does_not_say_is_as_usual() {
    for (name, unsaid) in [
        (
            "gemma2",
            json!({"query_pre_attn_scalar": 8, "rope_parameters": {"rope_theta": 10000.0}}),
        ),
        ("gemma3-text", json!({"query_pre_attn_scalar": 6})),
        ("gpt-bigcode", json!({"activation_function": "gelu_pytorch_tanh"})),
    ] {
        let converted = open(&fixture("gguf").join(format!("{name}.gguf")));
        let original = Checkpoint::copy_of(name);
        for (key, value) in unsaid.as_object().unwrap() {
            original.set(key, value.clone());
        }
        let ids = &Reference::read(name).prompts[0].ids;
        let (ours, theirs) = (logits(&converted, ids), logits(&original.load().unwrap(), ids));
        let rows = ours.iter().flatten().zip(theirs.iter().flatten());
        // The conversion leaves out rows of the embedding that stand for no token.
        let differences = rows.flat_map(|(ours, theirs)| ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()));
        let worst = differences.fold(0., f32::max);
        assert!(worst as f64 <= LOGIT, "{name}: off by {worst}");
    }
}

#[test]
fn a_converted_tokenizer_cuts_text_as_its_original() {
    for (name, path) in files() {
        let (converted, original) = (open(&path).tokens, crate::support::load(&name).tokens);
        for text in [
            "The Eiffel Tower is in the city of",
            "",
            " Paris",
            "the  city\n of",
            "Paris is the capital of",
        ] {
            let (ours, theirs) = (converted.encode(text).unwrap(), original.encode(text).unwrap());
            assert_eq!(ours, theirs, "{name}: {text:?}");
            for id in theirs {
                // A fixture's BOS may be no token of its vocabulary.
                let label = original.label(id);
                assert!(
                    converted.label(id) == label || label.starts_with("<id"),
                    "{name}: {label}"
                );
            }
        }
    }
}

#[test]
fn blocks_of_every_type_are_decoded_to_the_last_bit() {
    let data = std::fs::read(fixture("gguf").join("blocks.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&data).unwrap();
    for kind in [2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23, 39] {
        let block = BlockType::of_gguf(kind).unwrap();
        let (bytes, values) = (
            tensors.tensor(block.name()).unwrap(),
            tensors.tensor(&format!("{}.values", block.name())).unwrap(),
        );
        let (words, _) = values.data().as_chunks::<4>();
        let expected: Vec<u32> = words.iter().map(|&word| u32::from_le_bytes(word)).collect();
        let mut ours = vec![0f32; expected.len()];
        let blocks = bytes.data().chunks_exact(block.bytes());
        blocks
            .zip(ours.chunks_exact_mut(block.numbers()))
            .for_each(|(bytes, out)| block.decode(bytes, out));
        let same = |(a, b): (&f32, &u32)| *a == f32::from_bits(*b);
        assert!(ours.iter().zip(&expected).all(same), "{}", block.name());
    }
}

/// One pair of a file's metadata: its key, the number of its value's kind, the value.
type Pair<'a> = (&'a str, u32, Vec<u8>);

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// config.json as lens reads it out of a file of that architecture, without any tensor.
fn config(architecture: &str, own: &[(&str, u64)]) -> serde_json::Value {
    let (uint64, string, list) = (10, 8, 9);
    let texts = |texts: &[&str]| {
        let all: Vec<u8> = texts.iter().flat_map(|t| text(t)).collect();
        [&8u32.to_le_bytes()[..], &(texts.len() as u64).to_le_bytes(), &all].concat()
    };
    let mut pairs: Vec<Pair> = vec![
        ("general.architecture", string, text(architecture)),
        ("tokenizer.ggml.model", string, text("gpt2")),
        ("tokenizer.ggml.pre", string, text("gpt-2")),
        ("tokenizer.ggml.tokens", list, texts(&["a", "b"])),
        ("tokenizer.ggml.merges", list, texts(&[])),
    ];
    let keys: Vec<String> = own
        .iter()
        .map(|(key, _)| format!("{architecture}.{key}"))
        .collect();
    let values = own.iter().map(|(_, value)| value.to_le_bytes().to_vec());
    pairs.extend(
        keys.iter()
            .zip(values)
            .map(|(key, value)| (key.as_str(), uint64, value)),
    );
    let mut file = [
        b"GGUF\x03\0\0\0",
        &0u64.to_le_bytes()[..],
        &(pairs.len() as u64).to_le_bytes(),
    ]
    .concat();
    for (key, kind, value) in pairs {
        file.extend([text(key), kind.to_le_bytes().to_vec(), value].concat());
    }
    let asset = Asset::Memory {
        name: "a file".into(),
        bytes: file.into(),
    };
    let files = gguf::model("a file", vec![asset]).unwrap();
    serde_json::from_slice(&files.config.read().unwrap()).unwrap()
}

/// What llama.cpp reads, and no small checkpoint shows.
#[test]
fn metadata_means_what_it_means_to_llama_cpp() {
    let sizes = |layers: u64| {
        [
            ("block_count", layers),
            ("context_length", 64),
            ("embedding_length", 48),
            ("attention.head_count", 4),
            ("attention.key_length", 8),
            ("attention.layer_norm_rms_epsilon", 1),
        ]
    };
    let of = |architecture: &str, layers: u64, own: &[(&str, u64)]| {
        config(architecture, &[&sizes(layers)[..], own].concat())
    };
    // The scale of the largest Gemmas is by the stream's share of a head, of the others by its width.
    for (architecture, largest) in [("gemma2", 46), ("gemma3", 62)] {
        let scalar = |layers| of(architecture, layers, &[])["query_pre_attn_scalar"].as_f64();
        assert_eq!(
            (scalar(largest), scalar(largest - 1)),
            (Some(12.), Some(8.)),
            "{architecture}"
        );
    }
    // Every third layer sees everything.
    let pattern = [
        ("attention.sliding_window_pattern", 3),
        ("attention.sliding_window", 16),
    ];
    let (sliding, full) = ("sliding_attention", "full_attention");
    assert_eq!(
        of("gemma3", 4, &pattern)["layer_types"],
        json!([sliding, sliding, full, sliding])
    );
    assert_eq!(of("gemma3", 4, &[])["layer_types"], json!(null));
    // No window is written as 0, and OLMo 2 with one is OLMo 3.
    assert_eq!(
        of("phi3", 2, &[("attention.sliding_window", 0)])["sliding_window"],
        json!(null)
    );
    assert_eq!(of("olmo2", 2, &[])["model_type"], json!("olmo2"));
    assert_eq!(of("olmo2", 2, &pattern)["model_type"], json!("olmo3"));
    assert_eq!(
        of("granite", 2, &[("logit_scale", 8)])["logits_scaling"],
        json!(8.0)
    );
}
