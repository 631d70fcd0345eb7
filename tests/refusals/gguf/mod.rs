//! GGUF files: cut short, altered, of other types and architectures, in parts.

mod parts;
mod tokenizers;

use bytes::Bytes;
use logit_lens::decoder::{self, Config};
use logit_lens::error::Error;
use logit_lens::model::{LoadOptions, Model};
use logit_lens::source::{Asset, gguf};
use logit_lens::text::tokens::Tokens;
use logit_lens::weights::Weights;
use proptest::prelude::*;

use crate::assert_refused;
use crate::support::fixture;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(fixture("gguf").join(format!("{name}.gguf"))).unwrap()
}

fn asset(bytes: impl Into<Bytes>) -> Asset {
    Asset::Memory {
        name: "model.gguf".into(),
        bytes: bytes.into(),
    }
}

/// Everything that is done with a file before a prompt is read.
fn load(bytes: impl Into<Bytes>) -> Result<Model, Error> {
    let files = gguf::model("model.gguf", vec![asset(bytes)])?;
    Model::load(&files, LoadOptions::default())
}

/// The place of `text` in a file.
fn place(file: &[u8], text: &[u8]) -> usize {
    file.windows(text.len())
        .position(|window| window == text)
        .unwrap()
}

/// The file with the first `from` in it replaced; both are of one length.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = place(&bytes, from);
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

/// A text as GGUF writes it: its length, then its bytes.
fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A value as GGUF writes it: its kind, then its bytes.
fn value(kind: u32, bytes: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], bytes].concat()
}

const U32: u32 = 4;
const F32: u32 = 6;
const BOOL: u32 = 7;
const TEXT: u32 = 8;

/// The file with one more pair of metadata in front, and a second one that keeps tensors where they are aligned.
fn with_pair(whole: &[u8], key: &str, value: &[u8]) -> Vec<u8> {
    padded(whole, [text(key), value.to_vec()].concat(), 1)
}

/// The file with `inserted` in front of its metadata, `pairs` of them, and a last one up to the next alignment of
/// all that has been added so far.
fn padded(whole: &[u8], mut inserted: Vec<u8>, pairs: u64) -> Vec<u8> {
    let header = gguf::Header::read(whole, "whole").unwrap();
    let first = header.tensors.iter().map(|tensor| tensor.start).min().unwrap();
    let before = first % 32;
    assert_eq!(before, 0);
    let least = inserted.len() + text("padding").len() + value(TEXT, &text("")).len();
    let padding = "-".repeat(least.next_multiple_of(32) - least);
    inserted.extend([text("padding"), value(TEXT, &text(&padding))].concat());
    let count = u64::from_le_bytes(whole[16..24].try_into().unwrap()) + pairs + 1;
    [&whole[..16], &count.to_le_bytes(), &inserted, &whole[24..]].concat()
}

#[test]
fn a_value_of_another_kind_is_not_one_that_is_absent() {
    let whole = file("llama");
    assert!(load(padded(&whole, Vec::new(), 0)).is_ok());
    for (key, value, words) in [
        (
            "llama.rope.scaling.original_context_length",
            value(TEXT, &text("8")),
            "is not a whole number",
        ),
        (
            "llama.rope.freq_base_swa",
            value(F32, &f32::NAN.to_le_bytes()),
            "is not a finite number",
        ),
        (
            "llama.rope.scaling.factor",
            value(TEXT, &text("2")),
            "is not a finite number",
        ),
        (
            "tokenizer.ggml.add_eos_token",
            value(TEXT, &text("true")),
            "is not true or false",
        ),
        (
            "tokenizer.chat_template",
            value(U32, &[1, 0, 0, 0]),
            "is not a text",
        ),
        (
            "llama.block_count",
            value(U32, &[1, 0, 0, 0]),
            "says llama.block_count twice",
        ),
    ] {
        assert_refused(load(with_pair(&whole, key, &value)), &[key, words], key);
    }
    let renamed = replaced(
        whole.clone(),
        b"llama.attention.layer_norm_rms_epsilon",
        b"llama.attention.layer_norm_rms_epsiloN",
    );
    assert_refused(load(renamed), &["layer_norm_rms_epsilon"], "no epsilon");
}

#[test]
fn keys_that_change_what_is_computed_are_heeded_or_refused() {
    let whole = file("llama");
    let two = 2f32.to_le_bytes();
    for (key, kind, bytes) in [
        ("llama.attention.sliding_window", U32, &[2, 0, 0, 0][..]),
        ("llama.attn_logit_softcapping", F32, &two),
        ("llama.logit_scale", F32, &two),
        ("llama.attention.clamp_kqv", F32, &two),
        ("llama.attention.causal", BOOL, &[0]),
        ("llama.use_parallel_residual", BOOL, &[1]),
        ("llama.expert_count", U32, &[8, 0, 0, 0]),
    ] {
        assert_refused(load(with_pair(&whole, key, &value(kind, bytes))), &[key], key);
    }
    for (key, kind, bytes) in [
        ("llama.attention.sliding_window", U32, &[0; 4][..]),
        ("llama.attention.causal", BOOL, &[1]),
        ("llama.logit_scale", F32, &1f32.to_le_bytes()),
    ] {
        let read = load(with_pair(&whole, key, &value(kind, bytes)));
        assert!(read.is_ok(), "{key}: {}", read.err().unwrap());
    }
    let kind = |kind: &str| [text("general.type"), value(TEXT, &text(kind))].concat();
    let adapter = replaced(whole.clone(), &kind("model"), &kind("adapt"));
    assert_refused(load(adapter), &["general.type = adapt"], "an adapter");
    let alone = with_pair(&whole, "split.count", &value(2, &[2, 0]));
    assert_refused(load(alone), &["one of 2 parts"], "a part under another name");
}

#[test]
fn a_file_that_is_cut_short_is_refused_wherever_it_is_cut() {
    let whole = file("llama");
    assert!(load(whole.clone()).is_ok());
    // Each byte of the beginning, then every so often.
    for cut in (0..2000).chain((2000..whole.len() - 32).step_by(173)) {
        let Err(error) = load(whole[..cut].to_vec()) else {
            panic!("cut at {cut}: accepted");
        };
        assert!(error.problem.contains("model.gguf"), "cut at {cut}: {error}");
    }
}

#[test]
fn what_is_not_read_from_gguf_is_refused_by_name() {
    let whole = file("llama");
    let check = |bytes: Vec<u8>, names: &[&str]| assert_refused(load(bytes), names, names[0]);
    check(
        [b"GGUF\x09\0\0\0", &whole[8..]].concat(),
        &["model.gguf", "version 9"],
    );
    let renamed = |from: &str, to: &str| replaced(whole.clone(), &text(from), &text(to));
    check(renamed("llama", "mamba"), &["architecture, mamba,"]);
    check(renamed("gpt-2", "gpt-9"), &["tokenizer.ggml.pre = gpt-9"]);
    check(renamed("gpt2", "bert"), &["tokenizer.ggml.model = bert"]);
    check(
        renamed("llama.block_count", "llama.block_cOunt"),
        &["llama.block_count"],
    );
    check(
        renamed("blk.0.attn_v.weight", "blk.0.attn_w.weight"),
        &["self_attn.v_proj"],
    );

    // The type of a tensor stands after its name, the number of its sizes and the two.
    let name = text("blk.0.attn_v.weight");
    let at = place(&whole, &name) + name.len() + 4 + 16;
    let typed = |kind: u32| {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&kind.to_le_bytes());
        bytes
    };
    check(typed(16), &["blk.0.attn_v.weight", "IQ2_XXS"]);
    check(typed(40), &["blk.0.attn_v.weight", "NVFP4"]);
    check(typed(77), &["blk.0.attn_v.weight", "type 77"]);
    // Rows of 24 numbers make no blocks of 32.
    check(typed(8), &["blk.0.attn_v.weight"]);
}

#[test]
fn an_activation_without_its_numbers_is_refused() {
    let whole = file("apertus");
    let changed = |from: &[u8], to: &[u8]| load(replaced(whole.clone(), from, to));
    assert_refused(
        changed(&text("xielu.beta"), &text("xielu.Beta")),
        &["model.gguf", "xielu.beta"],
        "one that is absent",
    );
    // Behind the key the list's kind, that of its items, and how many they are: one for each of two blocks.
    let key = text("xielu.alpha_n");
    let list = |count: u64| {
        [
            &key[..],
            &9u32.to_le_bytes(),
            &6u32.to_le_bytes(),
            &count.to_le_bytes(),
        ]
        .concat()
    };
    let first = place(&whole, &list(2)) + list(2).len();
    let not_finite = [&whole[..first], &f32::NAN.to_le_bytes(), &whole[first + 4..]].concat();
    assert_refused(
        load(not_finite),
        &["model.gguf", "xielu.alpha_n"],
        "one that is no number",
    );
}

/// One for all blocks, as other programs write it, and the same for each.
#[test]
fn a_number_for_all_blocks_is_one_for_each() {
    let mut bytes = file("apertus");
    // Two lists of two become two numbers: 32 bytes less, so that the data stay where whole units begin.
    for name in ["xielu.alpha_p", "xielu.alpha_n"] {
        let header = [
            &text(name)[..],
            &9u32.to_le_bytes(),
            &6u32.to_le_bytes(),
            &2u64.to_le_bytes(),
        ]
        .concat();
        let start = place(&bytes, &header);
        let values = start + header.len();
        let one = bytes[values..values + 4].to_vec();
        let scalar = [&text(name)[..], &6u32.to_le_bytes(), &one].concat();
        bytes.splice(start..values + 8, scalar);
    }
    assert!(load(bytes).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever a file says, there is an answer or an error, and never a panic.
    #[test]
    fn any_gguf(
        which in 0..4usize,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = file(["llama", "gemma2", "phi3-longrope", "falcon-40b"][which]);
        // The header is what is believed; the numbers are only numbers.
        let header = bytes.len().min(9000);
        for (index, byte) in edits {
            bytes[index.index(header)] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(files) = gguf::model("any", vec![asset(bytes)]) {
            let _ = Tokens::load(&files);
            if let (Ok(config), Ok(weights)) = (Config::read(&files.config), Weights::open(&files.weights, None)) {
                let _ = decoder::load(&config, &weights);
            }
        }
    }
}
