//! Which tensors of a file count, and which of their rows.

use safetensors::Dtype;
use serde_json::Value;

use super::logits;
use crate::support::{Checkpoint, Reference, fixture, fixtures, load};

/// The first two rows of OPT's table of positions are no position's.
#[test]
fn the_first_rows_of_opts_positions_do_nothing() {
    const ROW: usize = 16 * 2;
    let stored = logits(&load("opt"));
    let altered = |rows: std::ops::Range<usize>| {
        let checkpoint = Checkpoint::copy_of("opt");
        checkpoint.tensors(|tensors| {
            let table = tensors
                .iter_mut()
                .find(|(name, _)| name.ends_with("embed_positions.weight"))
                .unwrap()
                .1;
            assert_eq!((table.dtype, table.shape.as_slice()), (Dtype::F16, &[34, 16][..]));
            table.data[rows.start * ROW..rows.end * ROW].fill(0x3f);
        });
        logits(&checkpoint.load().unwrap())
    };
    assert!(altered(0..2) == stored);
    assert!(altered(2..3) != stored);
}

/// What a file of a whole model holds besides its decoder is skipped: Gemma 3's towers, masks of older
/// versions, in bytes that are no numbers.
#[test]
fn what_is_no_part_of_the_decoder_is_skipped() {
    for (name, part, dtype) in [
        ("gemma3", "vision_tower.", Dtype::BF16),
        ("gemma3", "multi_modal_projector.", Dtype::BF16),
        ("gemma3-nested", "vision_tower.", Dtype::F16),
        ("gpt-neox", "attention.bias", Dtype::BOOL),
        ("gpt-neox", "attention.masked_bias", Dtype::F32),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        let tensors = checkpoint.read("model.safetensors");
        let skipped: Vec<_> = tensors
            .iter()
            .filter(|(tensor, _)| tensor.contains(part))
            .collect();
        assert!(
            skipped.iter().any(|(_, stored)| stored.dtype == dtype),
            "{name} {part}"
        );
        let whole = logits(&load(name));
        checkpoint.tensors(|t| t.retain(|tensor, _| !tensor.contains(part)));
        assert!(logits(&checkpoint.load().unwrap()) == whole, "{name} {part}");
    }
}

/// A tied model that stores a head of its own uses it; one that is not tied must store one.
#[test]
fn a_head_beside_a_tied_embedding_counts() {
    let mut tied = 0;
    for name in &fixtures() {
        let checkpoint = Checkpoint::copy_of(name);
        if !checkpoint.file("model.safetensors").exists() {
            continue;
        }
        let is_head = |tensor: &str| tensor.ends_with("lm_head.weight") || tensor == "embed_out.weight";
        let tensors = checkpoint.read("model.safetensors");
        if let Some(head) = tensors.keys().find(|tensor| is_head(tensor)) {
            let text = std::fs::read_to_string(fixture(name).join("config.json")).unwrap();
            let config: Value = serde_json::from_str(&text).unwrap();
            if config["tie_word_embeddings"] == false {
                checkpoint.tensors(|t| _ = t.remove(head));
                let error = checkpoint.load().map(|_| ()).unwrap_err();
                assert!(error.problem.contains(head.as_str()), "{name}: {error}");
            }
            continue;
        }
        tied += 1;
        let shared = logits(&load(name));
        let table = |tensor: &str| {
            [
                "wte.weight",
                "embed_tokens.weight",
                "word_embeddings.weight",
                "embed_in.weight",
            ]
            .iter()
            .any(|table| tensor.ends_with(table))
        };
        let embedding = tensors
            .iter()
            .find(|(tensor, _)| table(tensor))
            .unwrap()
            .1
            .clone();
        checkpoint.tensors(|t| _ = t.insert("lm_head.weight".to_string(), embedding.clone()));
        assert!(logits(&checkpoint.load().unwrap()) == shared, "{name}: the same");
        checkpoint.tensors(|t| {
            let mut other = embedding;
            // Another row of the table for each id.
            let row = other.data.len() / other.shape[0];
            other.data.rotate_left(row);
            t.insert("lm_head.weight".to_string(), other);
        });
        assert!(logits(&checkpoint.load().unwrap()) != shared, "{name}: another");
    }
    assert!(tied > 10, "{tied} tied fixtures");
}

/// Ids beyond the tokenizer's are rows like any other.
#[test]
fn rows_beyond_the_tokenizer_have_logits_and_a_label() {
    let mut beyond = 0;
    for name in &fixtures() {
        let model = load(name);
        let vocabulary = model.card.vocabulary as u32;
        for id in model.tokens.len() as u32..vocabulary {
            beyond += 1;
            assert_eq!(model.tokens.label(id), format!("<id {id}>"), "{name}");
        }
        assert_eq!(logits(&model).len(), vocabulary as usize, "{name}");
        assert!(Reference::read(name).layers > 0);
    }
    assert!(beyond > 0, "no fixture has rows beyond its tokenizer");
}
