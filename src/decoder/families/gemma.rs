//! Gemma 1 (Gemma Team 2024), as `transformers`' modeling_gemma.py stores and runs it: Llama with
//! scaled embeddings and norms that are stored less one.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, pre_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "gemma",
    known_as: "Gemma 1, CodeGemma",
    defaults: r#"{"num_key_value_heads": 16, "head_dim": 256, "tie_word_embeddings": true,
        "max_position_embeddings": 8192, "hidden_act": "gelu_pytorch_tanh"}"#,
    supports: &["rope_theta", "rope_scaling", "rope_parameters"],
    load,
    modules: Some(Modules::LLAMA),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = norms(config)?;
    let activation = gelu(config, "hidden_act")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    let mut decoder = model.decoder(|_, names| {
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, biased, biased)?
        };
        let mlp = gated(&shape, names, activation, false)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })?;
    decoder.embedding.scale = (shape.hidden as f64).sqrt();
    Ok(decoder)
}

/// The norms of all Gemmas.
pub fn norms(config: &Config) -> Result<NormStyle> {
    let eps = config.epsilon("rms_norm_eps")?.unwrap_or(1e-6);
    Ok(NormStyle::rms(eps).one_plus())
}

/// The activation of all Gemmas, which `key` names. Early files say `gelu` and mean its tanh form, as `transformers`
/// reads them.
pub fn gelu(config: &Config, key: &str) -> Result<Activation> {
    match Activation::from_config(config, key, "gelu_pytorch_tanh")? {
        Activation::Gelu | Activation::GeluTanh => Ok(Activation::GeluTanh),
        _ => {
            let name = config.required_text(key)?;
            Err(config.unsupported(key, &name, "gelu_pytorch_tanh"))
        }
    }
}
