//! Apertus (Swiss AI 2025), as `transformers`' modeling_apertus.py stores and runs it: norms of heads,
//! and an activation that is learned.

use serde_json::json;

use super::shared::{LlamaLike, Names, NormStyle, RopeOf, Shape, attention, ungated};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Block, Config, Decoder, Over, Xielu};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "apertus",
    known_as: "Apertus 8B and 70B",
    defaults: r#"{"max_position_embeddings": 65536, "hidden_act": "xielu"}"#,
    supports: &["qk_norm", "rope_theta", "rope_scaling", "rope_parameters"],
    load,
    modules: Some(Modules::LLAMA),
    ..Family::NEW
};

/// Rope where config.json says none.
const ROPE: &str = r#"{"rope_type": "llama3", "rope_theta": 12000000.0, "factor": 8.0,
    "original_max_position_embeddings": 8192, "low_freq_factor": 1.0, "high_freq_factor": 4.0}"#;

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    config.only("qk_norm", &json!(true))?;
    let rope = RopeOf {
        theta: (Some("rope_theta"), 12e6),
        unwritten: Some(ROPE),
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let norm = NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-5));
    let learned = config.required_text("hidden_act")? == "xielu";
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| {
        let heads = |name: &str| norm.heads(&names.at("self_attn"), name, &[shape.head_dim], Over::Head);
        let attention = Attention {
            q_norm: Some(heads("q_norm")?),
            k_norm: Some(heads("k_norm")?),
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, biased, biased)?
        };
        let activation = match learned {
            true => Activation::Xielu(xielu(&names.at("mlp.act_fn"))?),
            false => Activation::from_config(config, "hidden_act", "xielu")?,
        };
        let mlp = ungated(&shape, names, ["up_proj", "down_proj"], activation, false)?;
        let norm = |name: &str| norm.read(names, name, shape.hidden);
        let (first, second) = (norm("attention_layernorm")?, norm("feedforward_layernorm")?);
        Ok(Block::new(first, attention, second, mlp))
    })
}

/// The activation of a block.
fn xielu(names: &Names) -> Result<Xielu> {
    let softplus = |x: f64| x.max(0.) + (-x.abs()).exp().ln_1p();
    let b = names.number("beta", &[])?;
    Ok(Xielu {
        a: softplus(names.number("alpha_p", &[1])?),
        b,
        c: b + softplus(names.number("alpha_n", &[1])?),
        eps: names.number("eps", &[])?,
    })
}
