//! What each family refuses: fields that would change what it computes, tensors that are missing or left
//! over, and families that are not read at all.

use safetensors::Dtype;
use serde_json::{Map, Value, json};

use crate::refuse;
use crate::support::{Checkpoint, Stored, fixtures};

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

/// The lists of layers, in every family that has one.
#[test]
fn a_list_of_layers_that_does_not_fit_is_refused() {
    for name in [
        "ministral",
        "qwen2-window",
        "qwen3-window",
        "gemma2",
        "gemma3",
        "gemma3-text",
        "olmo3",
        "smollm3",
        "cohere2",
        "exaone4",
    ] {
        let layers = layers(name);
        let listed = |kind: &str| json!(vec![kind; layers]);
        let mut long = vec!["full_attention"; layers];
        long.push("full_attention");
        refuse(
            &altered(name, "layer_types", &json!(long)),
            &["layer_types has"],
            name,
        );
        for kind in ["linear_attention", "chunked_attention", "mamba", "local"] {
            let checkpoint = altered(name, "layer_types", &listed(kind));
            refuse(
                &checkpoint,
                &[&format!("layer_types = {kind}")],
                &format!("{name}: {kind}"),
            );
        }
        // A layer that has a window, and no window to have.
        let checkpoint = altered(name, "layer_types", &listed("sliding_attention"));
        alter(&checkpoint, |fields| {
            _ = fields.insert("sliding_window".to_string(), Value::Null)
        });
        refuse(&checkpoint, &["sliding_window"], name);
        if name.starts_with("qwen") {
            let checkpoint = altered(name, "layer_types", &listed("sliding_attention"));
            checkpoint.set("use_sliding_window", json!(false));
            refuse(&checkpoint, &["use_sliding_window"], name);
        }
    }
    // Everywhere else kinds of layers are refused as such.
    for name in [
        "llama", "gpt-neox", "phi3", "granite", "nemotron", "bloom", "olmo2",
    ] {
        let checkpoint = altered(
            name,
            "layer_types",
            &json!(["linear_attention", "full_attention"]),
        );
        refuse(&checkpoint, &["layer_types"], name);
    }
}

fn layers(name: &str) -> usize {
    crate::support::Reference::read(name).layers
}

/// What config.json lacks is what the family's class has by default: sizes so large that the tensors do not
/// fit, which the error says.
#[test]
fn the_defaults_are_those_of_each_class() {
    for (name, key, problem) in [
        ("mistral", "num_key_value_heads", "num_key_value_heads = 8"),
        ("ministral", "num_key_value_heads", "num_key_value_heads = 8"),
        ("qwen2", "num_key_value_heads", "num_key_value_heads = 32"),
        ("qwen3", "num_key_value_heads", "num_key_value_heads = 32"),
        ("gemma", "num_key_value_heads", "num_key_value_heads = 16"),
        ("stablelm", "num_key_value_heads", "num_key_value_heads = 32"),
        ("helium", "num_key_value_heads", "num_key_value_heads = 20"),
        ("exaone4", "num_key_value_heads", "num_key_value_heads = 32"),
        ("seed-oss", "num_key_value_heads", "num_key_value_heads = 8"),
        // 4 and 2, where the files have 2 and 1.
        ("gemma2", "num_key_value_heads", "k_proj.weight"),
        ("smollm3", "num_key_value_heads", "k_proj.weight"),
        ("starcoder2", "num_key_value_heads", "k_proj.weight"),
        ("qwen3", "head_dim", "[512,"),
        ("gemma", "head_dim", "[1024,"),
        ("gemma2", "head_dim", "[1024,"),
        ("gemma3", "head_dim", "[256]"),
        ("helium", "head_dim", "[512,"),
        ("seed-oss", "head_dim", "[512,"),
        ("glm4", "head_dim", "[512,"),
        // Of a text_config everything has a default.
        ("gemma3", "vocab_size", "262208"),
        ("gemma3", "hidden_size", "2304"),
        ("gemma3", "intermediate_size", "9216"),
        ("gemma3", "num_hidden_layers", "layers.2."),
        ("gemma3", "num_attention_heads", "[48,"),
        ("gemma3", "num_key_value_heads", "[24,"),
        ("opt", "max_position_embeddings", "[2050,"),
        ("gpt-bigcode", "n_positions", "[1024,"),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        alter(&checkpoint, |fields| {
            assert!(fields.remove(key).is_some(), "{name} has no {key}")
        });
        refuse(&checkpoint, &[problem], &format!("{name} without {key}"));
    }
}

/// A head_dim that is written counts, and no fixture's heads are 12 wide.
#[test]
fn a_width_of_heads_that_is_written_counts() {
    for name in [
        "cohere",
        "cohere2",
        "smollm3",
        "granite",
        "starcoder2",
        "glm",
        "glm4",
        "helium",
        "exaone4",
        "apertus",
        "olmo",
        "olmo2",
        "olmo3",
        "phi",
        "phi3",
        "qwen2",
        "qwen3",
        "mistral",
        "ministral",
        "nemotron",
        "arcee",
        "seed-oss",
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3-text",
    ] {
        let checkpoint = altered(name, "head_dim", &json!(12));
        refuse(&checkpoint, &["shape"], name);
    }
    // A pattern that is a word needs the list that it stands for.
    let checkpoint = Checkpoint::copy_of("exaone4");
    checkpoint.config(|fields| _ = fields.remove("layer_types"));
    refuse(&checkpoint, &["sliding_window_pattern"], "exaone4");
    // Falcon's oldest names of sizes are not read.
    let checkpoint = Checkpoint::copy_of("falcon");
    checkpoint.config(|fields| {
        let layers = fields.remove("num_hidden_layers").unwrap();
        fields.insert("n_layer".to_string(), layers);
    });
    refuse(&checkpoint, &["num_hidden_layers"], "falcon");
}

#[test]
fn a_larger_model_without_its_text_part_is_refused() {
    let checkpoint = Checkpoint::copy_of("gemma3");
    checkpoint.config(|fields| _ = fields.remove("text_config"));
    refuse(&checkpoint, &["text_config"], "no text_config");
    checkpoint.set("text_config", json!("gemma3_text"));
    refuse(&checkpoint, &["text_config"], "a name in its place");
}

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
