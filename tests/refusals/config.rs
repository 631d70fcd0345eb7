//! config.json: settings that lens does not follow, and fields that make no sense.

use serde_json::{Value, json};

use crate::refuse;
use crate::support::Checkpoint;

#[test]
fn a_config_that_changes_the_computation_is_refused() {
    let resonance = json!({"rope_type": "resonance", "factor": 4.0});
    let by_layer = json!({"full_attention": {"rope_type": "default"}});
    let longrope = json!({"type": "longrope", "short_factor": [1], "long_factor": [1]});
    let llama3 = json!({"rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0});
    let linear = json!({"rope_type": "linear"});
    let partial = json!({"rope_type": "default", "partial_rotary_factor": 0.5});
    let quantised = json!({"quant_method": "gptq", "bits": 4});
    for (name, key, value, names) in [
        ("gpt2", "model_type", json!("gptjx"), "family, gptjx,"),
        ("gpt2", "model_type", Value::Null, "model_type"),
        (
            "gpt2",
            "activation_function",
            json!("mish"),
            "activation_function = mish",
        ),
        ("gpt2", "add_cross_attention", json!(true), "add_cross_attention"),
        (
            "gpt2",
            "quantization_config",
            quantised.clone(),
            "quantization_config",
        ),
        ("llama", "quantization_config", quantised, "quantization_config"),
        ("llama", "hidden_act", json!("gelu_10"), "hidden_act = gelu_10"),
        (
            "llama",
            "rope_scaling",
            resonance.clone(),
            "rope_type = resonance",
        ),
        ("llama", "rope_parameters", resonance, "rope_type = resonance"),
        ("llama", "rope_scaling", longrope, "short_factor has 1 numbers"),
        ("llama", "rope_parameters", by_layer, "rope_parameters"),
        ("llama", "rope_scaling", llama3, "(rope_scaling) has no factor"),
        ("llama", "rope_scaling", linear, "(rope_scaling) has no factor"),
        ("llama", "rope_scaling", json!("linear"), "rope_scaling"),
        ("llama", "rope_parameters", partial, "partial_rotary_factor"),
        (
            "llama",
            "partial_rotary_factor",
            json!(0.5),
            "partial_rotary_factor",
        ),
        ("llama", "head_dim", json!(5), "5 components"),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.set(key, value.clone());
        refuse(&checkpoint, &[names], &format!("{key} = {value}"));
    }
}

/// A field that another family of decoders has, with a value that would change the computation.
#[test]
fn a_field_of_another_family_is_refused() {
    for (key, value) in [
        ("is_causal", json!(false)),
        ("sliding_window", json!(4096)),
        ("layer_types", json!(["full_attention", "sliding_attention"])),
        ("attn_logit_softcapping", json!(50.0)),
        ("residual_multiplier", json!(0.22)),
        ("logit_scale", json!(0.0625)),
        ("use_bidirectional_attention", json!(true)),
        ("num_experts", json!(8)),
    ] {
        for name in ["gpt2", "llama"] {
            let checkpoint = Checkpoint::copy_of(name);
            checkpoint.set(key, value.clone());
            let names = [&format!("{key} = {value}") as &str, &format!("family {name}")];
            refuse(&checkpoint, &names, &format!("{name}: {key}"));
        }
    }
    for (name, key, value) in [
        ("gpt2", "rope_theta", json!(10000.0)),
        ("gpt2", "partial_rotary_factor", json!(0.5)),
        ("llama", "scale_attn_weights", json!(false)),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.set(key, value);
        refuse(&checkpoint, &[key, &format!("family {name}")], key);
    }
}

/// What `save_pretrained` of `transformers` 4 and 5 writes of its own accord, and what others do
/// that changes nothing.
#[test]
fn a_field_that_changes_nothing_is_accepted() {
    let common = json!({
        "is_causal": true, "is_decoder": false, "is_encoder_decoder": false, "add_cross_attention": false,
        "sliding_window": null, "use_sliding_window": false, "max_window_layers": 28, "logits_scaling": 1.0,
        "residual_multiplier": 1, "attn_logit_softcapping": null, "num_experts": 0, "transformers_version": "5.23.0",
        "attention_dropout": 0.0, "use_cache": true, "pad_token_id": null, "torch_dtype": "float32",
        "output_attentions": false, "chunk_size_feed_forward": 0, "an_unknown_field": { "x": 1 },
    });
    let gpt2 = json!({
        "n_ctx": 1024, "reorder_and_upcast_attn": false, "summary_activation": null, "summary_type": "cls_index",
        "task_specific_params": { "text-generation": { "do_sample": true } }, "rope_scaling": null,
    });
    let llama = json!({
        "pretraining_tp": 1, "rope_interleaved": false, "partial_rotary_factor": 1.0, "mlp_bias": false,
        "is_llama_config": true, "layer_types": ["full_attention", "full_attention"],
    });
    let unused = json!({ "use_sliding_window": false, "sliding_window": 4096 });
    for (name, fields) in [
        ("gpt2", &common),
        ("gpt2", &gpt2),
        ("llama", &common),
        ("llama", &llama),
        ("llama", &unused),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.config(|config| config.extend(fields.as_object().unwrap().clone()));
        if let Err(error) = checkpoint.load() {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn a_config_that_does_not_fit_the_weights_is_refused() {
    for (name, key, value, names) in [
        ("gpt2", "n_head", json!(5), "n_head = 5"),
        ("gpt2", "n_layer", json!(4), "h.3."),
        ("gpt2", "n_layer", json!(2), "h.2."),
        ("gpt2", "n_layer", json!(4294967295u32), "h.3."),
        ("gpt2", "n_embd", json!(24), "wte.weight"),
        ("gpt2", "vocab_size", json!(304), "wte.weight"),
        ("gpt2", "n_positions", json!(25), "wpe.weight"),
        ("gpt2", "n_inner", json!(47), "h.0.mlp.c_fc.weight"),
        ("gpt2", "tie_word_embeddings", json!(false), "lm_head.weight"),
        (
            "llama",
            "num_key_value_heads",
            json!(3),
            "num_key_value_heads = 3",
        ),
        (
            "llama",
            "num_key_value_heads",
            json!(4),
            "self_attn.k_proj.weight",
        ),
        (
            "llama",
            "num_key_value_heads",
            Value::Null,
            "self_attn.k_proj.weight",
        ),
        ("llama", "head_dim", json!(8), "self_attn.q_proj.weight"),
        ("llama", "intermediate_size", json!(39), "mlp.gate_proj.weight"),
        ("llama", "attention_bias", json!(true), "self_attn.q_proj.bias"),
        ("llama-linear", "mlp_bias", json!(false), "mlp.down_proj.bias"),
        ("llama", "tie_word_embeddings", Value::Null, "lm_head.weight"),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.set(key, value.clone());
        refuse(&checkpoint, &[names], &format!("{name}: {key} = {value}"));
    }
}

#[test]
fn a_config_field_that_makes_no_sense_is_refused() {
    let wrong = [
        json!(0),
        json!(-1),
        json!("12"),
        json!(12.5),
        json!(1e12),
        json!([]),
    ];
    for (name, key) in [
        ("gpt2", "n_embd"),
        ("gpt2", "n_layer"),
        ("gpt2", "n_head"),
        ("gpt2", "vocab_size"),
        ("gpt2", "n_positions"),
        ("gpt2", "n_inner"),
        ("llama", "hidden_size"),
        ("llama", "num_key_value_heads"),
        ("llama", "head_dim"),
        ("llama", "max_position_embeddings"),
    ] {
        for value in &wrong {
            let checkpoint = Checkpoint::copy_of(name);
            checkpoint.set(key, value.clone());
            refuse(
                &checkpoint,
                &[&format!("{key} = {value}")],
                &format!("{key} = {value}"),
            );
        }
    }
    for (name, key, value) in [
        ("gpt2", "layer_norm_epsilon", json!(-1e-5)),
        ("gpt2", "layer_norm_epsilon", json!("1e-5")),
        ("gpt2", "scale_attn_weights", json!("yes")),
        ("gpt2", "tie_word_embeddings", json!(1)),
        ("gpt2", "activation_function", json!(3)),
        ("llama", "rms_norm_eps", json!(0)),
        ("llama", "rms_norm_eps", json!(-0.5)),
        ("llama", "eos_token_id", json!("two")),
        ("llama", "rope_theta", json!("10000")),
        ("llama", "rope_parameters", json!(7)),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.set(key, value.clone());
        let names = format!("{key} = {value}");
        refuse(&checkpoint, &[&names], &names);
    }
}

/// Python writes numbers that JSON has not.
#[test]
fn an_infinite_number_is_refused_where_it_counts() {
    let checkpoint = Checkpoint::copy_of("llama");
    let text = std::fs::read_to_string(checkpoint.file("config.json")).unwrap();
    for (number, problem) in [
        ("\"initializer_range\": -Infinity", None),
        ("\"note\": \"a \\\"NaN\\\" in words\", \"x\": [NaN]", None),
        ("\"rope_theta\": Infinity", Some("rope_theta = \"Infinity\"")),
    ] {
        let text = text.trim_end().strip_suffix('}').unwrap();
        checkpoint.write("config.json", &format!("{text}, {number}}}"));
        match problem {
            Some(problem) => refuse(&checkpoint, &[problem, "a positive number"], number),
            None => assert!(checkpoint.load().is_ok(), "{number}"),
        }
    }
}
