//! The fields of config.json that change what a decoder computes, of every family there is.
//!
//! A checkpoint that sets one which its family does not follow would give wrong numbers without an
//! error, so it is refused. A family names in [`supported`](check) the fields that it reads itself.

use serde_json::Value;

use super::Config;
use crate::error::{Error, Result};
use Neutral::{Flag, Full, Null, Number, Text};

/// The value with which a field changes nothing; null always does so.
#[derive(Debug, Clone, Copy)]
enum Neutral {
    /// None but null.
    Null,
    Flag(bool),
    Number(f64),
    Text(&'static str),
    /// A list of nothing but `full_attention`.
    Full,
}

impl Neutral {
    fn accepts(self, value: &Value) -> bool {
        match self {
            Null => value == false,
            Flag(flag) => *value == flag,
            Number(number) => value.as_f64() == Some(number) || value == false,
            Text(text) => value == text,
            Full => (value.as_array()).is_some_and(|kinds| kinds.iter().all(|kind| kind == "full_attention")),
        }
    }
}

/// A field, its neutral value, and what it says.
type Setting = (&'static str, Neutral, &'static str);

#[rustfmt::skip]
const SETTINGS: &[Setting] = &[
    // Which tokens see which.
    ("is_causal", Flag(true), "whether tokens see only those before them"),
    ("is_encoder_decoder", Flag(false), "an encoder beside the decoder"),
    ("add_cross_attention", Flag(false), "attention to an encoder"),
    ("use_bidirectional_attention", Flag(false), "attention to later tokens"),
    ("sliding_window", Null, "attention to the last tokens only"),
    ("use_sliding_window", Flag(false), "attention to the last tokens only"),
    ("sliding_window_pattern", Null, "layers with attention to the last tokens only"),
    ("_sliding_window_pattern", Null, "layers with attention to the last tokens only"),
    ("window_size", Null, "attention to the last tokens only"),
    ("attention_types", Null, "layers of global and local attention"),
    ("layer_types", Full, "layers of different attention"),
    ("full_attention_interval", Null, "layers of different attention"),
    ("attention_chunk_size", Null, "attention within chunks"),
    ("dual_chunk_attention_config", Null, "attention within chunks"),
    // Positions.
    ("position_embedding_type", Text("absolute"), "another kind of positions"),
    ("rope_theta", Null, "rotary positions"),
    ("rope_scaling", Null, "scaled rotary positions"),
    ("rope_parameters", Null, "rotary positions"),
    ("rope_local_base_freq", Null, "rotary positions by layer"),
    ("partial_rotary_factor", Number(1.), "the part of a head that is rotated"),
    ("rotary_pct", Number(1.), "the part of a head that is rotated"),
    ("rotary_dim", Null, "the part of a head that is rotated"),
    ("rotary_emb_base", Null, "rotary positions"),
    ("rope_interleaved", Flag(false), "rotated pairs side by side"),
    ("rope_interleave", Flag(false), "rotated pairs side by side"),
    ("no_rope_layers", Null, "layers without positions"),
    ("no_rope_layer_interval", Null, "layers without positions"),
    ("alibi", Flag(false), "positions as a bias of attention"),
    ("attn_temperature_tuning", Flag(false), "queries scaled by position"),
    // Scores and scales.
    ("attn_logit_softcapping", Null, "a cap of attention scores"),
    ("final_logit_softcapping", Null, "a cap of logits"),
    ("logits_soft_cap", Null, "a cap of logits"),
    ("query_pre_attn_scalar", Null, "the scale of attention scores"),
    ("attention_multiplier", Number(1.), "the scale of attention scores"),
    ("scale_attn_weights", Flag(true), "the scale of attention scores"),
    ("scale_attn_by_inverse_layer_idx", Flag(false), "the scale of attention scores by layer"),
    ("embedding_multiplier", Number(1.), "the scale of embeddings"),
    ("scale_emb", Number(1.), "the scale of embeddings"),
    ("residual_multiplier", Number(1.), "the scale of what a layer adds"),
    ("scale_depth", Null, "the scale of what a layer adds"),
    ("dim_model_base", Null, "the scale of logits"),
    ("logits_scaling", Number(1.), "the scale of logits"),
    ("logit_scale", Number(1.), "the scale of logits"),
    ("lm_head_multiplier", Number(1.), "the scale of logits"),
    // Norms and clips.
    ("qk_norm", Flag(false), "norms of queries and keys"),
    ("use_qk_norm", Flag(false), "norms of queries and keys"),
    ("qk_layernorm", Flag(false), "norms of queries and keys"),
    ("clip_qkv", Null, "clipped queries, keys and values"),
    ("do_layer_norm_before", Flag(true), "where a layer's norms are"),
    ("apply_residual_connection_post_layernorm", Flag(false), "where a layer's norms are"),
    ("layer_norm_elementwise_affine", Flag(true), "norms without weights"),
    ("_remove_final_layer_norm", Flag(false), "no final norm"),
    // How a layer is put together.
    ("use_parallel_residual", Flag(false), "attention and MLP side by side"),
    ("parallel_attn", Flag(false), "attention and MLP side by side"),
    ("num_ln_in_parallel_attn", Null, "attention and MLP side by side"),
    ("new_decoder_architecture", Flag(false), "grouped projections"),
    ("multi_query", Flag(false), "one key and value for all heads"),
    ("attn_config", Null, "another kind of attention"),
    ("attn_output_gate", Flag(false), "gated attention"),
    ("attention_k_eq_v", Flag(false), "keys as values"),
    ("num_kv_shared_layers", Number(0.), "keys and values of other layers"),
    ("kv_lora_rank", Null, "compressed keys and values"),
    ("q_lora_rank", Null, "compressed queries"),
    ("hidden_size_per_layer_input", Number(0.), "embeddings by layer"),
    ("word_embed_proj_dim", Null, "projected embeddings"),
    ("swiglu_limit", Null, "a limit of activations"),
    // Experts.
    ("num_experts", Number(0.), "a mixture of experts"),
    ("num_local_experts", Number(0.), "a mixture of experts"),
    ("n_routed_experts", Number(0.), "a mixture of experts"),
    ("n_shared_experts", Number(0.), "a mixture of experts"),
    ("enable_moe_block", Flag(false), "a mixture of experts"),
];

/// Whether the table has a field of that name.
#[cfg(test)]
pub fn is_setting(field: &str) -> bool {
    SETTINGS.iter().any(|(known, ..)| *known == field)
}

/// Refuses a field that changes the computation and is not among those which a family `supports`.
///
/// # Errors
/// The first such field, by name.
pub fn check(config: &Config, model_type: &str, supports: &[&str]) -> Result<()> {
    for &(field, neutral, meaning) in SETTINGS {
        let value = config.get(field).filter(|value| !neutral.accepts(value));
        let Some(value) = value.filter(|_| !supports.contains(&field)) else {
            continue;
        };
        if field == "sliding_window" && config.flag("use_sliding_window")? == Some(false) {
            continue;
        }
        return Err(Error::failed(
            format!(
                "{} has {field} = {value} ({meaning}), which lens does not support in the family {model_type}.",
                config.origin
            ),
            "If the model was trained without it, remove the field from config.json.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table that names a field twice, or refuses what it calls neutral, is wrong.
    #[test]
    fn neutral_values_are_accepted_and_others_are_not() {
        for &(field, neutral, _) in SETTINGS {
            let values = match neutral {
                Null => ["null", "4096"],
                Flag(true) => ["true", "false"],
                Flag(false) => ["false", "true"],
                Number(0.) => ["0", "8"],
                Number(_) => ["1.0", "0.5"],
                Text(text) => {
                    [&format!("\"{text}\"") as &str, "\"other\""].map(|t| t.to_string().leak() as &str)
                }
                Full => [
                    "[\"full_attention\"]",
                    "[\"full_attention\", \"sliding_attention\"]",
                ],
            };
            let check_value = |value: &str, supports: &[&str]| {
                let text = format!("{{\"{field}\": {value}}}");
                let config = Config::parse(text.as_bytes(), "config.json".to_string()).unwrap();
                check(&config, "test", supports)
            };
            assert!(check_value(values[0], &[]).is_ok(), "{field}");
            assert!(check_value("null", &[]).is_ok(), "{field}");
            let error = check_value(values[1], &[]).unwrap_err();
            assert!(error.problem.contains(&format!("{field} = ")), "{error}");
            assert!(check_value(values[1], &[field]).is_ok(), "{field}");
            let same = SETTINGS.iter().filter(|(other, ..)| *other == field);
            assert_eq!(same.count(), 1, "{field}");
        }
    }
}
