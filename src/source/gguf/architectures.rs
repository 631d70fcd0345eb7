//! The architectures, each with the family that it is, the names of its tensors there, and what llama.cpp's
//! conversion has changed of them.

use serde_json::{Map, Value};

use super::config;
use super::facts::Facts;
use super::made::{self, Made};
use super::metadata::Metadata;
use crate::error::{Error, Result};

/// What the conversion has changed of a model's tensors besides their names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// Rows of q and k lie in an order in which neighbours are turned together, not halves.
    pub neighbours: bool,
    /// Norms hold what they multiply by, where the family's checkpoints hold its distance from one.
    pub whole_norms: bool,
    /// A fused projection is all queries, then all keys, then all values.
    pub stacked: bool,
    /// Every matrix is `[out, in]`.
    pub out_in: bool,
}

/// One architecture that lens knows.
pub struct Architecture {
    /// `general.architecture`.
    name: &'static str,
    /// The family's `model_type`.
    pub model_type: &'static str,
    pub layout: Layout,
    /// Parts of names in the file, each with that in the family's checkpoints; the first table that has
    /// one counts.
    names: &'static [Names],
    /// The fields of config.json that only this architecture has.
    pub fields: fn(&Facts, &mut Map<String, Value>) -> Result<()>,
    /// The tensors of the family's checkpoints that a file has in its metadata.
    pub made: fn(Metadata, usize) -> Result<Vec<Made>>,
}

type Names = &'static [(&'static str, &'static str)];

/// What most architectures do not have.
const PLAIN: Layout = Layout {
    neighbours: false,
    whole_norms: false,
    stacked: false,
    out_in: true,
};
const NEIGHBOURS: Layout = Layout {
    neighbours: true,
    ..PLAIN
};
const WHOLE_NORMS: Layout = Layout {
    whole_norms: true,
    ..PLAIN
};
const STACKED: Layout = Layout {
    stacked: true,
    ..PLAIN
};

/// Llama's names; `blk` is the block's number.
const LLAMA: Names = &[
    ("token_embd", "model.embed_tokens"),
    ("output_norm", "model.norm"),
    ("output", "lm_head"),
    ("blk", "model.layers"),
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("attn_output", "self_attn.o_proj"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];
/// Norms before and after the branches.
const FOUR_NORMS: Names = &[
    ("post_attention_norm", "post_attention_layernorm"),
    ("ffn_norm", "pre_feedforward_layernorm"),
    ("post_ffw_norm", "post_feedforward_layernorm"),
];
const SIDE_BY_SIDE: Names = &[("attn_qkv", "self_attn.qkv_proj"), ("ffn_up", "mlp.gate_up_proj")];
const GLM4: Names = &[
    ("post_attention_norm", "post_self_attn_layernorm"),
    ("post_ffw_norm", "post_mlp_layernorm"),
    ("ffn_up", "mlp.gate_up_proj"),
];
const PHI: Names = &[
    ("output_norm", "model.final_layernorm"),
    ("attn_output", "self_attn.dense"),
    ("ffn_up", "mlp.fc1"),
    ("ffn_down", "mlp.fc2"),
];
const STARCODER2: Names = &[("ffn_up", "mlp.c_fc"), ("ffn_down", "mlp.c_proj")];
const APERTUS: Names = &[
    ("attn_norm", "attention_layernorm"),
    ("ffn_norm", "feedforward_layernorm"),
];
const SEED_OSS: Names = &[("post_attention_norm", "post_attention_layernorm")];
const GPT2: Names = &[
    ("token_embd", "wte"),
    ("position_embd", "wpe"),
    ("output_norm", "ln_f"),
    ("output", "lm_head"),
    ("blk", "h"),
    ("attn_norm", "ln_1"),
    ("attn_qkv", "attn.c_attn"),
    ("attn_output", "attn.c_proj"),
    ("ffn_norm", "ln_2"),
    ("ffn_up", "mlp.c_fc"),
    ("ffn_down", "mlp.c_proj"),
];
const GPT_NEOX: Names = &[
    ("token_embd", "embed_in"),
    ("output_norm", "final_layer_norm"),
    ("output", "embed_out"),
    ("blk", "layers"),
    ("attn_norm", "input_layernorm"),
    ("attn_qkv", "attention.query_key_value"),
    ("attn_output", "attention.dense"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_up", "mlp.dense_h_to_4h"),
    ("ffn_down", "mlp.dense_4h_to_h"),
];
const BLOOM: Names = &[
    ("token_embd", "word_embeddings"),
    ("token_embd_norm", "word_embeddings_layernorm"),
    ("output_norm", "ln_f"),
    ("output", "lm_head"),
    ("blk", "h"),
    ("attn_norm", "input_layernorm"),
    ("attn_qkv", "self_attention.query_key_value"),
    ("attn_output", "self_attention.dense"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_up", "mlp.dense_h_to_4h"),
    ("ffn_down", "mlp.dense_4h_to_h"),
];
/// With a norm for each branch (40B) the other is `ln_mlp`; without, it is what both share.
const FALCON: Names = &[("attn_norm_2", "ln_attn")];
const MPT: Names = &[
    ("token_embd", "wte"),
    ("output_norm", "norm_f"),
    ("output", "lm_head"),
    ("blk", "blocks"),
    ("attn_norm", "norm_1"),
    ("attn_qkv", "attn.Wqkv"),
    ("attn_output", "attn.out_proj"),
    ("ffn_norm", "norm_2"),
    ("ffn_up", "ffn.up_proj"),
    ("ffn_down", "ffn.down_proj"),
];

/// An architecture with Llama's names and no fields of its own.
const LIKE_LLAMA: Architecture = Architecture {
    name: "llama",
    model_type: "llama",
    layout: NEIGHBOURS,
    names: &[LLAMA],
    fields: config::nothing,
    made: made::nothing,
};

#[rustfmt::skip]
const ARCHITECTURES: &[Architecture] = &[
    LIKE_LLAMA,
    Architecture { name: "apertus", model_type: "apertus", layout: PLAIN, names: &[APERTUS, LLAMA], made: made::apertus, ..LIKE_LLAMA },
    Architecture { name: "arcee", model_type: "arcee", ..LIKE_LLAMA },
    Architecture { name: "granite", model_type: "granite", fields: config::granite, ..LIKE_LLAMA },
    Architecture { name: "olmo", model_type: "olmo", fields: config::olmo, ..LIKE_LLAMA },
    Architecture { name: "smollm3", model_type: "smollm3", ..LIKE_LLAMA },
    Architecture { name: "qwen2", model_type: "qwen2", layout: PLAIN, ..LIKE_LLAMA },
    Architecture { name: "qwen3", model_type: "qwen3", layout: PLAIN, ..LIKE_LLAMA },
    Architecture { name: "gemma", model_type: "gemma", layout: WHOLE_NORMS, ..LIKE_LLAMA },
    Architecture { name: "gemma2", model_type: "gemma2", layout: WHOLE_NORMS, names: &[FOUR_NORMS, LLAMA], fields: config::gemma2, ..LIKE_LLAMA },
    Architecture { name: "gemma3", model_type: "gemma3_text", layout: WHOLE_NORMS, names: &[FOUR_NORMS, LLAMA], fields: config::gemma3, ..LIKE_LLAMA },
    Architecture { name: "olmo2", model_type: "olmo3", layout: PLAIN, names: &[FOUR_NORMS, LLAMA], fields: config::olmo2, ..LIKE_LLAMA },
    Architecture { name: "exaone4", model_type: "exaone4", layout: PLAIN, names: &[FOUR_NORMS, LLAMA], fields: config::exaone4, ..LIKE_LLAMA },
    Architecture { name: "phi2", model_type: "phi", layout: PLAIN, names: &[PHI, LLAMA], ..LIKE_LLAMA },
    Architecture { name: "phi3", model_type: "phi3", layout: PLAIN, names: &[SIDE_BY_SIDE, LLAMA], fields: config::phi3, ..LIKE_LLAMA },
    Architecture { name: "glm4", model_type: "glm4", layout: PLAIN, names: &[GLM4, LLAMA], ..LIKE_LLAMA },
    Architecture { name: "command-r", model_type: "cohere", layout: PLAIN, fields: config::cohere, ..LIKE_LLAMA },
    Architecture { name: "cohere2", model_type: "cohere2", layout: PLAIN, fields: config::cohere2, ..LIKE_LLAMA },
    Architecture { name: "stablelm", model_type: "stablelm", layout: PLAIN, fields: config::stablelm, ..LIKE_LLAMA },
    Architecture { name: "starcoder2", model_type: "starcoder2", layout: PLAIN, names: &[STARCODER2, LLAMA], fields: config::starcoder2, ..LIKE_LLAMA },
    Architecture { name: "nemotron", model_type: "nemotron", layout: WHOLE_NORMS, ..LIKE_LLAMA },
    Architecture { name: "seed_oss", model_type: "seed_oss", layout: PLAIN, names: &[SEED_OSS, LLAMA], fields: config::seed_oss, ..LIKE_LLAMA },
    Architecture { name: "gpt2", model_type: "gpt2", layout: PLAIN, names: &[GPT2], ..LIKE_LLAMA },
    Architecture { name: "starcoder", model_type: "gpt_bigcode", layout: PLAIN, names: &[GPT2], fields: config::starcoder, ..LIKE_LLAMA },
    Architecture { name: "gptneox", model_type: "gpt_neox", layout: STACKED, names: &[GPT_NEOX], fields: config::gpt_neox, ..LIKE_LLAMA },
    Architecture { name: "bloom", model_type: "bloom", layout: STACKED, names: &[BLOOM], ..LIKE_LLAMA },
    Architecture { name: "falcon", model_type: "falcon", layout: STACKED, names: &[FALCON, BLOOM], fields: config::falcon, ..LIKE_LLAMA },
    Architecture { name: "mpt", model_type: "mpt", layout: PLAIN, names: &[MPT], fields: config::mpt, ..LIKE_LLAMA },
];

impl Architecture {
    /// That of a file.
    ///
    /// # Errors
    /// One that lens does not know, by name.
    pub fn of(metadata: &Metadata) -> Result<&'static Self> {
        let name = metadata.architecture()?;
        ARCHITECTURES
            .iter()
            .find(|known| known.name == name)
            .ok_or_else(|| {
                let known: Vec<&str> = ARCHITECTURES.iter().map(|known| known.name).collect();
                Error::failed(
                    format!("The file's architecture, {name}, is none that lens reads from GGUF."),
                    format!("Those are {}; take the model's safetensors.", known.join(", ")),
                )
            })
    }

    /// A key of the metadata below the architecture's name.
    pub fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    /// A tensor's name in the family's checkpoints; `None` for one that is part of the config, and the same
    /// name for one that is not known. `two_norms`: the norm of attention is not `attn_norm`.
    pub fn rename(&self, name: &str, two_norms: bool) -> Option<String> {
        if name.starts_with("rope_f") {
            return None;
        }
        let of_part = |part| match (part, two_norms) {
            ("attn_norm", true) => Some("ln_mlp"),
            _ => self.name_of(part),
        };
        let renamed = || {
            let (stem, kind) = name.rsplit_once('.')?;
            let Some((blocks, rest)) = stem.split_once('.') else {
                return Some(format!("{}.{kind}", self.name_of(stem)?));
            };
            let (block, part) = rest.split_once('.')?;
            Some(format!(
                "{}.{block}.{}.{kind}",
                self.name_of(blocks)?,
                of_part(part)?
            ))
        };
        Some(renamed().unwrap_or(name.to_string()))
    }

    fn name_of(&self, part: &str) -> Option<&'static str> {
        let mut all = self.names.iter().flat_map(|names| names.iter());
        all.find(|(own, _)| *own == part).map(|(_, name)| *name)
    }
}
