//! The keys of a file's metadata that lens reads or may not overlook: each with the kind of its value. A value of
//! another kind is not one that is absent, and a default in its place would be another model.

use super::header::Value;
use super::metadata::Metadata;
use crate::error::{Error, Result};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A whole number from 0 on.
    Count,
    /// A finite number.
    Number,
    Flag,
    Text,
    List,
}

use Kind::*;

/// Keys of every file.
const GENERAL: &[(&str, &[Kind])] = &[
    ("general.architecture", &[Text]),
    ("general.type", &[Text]),
    ("split.count", &[Count]),
    ("tokenizer.ggml.model", &[Text]),
    ("tokenizer.ggml.pre", &[Text]),
    ("tokenizer.ggml.tokens", &[List]),
    ("tokenizer.ggml.token_type", &[List]),
    ("tokenizer.ggml.scores", &[List]),
    ("tokenizer.ggml.merges", &[List]),
    ("tokenizer.ggml.add_bos_token", &[Flag]),
    ("tokenizer.ggml.add_eos_token", &[Flag]),
    ("tokenizer.ggml.add_space_prefix", &[Flag]),
    ("tokenizer.ggml.bos_token_id", &[Count]),
    ("tokenizer.ggml.eos_token_id", &[Count]),
    ("tokenizer.ggml.eot_token_id", &[Count]),
    ("tokenizer.ggml.eom_token_id", &[Count]),
    ("tokenizer.ggml.unknown_token_id", &[Count]),
    ("tokenizer.chat_template", &[Text]),
    ("xielu.alpha_p", &[Number, List]),
    ("xielu.alpha_n", &[Number, List]),
    ("xielu.beta", &[Number, List]),
    ("xielu.eps", &[Number, List]),
];

/// Keys below an architecture's name.
const OWN: &[(&str, &[Kind])] = &[
    ("context_length", &[Count]),
    ("embedding_length", &[Count]),
    ("block_count", &[Count]),
    ("attention.head_count", &[Count]),
    ("attention.head_count_kv", &[Count]),
    ("attention.key_length", &[Count]),
    ("attention.layer_norm_epsilon", &[Number]),
    ("attention.layer_norm_rms_epsilon", &[Number]),
    ("attention.sliding_window_pattern", &[Count, List]),
    ("rope.dimension_count", &[Count]),
    ("rope.freq_base", &[Number]),
    ("rope.freq_base_swa", &[Number]),
    ("rope.scaling.type", &[Text]),
    ("rope.scaling.factor", &[Number]),
    ("rope.scaling.attn_factor", &[Number]),
    ("rope.scaling.original_context_length", &[Count]),
    ("rope.scaling.yarn_beta_fast", &[Number]),
    ("rope.scaling.yarn_beta_slow", &[Number]),
    ("rope.scaling.yarn_attn_factor", &[Number]),
];

/// A key below an architecture's name that changes what is computed: the values that change nothing, and the
/// architectures that read it.
struct Changing {
    key: &'static str,
    kind: Kind,
    /// As numbers, a flag as 0 or 1.
    neutral: &'static [f64],
    read_by: &'static [&'static str],
}

const CHANGING: &[Changing] = &[
    Changing {
        key: "attention.sliding_window",
        kind: Count,
        neutral: &[0.],
        read_by: &[
            "gemma2",
            "gemma3",
            "olmo2",
            "exaone4",
            "phi3",
            "cohere2",
            "starcoder2",
        ],
    },
    Changing {
        key: "attn_logit_softcapping",
        kind: Number,
        neutral: &[0.],
        read_by: &["gemma2"],
    },
    Changing {
        key: "final_logit_softcapping",
        kind: Number,
        neutral: &[0.],
        read_by: &["gemma2", "gemma3"],
    },
    Changing {
        key: "logit_scale",
        kind: Number,
        neutral: &[0., 1.],
        read_by: &["granite", "command-r", "cohere2"],
    },
    Changing {
        key: "embedding_scale",
        kind: Number,
        neutral: &[0., 1.],
        read_by: &["granite"],
    },
    Changing {
        key: "residual_scale",
        kind: Number,
        neutral: &[0., 1.],
        read_by: &["granite"],
    },
    Changing {
        key: "attention.scale",
        kind: Number,
        neutral: &[0.],
        read_by: &["granite"],
    },
    Changing {
        key: "attention.clamp_kqv",
        kind: Number,
        neutral: &[0.],
        read_by: &["olmo", "mpt"],
    },
    Changing {
        key: "attention.max_alibi_bias",
        kind: Number,
        neutral: &[0.],
        read_by: &["mpt", "bloom"],
    },
    Changing {
        key: "attention.causal",
        kind: Flag,
        neutral: &[1.],
        read_by: &[],
    },
    Changing {
        key: "use_parallel_residual",
        kind: Flag,
        neutral: &[0.],
        read_by: &["gptneox", "stablelm"],
    },
    Changing {
        key: "expert_count",
        kind: Count,
        neutral: &[0.],
        read_by: &[],
    },
];

/// Refuses values of another kind than lens reads, and such that change what is computed where it would not be
/// heeded.
///
/// # Errors
/// The first such key, by name.
pub fn check(metadata: Metadata, architecture: &str) -> Result<()> {
    for (key, kinds) in GENERAL {
        check_kind(metadata, key, kinds)?;
    }
    let own = |key: &str| format!("{architecture}.{key}");
    for (key, kinds) in OWN {
        check_kind(metadata, &own(key), kinds)?;
    }
    for changing in CHANGING {
        let key = own(changing.key);
        check_kind(metadata, &key, &[changing.kind])?;
        let value = metadata
            .number(&key)
            .or_else(|| metadata.flag(&key).map(|flag| f64::from(u8::from(flag))));
        let is_heeded = changing.read_by.contains(&architecture);
        if let Some(value) = value.filter(|value| !is_heeded && !changing.neutral.contains(value)) {
            let neutral = changing.neutral.iter().map(f64::to_string).collect::<Vec<_>>();
            let supported = format!("{} in a model of this architecture", neutral.join(" and "));
            return Err(metadata.unsupported(&key, &value.to_string(), &supported));
        }
    }
    match metadata.text("general.type") {
        None | Some("model") => Ok(()),
        Some(other) => Err(metadata.unsupported("general.type", other, "model")),
    }
}

fn check_kind(metadata: Metadata, key: &str, kinds: &[Kind]) -> Result<()> {
    let Some(value) = metadata.get(key) else {
        return Ok(());
    };
    let is = |kind: &Kind| match (kind, value) {
        (Count, Value::Integer(n)) => *n >= 0,
        (Number, Value::Integer(_)) | (Flag, Value::Bool(_)) | (List, Value::List(_)) => true,
        (Number, Value::Float(x)) => x.is_finite(),
        (Text, Value::Text(_)) => metadata.text(key).is_some(),
        _ => false,
    };
    if kinds.iter().any(is) {
        return Ok(());
    }
    let wanted = match kinds {
        [Count] => "a whole number",
        [Number] => "a finite number",
        [Flag] => "true or false",
        [Text] => "a text",
        [List] => "a list",
        _ => "a whole number or a list",
    };
    Err(Error::failed(
        format!("{key} in {} is not {wanted}.", metadata.name()),
        "Download the file again, or convert the model anew.",
    ))
}
