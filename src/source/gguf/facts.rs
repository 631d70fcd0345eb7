//! What a file says of its model, in the terms of config.json.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Gguf;
use super::architectures::Architecture;
use super::metadata::Metadata;
use crate::error::Result;

pub type Fields = Map<String, Value>;

/// What there is to know of a file.
pub struct Facts<'a> {
    pub metadata: Metadata<'a>,
    pub architecture: &'static Architecture,
    gguf: &'a Gguf,
    pub shapes: BTreeMap<&'a str, &'a [usize]>,
    pub heads: u64,
    pub head_dim: u64,
    pub layers: u64,
}

impl<'a> Facts<'a> {
    /// Those of a file.
    ///
    /// # Errors
    /// A size that is needed and absent.
    pub fn of(gguf: &'a Gguf) -> Result<Self> {
        let (metadata, architecture) = (gguf.metadata(), gguf.architecture);
        let required = |key: &str| required(metadata, architecture, key);
        let heads = required("attention.head_count")?.max(1);
        let given = metadata.integer(&architecture.key("attention.key_length"));
        Ok(Self {
            metadata,
            architecture,
            gguf,
            shapes: gguf.shapes(),
            heads,
            head_dim: given.unwrap_or(required("embedding_length")? / heads),
            layers: required("block_count")?,
        })
    }

    /// A size that must be there.
    ///
    /// # Errors
    /// One that is not.
    pub fn required(&self, key: &str) -> Result<u64> {
        required(self.metadata, self.architecture, key)
    }

    pub fn has(&self, tensor: &str) -> bool {
        self.shapes.contains_key(tensor)
    }

    pub fn rows_of(&self, tensor: &str) -> usize {
        self.shapes
            .get(tensor)
            .and_then(|shape| shape.first())
            .copied()
            .unwrap_or(0)
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        self.metadata.number(&self.architecture.key(key))
    }

    pub fn integer(&self, key: &str) -> Option<u64> {
        self.metadata.integer(&self.architecture.key(key))
    }

    pub fn kv_heads(&self) -> u64 {
        self.integer("attention.head_count_kv").unwrap_or(self.heads)
    }

    /// The part of a head that is turned.
    pub fn partial(&self) -> f64 {
        let dims = self.integer("rope.dimension_count").unwrap_or(self.head_dim);
        dims as f64 / self.head_dim.max(1) as f64
    }

    /// Rope of the layers that see everything, as config.json's `rope_parameters`.
    pub fn rope(&self) -> Result<Value> {
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
            // As llama.cpp takes a factor alone.
            .unwrap_or(match self.number("rope.scaling.factor") {
                None | Some(0. | 1.) => "none",
                Some(_) => "linear",
            });
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
    pub fn rope_by_layer(&self, local: f64) -> Result<Value> {
        let local = self.number("rope.freq_base_swa").unwrap_or(local);
        Ok(json!({
            "full_attention": self.rope()?,
            "sliding_attention": {"rope_type": "default", "rope_theta": local},
        }))
    }

    /// `layer_types`, by a list of which layers have a window or the number of layers after which one has
    /// none; null where the file says neither and the family's own pattern holds.
    pub fn layer_types(&self) -> Value {
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
    pub fn window(&self) -> Value {
        let window = self
            .integer("attention.sliding_window")
            .filter(|&window| window > 0);
        window.map_or(Value::Null, Value::from)
    }

    pub fn number_or_null(&self, key: &str) -> Value {
        self.number(key).map_or(Value::Null, Value::from)
    }

    /// The scale of Gemma's scores: by a head's width, in the largest model, which has `largest` layers, by the
    /// stream's share of a head.
    pub fn query_scalar(&self, fields: &Fields, largest: u64) -> Value {
        let hidden = fields.get("hidden_size").and_then(Value::as_u64).unwrap_or(0);
        match self.layers == largest {
            true => (hidden as f64 / self.heads as f64).into(),
            false => self.head_dim.into(),
        }
    }
}

fn required(metadata: Metadata, architecture: &Architecture, key: &str) -> Result<u64> {
    let key = architecture.key(key);
    metadata.integer(&key).ok_or_else(|| metadata.lacks(&key))
}
