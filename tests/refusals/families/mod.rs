//! What each family refuses: fields that would change what it computes, tensors that are missing or left
//! over, and families that are not read at all.

mod fields;
mod layers;
mod sizes;
mod tensors;

use serde_json::{Map, Value, json};

use crate::refuse;
use crate::support::Checkpoint;

/// Alters the decoder's part of a config.
fn alter(checkpoint: &Checkpoint, change: impl FnOnce(&mut Map<String, Value>)) {
    checkpoint.config(|fields| match fields.get_mut("text_config") {
        Some(inner) => change(inner.as_object_mut().unwrap()),
        None => change(fields),
    });
}

fn altered(name: &str, key: &str, value: &Value) -> Checkpoint {
    let checkpoint = Checkpoint::copy_of(name);
    alter(&checkpoint, |fields| {
        _ = fields.insert(key.to_string(), value.clone())
    });
    checkpoint
}

#[test]
fn a_family_that_is_not_read_is_refused_by_its_mechanism() {
    let checkpoint = Checkpoint::copy_of("llama");
    for (mechanism, types) in [
        (
            "a mixture of experts",
            &[
                "mixtral",
                "qwen2_moe",
                "qwen3_moe",
                "olmoe",
                "gpt_oss",
                "llama4",
                "phimoe",
            ][..],
        ),
        (
            "multi-head latent attention",
            &["deepseek_v2", "deepseek_v3", "minicpm3", "mistral4"],
        ),
        (
            "linear attention",
            &["qwen3_next", "qwen3_5", "qwen3_5_text", "minimax"],
        ),
        (
            "recurrent layers",
            &[
                "mamba",
                "mamba2",
                "falcon_h1",
                "nemotron_h",
                "recurrent_gemma",
                "rwkv",
                "jamba",
            ],
        ),
        ("four residual streams", &["gemma3n", "gemma3n_text"]),
        ("embeddings by layer", &["gemma4", "gemma4_text"]),
        (
            "code of its own",
            &[
                "qwen",
                "chatglm",
                "phi-msft",
                "hf_olmo",
                "stablelm_epoch",
                "internlm2",
                "phi3small",
            ],
        ),
        (
            "images",
            &["llava", "mistral3", "paligemma", "qwen2_5_vl", "phi4_multimodal"],
        ),
        ("an encoder", &["t5", "bert"]),
    ] {
        for model_type in types {
            checkpoint.set("model_type", json!(model_type));
            refuse(
                &checkpoint,
                &[&format!("family, {model_type}, has"), mechanism],
                model_type,
            );
        }
    }
}

#[test]
fn a_larger_model_without_its_text_part_is_refused() {
    let checkpoint = Checkpoint::copy_of("gemma3");
    checkpoint.config(|fields| _ = fields.remove("text_config"));
    refuse(&checkpoint, &["text_config"], "no text_config");
    checkpoint.set("text_config", json!("gemma3_text"));
    refuse(&checkpoint, &["text_config"], "a name in its place");
}
