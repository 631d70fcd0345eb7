//! A file's metadata as the config.json of its family.
//!
//! What a field says that config.json leaves out is written as well: a class's defaults are those of its first
//! models, and a file's are its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Gguf;
use super::facts::{Facts, Fields};
use crate::error::Result;

/// The config.json that describes the model in `gguf`.
///
/// # Errors
/// A size that is needed and absent, rope that lens does not know.
pub fn config(gguf: &Gguf) -> Result<Value> {
    let facts = Facts::of(gguf)?;
    let mut fields = Fields::new();
    let mut set = |key: &str, value: Value| drop(fields.insert(key.to_string(), value));
    set("model_type", facts.architecture.model_type.into());
    set("hidden_size", facts.required("embedding_length")?.into());
    set("num_hidden_layers", facts.layers.into());
    set("num_attention_heads", facts.heads.into());
    set("num_key_value_heads", facts.kv_heads().into());
    set("head_dim", facts.head_dim.into());
    // Some files say another width than they have.
    let inner = facts
        .shapes
        .get("blk.0.ffn_down.weight")
        .and_then(|shape| shape.last());
    set(
        "intermediate_size",
        inner.copied().map_or(Value::Null, Value::from),
    );
    set(
        "max_position_embeddings",
        facts.required("context_length")?.into(),
    );
    set("vocab_size", facts.rows_of("token_embd.weight").into());
    set("tie_word_embeddings", (!facts.has("output.weight")).into());
    set("attention_bias", facts.has("blk.0.attn_q.bias").into());
    set("mlp_bias", facts.has("blk.0.ffn_down.bias").into());
    for key in ["layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"] {
        if let Some(eps) = facts.number("attention.layer_norm_epsilon") {
            set(key, eps.into());
        }
    }
    if let Some(eps) = facts.number("attention.layer_norm_rms_epsilon") {
        set("rms_norm_eps", eps.into());
    }
    if !["layer_norm_epsilon", "layer_norm_rms_epsilon"]
        .iter()
        .any(|key| facts.number(&format!("attention.{key}")).is_some())
    {
        let key = facts.architecture.key("attention.layer_norm_rms_epsilon");
        return Err(facts.metadata.lacks(&key));
    }
    let id = |key: &str| facts.metadata.integer(&format!("tokenizer.ggml.{key}_token_id"));
    set("bos_token_id", id("bos").map_or(Value::Null, Value::from));
    // A turn or a message ends a text, too.
    let ends: BTreeSet<u64> = ["eos", "eot", "eom"].into_iter().filter_map(id).collect();
    set("eos_token_id", json!(ends));
    if !matches!(
        facts.architecture.model_type,
        "gpt2" | "gpt_bigcode" | "bloom" | "mpt"
    ) {
        set("rope_parameters", facts.rope()?);
    }
    (facts.architecture.fields)(&facts, &mut fields)?;
    Ok(Value::Object(fields))
}

fn set(fields: &mut Fields, key: &str, value: impl Into<Value>) {
    fields.insert(key.to_string(), value.into());
}

/// No fields of its own.
pub fn nothing(_: &Facts, _: &mut Fields) -> Result<()> {
    Ok(())
}

pub fn granite(facts: &Facts, fields: &mut Fields) -> Result<()> {
    for (key, own) in [
        ("attention_multiplier", "attention.scale"),
        ("embedding_multiplier", "embedding_scale"),
        ("residual_multiplier", "residual_scale"),
        ("logits_scaling", "logit_scale"),
    ] {
        set(fields, key, facts.number_or_null(own));
    }
    Ok(())
}

pub fn olmo(facts: &Facts, fields: &mut Fields) -> Result<()> {
    set(fields, "clip_qkv", facts.number_or_null("attention.clamp_kqv"));
    Ok(())
}

pub fn gemma2(facts: &Facts, fields: &mut Fields) -> Result<()> {
    const LAYERS_OF_27B: u64 = 46;
    set(
        fields,
        "query_pre_attn_scalar",
        facts.query_scalar(fields, LAYERS_OF_27B),
    );
    set(
        fields,
        "attn_logit_softcapping",
        facts.number_or_null("attn_logit_softcapping"),
    );
    set(
        fields,
        "final_logit_softcapping",
        facts.number_or_null("final_logit_softcapping"),
    );
    set(fields, "sliding_window", facts.window());
    set(fields, "layer_types", facts.layer_types());
    Ok(())
}

pub fn gemma3(facts: &Facts, fields: &mut Fields) -> Result<()> {
    const LAYERS_OF_27B: u64 = 62;
    set(
        fields,
        "query_pre_attn_scalar",
        facts.query_scalar(fields, LAYERS_OF_27B),
    );
    set(
        fields,
        "final_logit_softcapping",
        facts.number_or_null("final_logit_softcapping"),
    );
    set(fields, "sliding_window", facts.window());
    set(fields, "layer_types", facts.layer_types());
    set(fields, "rope_parameters", facts.rope_by_layer(10_000.)?);
    Ok(())
}

/// OLMo 2, or, with a window, OLMo 3.
pub fn olmo2(facts: &Facts, fields: &mut Fields) -> Result<()> {
    if facts.window().is_null() {
        set(fields, "model_type", "olmo2");
        return Ok(());
    }
    set(fields, "sliding_window", facts.window());
    set(fields, "layer_types", facts.layer_types());
    let theta = facts.number("rope.freq_base").unwrap_or(500_000.);
    set(fields, "rope_parameters", facts.rope_by_layer(theta)?);
    Ok(())
}

pub fn exaone4(facts: &Facts, fields: &mut Fields) -> Result<()> {
    set(fields, "sliding_window", facts.window());
    let all_full = vec!["full_attention"; facts.layers.min(1 << 16) as usize];
    let types = match facts.window().is_null() {
        true => all_full.into(),
        false => facts.layer_types(),
    };
    set(fields, "layer_types", types);
    Ok(())
}

pub fn phi3(facts: &Facts, fields: &mut Fields) -> Result<()> {
    set(fields, "sliding_window", facts.window());
    if let Some(original) = facts.integer("rope.scaling.original_context_length") {
        set(fields, "original_max_position_embeddings", original);
    }
    Ok(())
}

pub fn cohere(facts: &Facts, fields: &mut Fields) -> Result<()> {
    set(fields, "logit_scale", facts.number_or_null("logit_scale"));
    set(fields, "use_qk_norm", facts.has("blk.0.attn_q_norm.weight"));
    Ok(())
}

pub fn cohere2(facts: &Facts, fields: &mut Fields) -> Result<()> {
    set(fields, "logit_scale", facts.number_or_null("logit_scale"));
    set(fields, "sliding_window", facts.window());
    set(fields, "layer_types", facts.layer_types());
    Ok(())
}

pub fn stablelm(facts: &Facts, fields: &mut Fields) -> Result<()> {
    let key = facts.architecture.key("use_parallel_residual");
    set(
        fields,
        "use_parallel_residual",
        facts.metadata.flag(&key).unwrap_or(false),
    );
    set(fields, "use_qkv_bias", facts.has("blk.0.attn_q.bias"));
    set(fields, "qk_layernorm", facts.has("blk.0.attn_q_norm.weight"));
    Ok(())
}

pub fn starcoder2(facts: &Facts, fields: &mut Fields) -> Result<()> {
    set(fields, "use_bias", facts.has("blk.0.attn_q.bias"));
    set(fields, "sliding_window", facts.window());
    Ok(())
}

pub fn seed_oss(facts: &Facts, fields: &mut Fields) -> Result<()> {
    set(fields, "attention_out_bias", facts.has("blk.0.attn_output.bias"));
    Ok(())
}

pub fn starcoder(facts: &Facts, fields: &mut Fields) -> Result<()> {
    set(fields, "multi_query", facts.kv_heads() == 1);
    Ok(())
}

pub fn gpt_neox(facts: &Facts, fields: &mut Fields) -> Result<()> {
    let key = facts.architecture.key("use_parallel_residual");
    set(
        fields,
        "use_parallel_residual",
        facts.metadata.flag(&key).unwrap_or(true),
    );
    set(fields, "attention_bias", facts.has("blk.0.attn_qkv.bias"));
    Ok(())
}

pub fn falcon(facts: &Facts, fields: &mut Fields) -> Result<()> {
    let (two_norms, kv_heads) = (facts.has("blk.0.attn_norm_2.weight"), facts.kv_heads());
    // Either of the two arrangements of one norm will do: the rows of the projection are stacked.
    set(fields, "new_decoder_architecture", true);
    set(fields, "num_ln_in_parallel_attn", if two_norms { 2 } else { 1 });
    set(fields, "num_kv_heads", kv_heads);
    set(fields, "bias", facts.has("blk.0.attn_qkv.bias"));
    set(fields, "ffn_hidden_size", fields["intermediate_size"].clone());
    Ok(())
}

pub fn mpt(facts: &Facts, fields: &mut Fields) -> Result<()> {
    let attention = json!({
        "clip_qkv": facts.number_or_null("attention.clamp_kqv"),
        "alibi_bias_max": facts.number_or_null("attention.max_alibi_bias"),
    });
    set(fields, "attn_config", attention);
    Ok(())
}
