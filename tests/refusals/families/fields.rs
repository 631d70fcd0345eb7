//! Fields that no family follows, and those that one does not.

use serde_json::{Value, json};

use super::altered;
use crate::refuse;
use crate::support::{Checkpoint, fixtures};

/// Fields that no family follows, and every family therefore refuses.
#[test]
fn every_family_refuses_what_none_follows() {
    for name in &fixtures() {
        for (key, value) in [
            ("is_encoder_decoder", json!(true)),
            ("add_cross_attention", json!(true)),
            ("is_causal", json!(false)),
            ("use_bidirectional_attention", json!(true)),
            ("dual_chunk_attention_config", json!({"chunk_size": 8})),
            ("attention_chunk_size", json!(8)),
            ("num_experts", json!(8)),
            ("num_local_experts", json!(8)),
            ("enable_moe_block", json!(true)),
            ("kv_lora_rank", json!(8)),
            ("attention_k_eq_v", json!(true)),
            ("num_kv_shared_layers", json!(2)),
            ("hidden_size_per_layer_input", json!(8)),
            ("swiglu_limit", json!(7.0)),
        ] {
            refuse(&altered(name, key, &value), &[key], &format!("{name}: {key}"));
        }
        let quantised = Checkpoint::copy_of(name);
        quantised.set("quantization_config", json!({"quant_method": "gptq", "bits": 4}));
        refuse(&quantised, &["quantization_config"], name);
    }
}

/// The field that each family has for its activation takes none that lens does not know.
#[test]
fn every_family_refuses_an_unknown_activation() {
    // These have none to choose.
    let fixed = ["bloom", "bloom-untied", "mpt", "mpt-clipped"];
    for name in fixtures().iter().filter(|name| !fixed.contains(&name.as_str())) {
        let key = match name.as_str() {
            _ if name.starts_with("gemma2") || name.starts_with("gemma3") => "hidden_activation",
            _ if name.starts_with("falcon") => "activation",
            _ if ["gpt2", "gptj", "codegen", "gpt-neo", "gpt-bigcode", "opt"]
                .iter()
                .any(|family| name.starts_with(family) && !name.starts_with("gpt-neox")) =>
            {
                "activation_function"
            }
            _ => "hidden_act",
        };
        let checkpoint = altered(name, key, &json!("gelu_10"));
        refuse(
            &checkpoint,
            &[&format!("{key} = gelu_10")],
            &format!("{name}: {key}"),
        );
    }
    for name in ["gemma", "gemma2", "gemma3", "gemma3-text"] {
        let key = if name == "gemma" {
            "hidden_act"
        } else {
            "hidden_activation"
        };
        refuse(
            &altered(name, key, &json!("silu")),
            &[&format!("{key} = silu")],
            name,
        );
    }
}

/// A kind of rotary positions that a family's class does not have.
#[test]
fn every_family_refuses_an_unknown_rope_type() {
    // These have learned positions, alibi, or a fixed theta.
    let without = [
        "gpt2",
        "gptj",
        "codegen",
        "gpt-neo",
        "gpt-bigcode",
        "opt",
        "bloom",
        "mpt",
        "falcon-rw",
    ];
    let is_without =
        |name: &str| !name.starts_with("gpt-neox") && without.iter().any(|family| name.starts_with(family));
    for name in fixtures().iter().filter(|name| !is_without(name)) {
        let scaling = json!({"rope_type": "resonance", "factor": 2.0});
        let checkpoint = altered(name, "rope_scaling", &scaling);
        refuse(&checkpoint, &["rope_type = resonance"], name);
    }
    for kind in ["linear", "dynamic", "llama3"] {
        let scaling = json!({"rope_type": kind, "factor": 2.0});
        let checkpoint = altered("phi3", "rope_scaling", &scaling);
        refuse(&checkpoint, &[&format!("rope_type = {kind}")], kind);
    }
}

#[test]
fn a_family_refuses_the_fields_that_it_does_not_follow() {
    let flat = json!({"rope_type": "default", "rope_theta": 100.0});
    let by_layer = json!({"full_attention": {"rope_type": "default", "rope_theta": 100.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10.0}});
    let old_type = json!({"type": "linear", "factor": 4.0});
    for (name, key, value) in [
        ("bloom", "apply_residual_connection_post_layernorm", json!(true)),
        ("falcon-40b", "parallel_attn", json!(false)),
        ("falcon-40b", "num_ln_in_parallel_attn", json!(3)),
        ("falcon", "num_ln_in_parallel_attn", json!(2)),
        ("gptj", "rotary_dim", Value::Null),
        ("gptj", "rotary_dim", json!(3)),
        ("codegen", "rotary_dim", json!(64)),
        ("codegen", "scale_attn_weights", json!(false)),
        ("mpt", "learned_pos_emb", json!(false)),
        ("mpt", "logit_scale", json!(0.5)),
        ("gemma3-text", "attn_logit_softcapping", json!(50.0)),
        ("gemma3", "attn_logit_softcapping", json!(50.0)),
        ("gemma3", "final_logit_softcapping", json!(30.0)),
        ("gemma", "final_logit_softcapping", json!(30.0)),
        ("gemma2", "final_logit_softcapping", json!(0.0)),
        ("gemma3", "rope_parameters", flat.clone()),
        ("gemma3-text", "rope_scaling", old_type.clone()),
        ("olmo3", "rope_scaling", old_type),
        ("olmo3", "rope_parameters", flat),
        ("olmo2", "rope_parameters", by_layer.clone()),
        ("qwen2", "rope_parameters", by_layer.clone()),
        ("gpt-neox", "rope_parameters", by_layer),
        ("olmo", "clip_qkv", json!(0.0)),
        ("mistral", "sliding_window", json!(0)),
        ("phi3", "sliding_window", json!(0)),
        ("cohere2", "position_embedding_type", json!("alibi")),
        ("apertus", "qk_norm", json!(false)),
        ("gpt-neo", "attention_layers", json!(["global", "local"])),
        ("gpt-neo", "attention_layers", json!(["global", "near", "global"])),
        ("smollm3", "no_rope_layers", json!([1, 0])),
        ("stablelm", "partial_rotary_factor", json!(0.4)),
        ("gpt-neox", "rotary_pct", json!(0.2)),
        ("phi", "partial_rotary_factor", json!(0.3)),
        ("glm4", "partial_rotary_factor", json!(0.4)),
        ("llama", "partial_rotary_factor", json!(0.5)),
        ("mistral", "partial_rotary_factor", json!(0.5)),
        ("qwen3", "no_rope_layers", json!([1, 0])),
        ("granite", "embedding_multiplier", json!("12")),
        ("cohere", "logit_scale", json!(0.0)),
        (
            "starcoder2",
            "layer_types",
            json!(["sliding_attention", "full_attention"]),
        ),
        ("opt", "alibi", json!(true)),
        ("nemotron", "use_qk_norm", json!(true)),
        ("qwen2", "num_key_value_heads", json!(3)),
        ("gemma2", "query_pre_attn_scalar", json!(0)),
    ] {
        let names: &[&str] = match key {
            "partial_rotary_factor" if !["llama", "mistral"].contains(&name) => &["components of a head"],
            "rotary_pct" => &["components of a head"],
            "rope_scaling" => &["type = linear"],
            "rotary_dim" if value.is_null() => &["rotary_dim"],
            "attention_layers" => &["attention_types"],
            _ => &[key],
        };
        refuse(
            &altered(name, key, &value),
            names,
            &format!("{name}: {key} = {value}"),
        );
    }
    for (key, value) in [
        ("attn_type", json!("multiquery_attention")),
        ("alibi", json!(false)),
        ("alibi_bias_max", json!(16)),
        ("qk_ln", json!(true)),
        ("prefix_lm", json!(true)),
    ] {
        let checkpoint = Checkpoint::copy_of("mpt");
        checkpoint.config(|fields| fields["attn_config"][key] = value.clone());
        refuse(&checkpoint, &[key], key);
    }
}
