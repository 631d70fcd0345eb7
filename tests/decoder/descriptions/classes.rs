//! Scales, caps, flags and epsilons: what each class has where its config has nothing.

use logit_lens::decoder::{Decoder, Residual};
use serde_json::{Value, json};

use super::{described, logits, with, without};
use crate::support::{Checkpoint, load};

#[test]
fn scales_and_caps_are_the_defaults_where_they_are_absent() {
    let caps = |decoder: &Decoder| (decoder.blocks[0].attention.cap, decoder.unembed.cap);
    assert_eq!(caps(&load("gemma2").decoder), (Some(1.5), Some(4.)));
    assert_eq!(
        caps(&without("gemma2", "attn_logit_softcapping")),
        (Some(50.), Some(4.))
    );
    assert_eq!(
        caps(&without("gemma2", "final_logit_softcapping")),
        (Some(1.5), Some(30.))
    );
    assert_eq!(
        caps(&with("gemma2", "attn_logit_softcapping", Value::Null)),
        (None, Some(4.))
    );
    assert_eq!(
        caps(&with("gemma2", "final_logit_softcapping", Value::Null)),
        (Some(1.5), None)
    );
    assert_eq!(
        caps(&without("gemma3-text-nested", "final_logit_softcapping")),
        (None, None)
    );

    let scale = |decoder: &Decoder| decoder.blocks[0].attention.scale;
    for name in ["gemma2", "gemma3"] {
        assert_eq!(scale(&without(name, "query_pre_attn_scalar")), 1. / 16., "{name}");
    }
    // Of each head's width, but for GPT-Neo, and Granite, whose default is 1.
    assert_eq!(scale(&load("gpt-neo").decoder), 1.);
    assert_eq!(scale(&without("granite", "attention_multiplier")), 1.);
    assert_eq!(
        scale(&with("gpt-bigcode", "scale_attn_weights", json!(false))),
        1.
    );
    assert!((scale(&load("gpt-bigcode").decoder) - 0.5).abs() < 1e-12);

    let granite = load("granite").decoder;
    assert_eq!(
        (granite.embedding.scale, granite.blocks[0].branch_scale),
        (3., 0.4)
    );
    assert!((granite.unembed.scale - 1. / 2.5).abs() < 1e-12);
    assert_eq!(without("granite", "logits_scaling").unembed.scale, 1.);
    for name in ["cohere", "cohere2"] {
        assert_eq!(without(name, "logit_scale").unembed.scale, 0.0625, "{name}");
    }
    // Gemma's rows of the table are scaled by the width as they enter, and not as the head.
    let gemma = load("gemma").decoder;
    assert_eq!((gemma.embedding.scale, gemma.unembed.scale), (24f64.sqrt(), 1.));
}

#[test]
fn the_residual_is_that_of_the_flags() {
    let residual = |decoder: &Decoder| decoder.blocks[0].residual;
    for (name, expected) in [
        ("gpt-neox", Residual::Parallel),
        ("gpt-neox-sequential", Residual::Sequential),
        ("gptj", Residual::Shared),
        ("codegen", Residual::Shared),
        ("phi", Residual::Shared),
        ("cohere", Residual::Shared),
        ("cohere2", Residual::Shared),
        ("falcon", Residual::Shared),
        ("falcon-40b", Residual::Parallel),
        ("falcon-11b", Residual::Shared),
        ("falcon-rw", Residual::Sequential),
        ("stablelm", Residual::Sequential),
        ("stablelm-parallel", Residual::Shared),
        ("opt", Residual::Sequential),
        ("opt-350m", Residual::NormedSums),
        ("olmo2", Residual::Sequential),
    ] {
        assert_eq!(residual(&load(name).decoder), expected, "{name}");
    }
    assert_eq!(
        residual(&without("gpt-neox", "use_parallel_residual")),
        Residual::Parallel
    );
}

/// A flag that config.json leaves out is what the class has.
#[test]
fn flags_are_those_of_each_class() {
    for (name, key) in [
        ("seed-oss", "attention_bias"),
        ("seed-oss", "attention_out_bias"),
        ("starcoder2", "use_bias"),
        ("gpt-neox", "use_parallel_residual"),
        ("gpt-neox", "tie_word_embeddings"),
        ("falcon", "multi_query"),
        ("falcon", "parallel_attn"),
        ("falcon", "new_decoder_architecture"),
        ("falcon", "alibi"),
        ("falcon", "bias"),
        ("opt", "do_layer_norm_before"),
        ("opt", "_remove_final_layer_norm"),
        ("opt", "word_embed_proj_dim"),
        ("phi", "qk_layernorm"),
        ("cohere", "use_qk_norm"),
        ("gpt-bigcode", "multi_query"),
        ("mpt", "attn_config"),
        ("gemma", "hidden_act"),
        ("gemma2", "hidden_activation"),
        ("arcee", "hidden_act"),
        ("nemotron", "hidden_act"),
        ("opt", "activation_function"),
        ("gpt-neo", "activation_function"),
        ("falcon-40b", "multi_query"),
        ("gemma3-nested", "tie_word_embeddings"),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.config(|fields| assert!(fields.remove(key).is_some(), "{name} has no {key}"));
        assert!(
            logits(&checkpoint.load().unwrap()) == logits(&load(name)),
            "{name} without {key}"
        );
    }
    // A field of another class of the same line is not read.
    for (name, key) in [("gemma", "hidden_activation"), ("gemma2", "hidden_act")] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.set(key, json!("silu"));
        assert!(
            logits(&checkpoint.load().unwrap()) == logits(&load(name)),
            "{name}: {key}"
        );
    }
    // MPT's clip of 0 is none.
    let clip = |value: Value| {
        described("mpt", |fields| fields["attn_config"]["clip_qkv"] = value).blocks[0]
            .attention
            .clip
    };
    assert_eq!((clip(json!(0)), clip(json!(6))), (None, Some(6.)));
}

#[test]
fn epsilons_are_those_of_each_class() {
    for (name, key, eps) in [
        ("llama", "rms_norm_eps", 1e-6),
        ("mistral", "rms_norm_eps", 1e-6),
        ("qwen2", "rms_norm_eps", 1e-6),
        ("gemma", "rms_norm_eps", 1e-6),
        ("gemma3-text-nested", "rms_norm_eps", 1e-6),
        ("phi3", "rms_norm_eps", 1e-5),
        ("olmo3", "rms_norm_eps", 1e-5),
        ("glm4", "rms_norm_eps", 1.5625e-7),
        ("helium", "rms_norm_eps", 1e-8),
        ("granite", "rms_norm_eps", 1e-6),
        ("smollm3", "rms_norm_eps", 1e-6),
        ("exaone4", "rms_norm_eps", 1e-5),
        ("apertus", "rms_norm_eps", 1e-5),
        ("gpt-neox", "layer_norm_eps", 1e-5),
        ("phi", "layer_norm_eps", 1e-5),
        ("cohere", "layer_norm_eps", 1e-5),
        ("stablelm", "layer_norm_eps", 1e-5),
        ("starcoder2", "norm_epsilon", 1e-5),
        ("nemotron", "norm_eps", 1e-5),
        ("gptj", "layer_norm_epsilon", 1e-5),
        ("bloom", "layer_norm_epsilon", 1e-5),
        ("falcon", "layer_norm_epsilon", 1e-5),
    ] {
        assert_eq!(without(name, key).unembed.norm.unwrap().eps, eps, "{name}");
    }
    // Fixed, whatever a config says.
    for name in ["olmo", "opt"] {
        let decoder = with(name, "rms_norm_eps", json!(0.5));
        assert_eq!(decoder.unembed.norm.unwrap().eps, 1e-5, "{name}");
    }
}
