//! Tensors that are missing or left over.

use safetensors::Dtype;

use crate::refuse;
use crate::support::{Checkpoint, Stored, fixtures};

/// Buffers and other parts of larger models, which nothing reads.
fn is_unread(name: &str) -> bool {
    ["vision_tower.", "multi_modal_projector.", "rotary_emb.inv_freq"]
        .iter()
        .any(|part| name.contains(part))
        || [
            ".attn.bias",
            ".attn.masked_bias",
            ".attention.bias",
            ".attention.masked_bias",
            ".attn.causal_mask",
        ]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Of every checkpoint: each tensor is needed, and no other is taken.
#[test]
fn every_family_names_the_tensor_that_is_missing_or_left_over() {
    for name in &fixtures() {
        let checkpoint = Checkpoint::copy_of(name);
        if !checkpoint.file("model.safetensors").exists() {
            continue;
        }
        let whole = checkpoint.read("model.safetensors");
        let is_table = |tensor: &str| {
            [
                "lm_head",
                "embed_out",
                "wte.",
                "embed_tokens",
                "word_embeddings.",
                "embed_in",
            ]
            .iter()
            .any(|part| tensor.contains(part))
        };
        for tensor in whole.keys() {
            let mut rest = whole.clone();
            rest.remove(tensor);
            checkpoint.save("model.safetensors", &rest);
            match checkpoint.load() {
                // A tied model may store either.
                Ok(_) => assert!(is_unread(tensor) || is_table(tensor), "{name} without {tensor}"),
                Err(error) => {
                    let named = error.problem.contains(tensor.as_str()) || is_table(tensor);
                    // Without a norm's weight its bias, and of several in one the first.
                    assert!(named && !is_unread(tensor), "{name} without {tensor}: {error}");
                }
            }
        }
        let block = whole
            .keys()
            .find(|tensor| tensor.contains(".0.") && !is_unread(tensor))
            .unwrap();
        let (before, _) = block.split_once(".0.").unwrap();
        for extra in [
            "self_attn.q_norm_2.weight",
            "adapter.weight",
            "self_attn.rope.bias",
        ] {
            let extra = format!("{before}.0.{extra}");
            let mut more = whole.clone();
            more.insert(extra.clone(), Stored::zeros(Dtype::F32, &[4]));
            checkpoint.save("model.safetensors", &more);
            refuse(&checkpoint, &[&extra], &format!("{name} with {extra}"));
        }
    }
}
