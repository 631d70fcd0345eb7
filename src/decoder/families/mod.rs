//! The model families that lens knows, one small file each.
//!
//! To add one: a file with its config, its tensor names and the parts of its block, and a line in
//! [`FAMILIES`].

mod apertus;
mod arcee;
mod bloom;
mod cohere;
mod cohere2;
mod exaone4;
mod falcon;
mod gemma;
mod gemma2;
mod gemma3;
mod glm;
mod gpt2;
mod gpt_bigcode;
mod gpt_neo;
mod gpt_neox;
mod gptj;
mod granite;
mod helium;
mod llama;
mod mistral;
mod mpt;
mod nemotron;
mod olmo;
mod olmo2;
mod olmo3;
mod opt;
mod phi;
mod phi3;
mod qwen;
mod refused;
mod seed_oss;
mod shared;
mod smollm3;
mod stablelm;
mod starcoder2;

use super::config::check_settings;
use super::{Config, Decoder, Order, Pairs, Projections};
use crate::error::Result;
use crate::source::gguf::Layout;
use crate::weights::{self, Matrix, Weights};

/// How one family is read.
struct Family {
    /// `model_type` in config.json.
    model_type: &'static str,
    /// Models that people know it by.
    known_as: &'static str,
    /// The family's own names for fields, each with the name that most families have for it.
    spells: &'static [(&'static str, &'static str)],
    /// The fields, as a JSON object, that are not what they are elsewhere when config.json lacks them: the
    /// defaults of the family's class in `transformers`.
    defaults: &'static str,
    /// The object of config.json that describes the decoder, where it is a part of a larger model.
    nested: Option<&'static str>,
    /// The fields among those that change a decoder's computation which this family follows, or
    /// checks itself.
    supports: &'static [&'static str],
    /// Reads the config, takes the tensors.
    load: fn(&Config, &Weights) -> Result<Decoder>,
    /// The names of its modules in `transformers`, where they are known.
    modules: Option<Modules>,
    /// Whether a tensor of this name is a buffer without parameters, or of another part of a larger
    /// model, and rightly left unused.
    is_buffer: fn(&str) -> bool,
}

/// The names of a family's modules in `transformers`, for engines that run it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modules {
    /// The list of blocks.
    pub blocks: &'static str,
    /// The final norm.
    pub norm: &'static str,
    /// The unembedding.
    pub head: &'static str,
    /// The modules of a block that give what attention and MLP add to the stream; `None` where none gives just
    /// that.
    pub branches: Option<[&'static str; 2]>,
    /// Whether attention is right in its plain form only, and not in a fused one.
    pub plain_attention: bool,
}

/// As transformers 5.15 has them.
impl Modules {
    /// Llama's.
    const LLAMA: Self = Self {
        blocks: "model.layers",
        norm: "model.norm",
        head: "lm_head",
        branches: Some(["self_attn", "mlp"]),
        plain_attention: false,
    };

    /// Llama's, where both branches are multiplied before they are added.
    const SCALED: Self = Self {
        branches: None,
        ..Self::LLAMA
    };

    /// Llama's, where both branches are normed before they are added.
    const POST_NORMED: Self = Self {
        branches: Some(["post_attention_layernorm", "post_feedforward_layernorm"]),
        ..Self::LLAMA
    };

    /// GPT-2's.
    const GPT2: Self = Self {
        blocks: "transformer.h",
        norm: "transformer.ln_f",
        head: "lm_head",
        branches: Some(["attn", "mlp"]),
        plain_attention: false,
    };

    /// GPT-2's, with attention in its plain form only.
    const GPT2_PLAIN: Self = Self {
        plain_attention: true,
        ..Self::GPT2
    };
}

/// The names of the modules of the family `model_type`.
pub fn modules(model_type: &str) -> Option<&'static Modules> {
    let family = FAMILIES.iter().find(|family| family.model_type == model_type);
    family?.modules.as_ref()
}

impl Family {
    /// What a family's description begins with.
    const NEW: Self = Self {
        model_type: "",
        known_as: "",
        spells: &[],
        defaults: "{}",
        nested: None,
        supports: &[],
        load: |config, _| Err(config.missing("model_type")),
        modules: None,
        is_buffer: |_| false,
    };

    /// The decoder's part of config.json, by the names that most families have for its fields.
    fn config(&self, config: &Config) -> Result<Config> {
        let config = match self.nested {
            Some(part) => {
                let inner = config.object(part)?.ok_or_else(|| config.missing(part))?;
                // The head is the whole model's.
                inner.overridden("tie_word_embeddings", config, "tie_word_embeddings")
            }
            None => config.clone(),
        };
        Ok(config.renamed(self.spells).with_defaults(self.defaults))
    }
}

const FAMILIES: &[Family] = &[
    apertus::FAMILY,
    arcee::FAMILY,
    bloom::FAMILY,
    cohere::FAMILY,
    cohere2::FAMILY,
    exaone4::FAMILY,
    falcon::FAMILY,
    gemma::FAMILY,
    gemma2::FAMILY,
    gemma3::TEXT,
    gemma3::WRAPPER,
    glm::GLM,
    glm::GLM4,
    gpt2::FAMILY,
    gpt_bigcode::FAMILY,
    gpt_neo::FAMILY,
    gpt_neox::FAMILY,
    gptj::GPTJ,
    gptj::CODEGEN,
    granite::FAMILY,
    helium::FAMILY,
    llama::FAMILY,
    mistral::MISTRAL,
    mistral::MINISTRAL,
    mpt::FAMILY,
    nemotron::FAMILY,
    olmo::FAMILY,
    olmo2::FAMILY,
    olmo3::FAMILY,
    opt::FAMILY,
    phi::FAMILY,
    phi3::FAMILY,
    qwen::QWEN2,
    qwen::QWEN3,
    seed_oss::FAMILY,
    smollm3::FAMILY,
    stablelm::FAMILY,
    starcoder2::FAMILY,
];

/// A family that lens reads.
#[derive(Debug, Clone, Copy)]
pub struct Supported {
    /// `model_type` in config.json.
    pub model_type: &'static str,
    /// Models that people know it by.
    pub known_as: &'static str,
}

/// The families that [`load`] reads.
pub fn supported() -> impl Iterator<Item = Supported> {
    FAMILIES.iter().map(|family| Supported {
        model_type: family.model_type,
        known_as: family.known_as,
    })
}

/// The decoder that `config` describes, over `weights`.
///
/// # Errors
/// A family or a setting that lens does not know, a tensor missing, left over or misshapen.
pub fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let model_type = config.required_text("model_type")?;
    let Some(family) = FAMILIES.iter().find(|f| f.model_type == model_type) else {
        return Err(refused::refusal(
            &model_type,
            supported().map(|family| family.model_type),
        ));
    };
    // The weights know their tiles by now; what is stored in any other way is refused.
    config.tiles()?;
    let config = family.config(config)?;
    check_settings(&config, &model_type, family.supports)?;
    let mut decoder = (family.load)(&config, weights)?;
    as_converted(&mut decoder, weights.layout());
    weights.finish(|name| name.ends_with("rotary_emb.inv_freq") || (family.is_buffer)(name))?;
    Ok(decoder)
}

/// Follows what a conversion has changed of the order of rows.
fn as_converted(decoder: &mut Decoder, layout: Layout) {
    for attention in decoder.blocks.iter_mut().map(|block| &mut block.attention) {
        if let Some(rotary) = attention.rotary.as_mut().filter(|_| layout.neighbours) {
            rotary.pairs = Pairs::Neighbours;
        }
        if let (Projections::Fused { order, .. }, true) = (&mut attention.projections, layout.stacked) {
            *order = Order::stacked(attention.heads, attention.kv_heads);
        }
    }
}

/// The embedding and the unembedding, each `[vocabulary, hidden]`.
///
/// Where the two are `tied`, one of them may be stored for both; where both are stored, each is
/// used, as `transformers` does it.
fn tables(
    weights: &Weights,
    [embedding, head]: [&str; 2],
    shape: [usize; 2],
    tied: bool,
) -> Result<[Matrix; 2]> {
    let stored = |name, other| match tied && !weights.contains(name) && weights.contains(other) {
        true => other,
        false => name,
    };
    let matrix = |name| weights.matrix(name, shape, weights::Layout::OutIn);
    Ok([matrix(stored(embedding, head))?, matrix(stored(head, embedding))?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoder::config::is_setting;

    /// A field that is misspelt, or not in the table, would be followed by nobody or refused by all.
    #[test]
    fn every_family_says_what_it_means() {
        for family in FAMILIES {
            let name = family.model_type;
            let empty = Config::parse(b"{}", "config.json".to_string()).unwrap();
            // Panics over defaults that are no JSON object.
            let _ = empty.with_defaults(family.defaults);
            for field in family.supports {
                assert!(is_setting(field), "{name}: {field}");
            }
            let same = FAMILIES.iter().filter(|other| other.model_type == name);
            assert_eq!(same.count(), 1, "{name}");
            assert!(!family.known_as.is_empty(), "{name}");
        }
    }
}
