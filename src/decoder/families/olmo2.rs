//! OLMo 2 (OLMo Team 2024), as `transformers`' modeling_olmo2.py stores and runs it: norms after the
//! branches, and over all queries and all keys of a token.

use super::shared::{LlamaLike, Names, NormStyle, Rope, RopeOf, Shape, attention, gated, post_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Block, Config, Decoder, Over};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "olmo2",
    known_as: "OLMo 2",
    supports: &["rope_theta", "rope_scaling", "rope_parameters"],
    load,
    modules: Some(Modules::POST_NORMED),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = norms(config)?;
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| block(config, &shape, names, norm, &rope, None))
}

/// The norms of OLMo 2 and 3.
pub fn norms(config: &Config) -> Result<NormStyle> {
    Ok(NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-5)))
}

/// A block of OLMo 2 and 3.
pub fn block(
    config: &Config,
    shape: &Shape,
    names: &Names,
    norm: NormStyle,
    rope: &Rope,
    window: Option<usize>,
) -> Result<Block> {
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let all = |name: &str, width| norm.heads(&names.at("self_attn"), name, &[width], Over::Token);
    let attention = Attention {
        q_norm: Some(all("q_norm", shape.queries())?),
        k_norm: Some(all("k_norm", shape.keys())?),
        rotary: Some(rope.rotary.clone()),
        window,
        ..attention(shape, names, biased, biased)?
    };
    let mlp = gated(shape, names, activation, false)?;
    post_norm(shape, names, norm, attention, mlp)
}
