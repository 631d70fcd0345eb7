//! A file's metadata as the config.json of its family.
//!
//! What a field says that config.json leaves out is written as well: a class's defaults are those of its first
//! models, and a file's are its own.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Gguf;
use super::architectures::Architecture;
use super::metadata::Metadata;
use crate::error::Result;

type Fields = Map<String, Value>;

/// What there is to know of a file.
pub struct Facts<'a> {
    metadata: Metadata<'a>,
    architecture: &'static Architecture,
    gguf: &'a Gguf,
    shapes: BTreeMap<&'a str, &'a [usize]>,
    heads: u64,
    head_dim: u64,
    layers: u64,
}

/// The config.json that describes the model in `gguf`.
///
/// # Errors
/// A size that is needed and absent, rope that lens does not know.
pub fn config(gguf: &Gguf) -> Result<Value> {
    let metadata = gguf.metadata();
    let architecture = gguf.architecture;
    let required = |key: &str| {
        let key = architecture.key(key);
        metadata.integer(&key).ok_or_else(|| metadata.lacks(&key))
    };
    let (hidden, heads) = (
        required("embedding_length")?,
        required("attention.head_count")?.max(1),
    );
    let facts = Facts {
        metadata,
        architecture,
        gguf,
        shapes: gguf.shapes(),
        heads,
        head_dim: (metadata.integer(&architecture.key("attention.key_length"))).unwrap_or(hidden / heads),
        layers: required("block_count")?,
    };
    let mut fields = Fields::new();
    let mut set = |key: &str, value: Value| drop(fields.insert(key.to_string(), value));
    set("model_type", architecture.model_type.into());
    set("hidden_size", hidden.into());
    set("num_hidden_layers", facts.layers.into());
    set("num_attention_heads", heads.into());
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
    set("max_position_embeddings", required("context_length")?.into());
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
    for (key, id) in [("bos_token_id", "bos_token_id"), ("eos_token_id", "eos_token_id")] {
        let id = metadata.integer(&format!("tokenizer.ggml.{id}"));
        set(key, id.map_or(Value::Null, Value::from));
    }
    if !matches!(architecture.model_type, "gpt2" | "gpt_bigcode" | "bloom" | "mpt") {
        set("rope_parameters", facts.rope()?);
    }
    (architecture.fields)(&facts, &mut fields)?;
    Ok(Value::Object(fields))
}

impl Facts<'_> {
    fn has(&self, tensor: &str) -> bool {
        self.shapes.contains_key(tensor)
    }

    fn rows_of(&self, tensor: &str) -> usize {
        self.shapes
            .get(tensor)
            .and_then(|shape| shape.first())
            .copied()
            .unwrap_or(0)
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.metadata.number(&self.architecture.key(key))
    }

    fn integer(&self, key: &str) -> Option<u64> {
        self.metadata.integer(&self.architecture.key(key))
    }

    fn kv_heads(&self) -> u64 {
        self.integer("attention.head_count_kv").unwrap_or(self.heads)
    }

    /// The part of a head that is turned.
    fn partial(&self) -> f64 {
        let dims = self.integer("rope.dimension_count").unwrap_or(self.head_dim);
        dims as f64 / self.head_dim.max(1) as f64
    }

    /// Rope of the layers that see everything, as config.json's `rope_parameters`.
    fn rope(&self) -> Result<Value> {
        let mut rope = Fields::new();
        let mut set = |key: &str, value: Value| drop(rope.insert(key.to_string(), value));
        set(
            "rope_theta",
            self.number("rope.freq_base").unwrap_or(10_000.).into(),
        );
        set("partial_rotary_factor", self.partial().into());
        let factor = |key: &str| self.number(key).map_or(Value::Null, Value::from);
        if let Some(divisors) = self.gguf.numbers("rope_freqs.weight") {
            // Llama 3's stretched angles, as divisors: a list for prompts of any length.
            set("rope_type", "longrope".into());
            set("short_factor", json!(divisors));
            set("long_factor", json!(divisors));
            set("attention_factor", 1.0.into());
            return Ok(Value::Object(rope));
        }
        let lists =
            ["rope_factors_short.weight", "rope_factors_long.weight"].map(|name| self.gguf.numbers(name));
        let original = self.integer("rope.scaling.original_context_length");
        if let [Some(short), Some(long)] = lists {
            set("rope_type", "longrope".into());
            set("short_factor", json!(short));
            set("long_factor", json!(long));
            set(
                "original_max_position_embeddings",
                original.map_or(Value::Null, Value::from),
            );
            set("attention_factor", factor("rope.scaling.attn_factor"));
            return Ok(Value::Object(rope));
        }
        let kind = self
            .metadata
            .text(&self.architecture.key("rope.scaling.type"))
            .unwrap_or("none");
        match kind {
            "none" => set("rope_type", "default".into()),
            "linear" => {
                set("rope_type", "linear".into());
                set("factor", factor("rope.scaling.factor"));
            }
            "yarn" => {
                set("rope_type", "yarn".into());
                set("factor", factor("rope.scaling.factor"));
                set(
                    "original_max_position_embeddings",
                    original.map_or(Value::Null, Value::from),
                );
                set("beta_fast", factor("rope.scaling.yarn_beta_fast"));
                set("beta_slow", factor("rope.scaling.yarn_beta_slow"));
                set("attention_factor", factor("rope.scaling.yarn_attn_factor"));
            }
            other => {
                let key = self.architecture.key("rope.scaling.type");
                return Err(self.metadata.unsupported(&key, other, "none, linear and yarn"));
            }
        }
        Ok(Value::Object(rope))
    }

    /// Rope of both kinds of layers, those with a window by an unscaled theta of their own.
    fn rope_by_layer(&self, local: f64) -> Result<Value> {
        let local = self.number("rope.freq_base_swa").unwrap_or(local);
        Ok(json!({
            "full_attention": self.rope()?,
            "sliding_attention": {"rope_type": "default", "rope_theta": local},
        }))
    }

    /// `layer_types`, by a list of which layers have a window or the number of layers after which one has
    /// none; null where the file says neither and the family's own pattern holds.
    fn layer_types(&self) -> Value {
        let key = self.architecture.key("attention.sliding_window_pattern");
        let name = |sliding: bool| {
            if sliding {
                "sliding_attention"
            } else {
                "full_attention"
            }
        };
        if let Some(listed) = self.metadata.numbers(&key) {
            return listed
                .map(|sliding| name(sliding != 0.))
                .collect::<Vec<_>>()
                .into();
        }
        match self.metadata.integer(&key) {
            Some(every @ 1..) => (1..=self.layers.min(1 << 16))
                .map(|layer| name(layer % every != 0))
                .collect::<Vec<_>>()
                .into(),
            _ => Value::Null,
        }
    }

    /// The window; null where there is none, which some files write as 0.
    fn window(&self) -> Value {
        let window = self
            .integer("attention.sliding_window")
            .filter(|&window| window > 0);
        window.map_or(Value::Null, Value::from)
    }

    fn number_or_null(&self, key: &str) -> Value {
        self.number(key).map_or(Value::Null, Value::from)
    }

    /// The scale of Gemma's scores: by a head's width, in the largest model, which has `largest` layers, by the
    /// stream's share of a head.
    fn query_scalar(&self, fields: &Fields, largest: u64) -> Value {
        let hidden = fields.get("hidden_size").and_then(Value::as_u64).unwrap_or(0);
        match self.layers == largest {
            true => (hidden as f64 / self.heads as f64).into(),
            false => self.head_dim.into(),
        }
    }
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
