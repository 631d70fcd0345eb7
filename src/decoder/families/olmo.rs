//! OLMo 1 (Groeneveld et al. 2024), 2 and 3 (OLMo Team 2024, 2025), as `transformers`'
//! modeling_olmo.py, modeling_olmo2.py and modeling_olmo3.py store and run them.

use super::Family;
use super::shared::{
    LlamaLike, Names, NormStyle, Rope, RopeOf, Shape, attention, gated, post_norm, pre_norm, window,
};
use crate::decoder::{Activation, Attention, Block, Config, Decoder, Over};
use crate::error::Result;
use crate::weights::Weights;

/// Norms without parameters.
pub const OLMO: Family = Family {
    model_type: "olmo",
    known_as: "OLMo 1",
    supports: &["clip_qkv", "rope_theta", "rope_scaling", "rope_parameters"],
    load: load1,
    ..Family::NEW
};

/// Norms after the branches, and over all queries and all keys of a token.
pub const OLMO2: Family = Family {
    model_type: "olmo2",
    known_as: "OLMo 2",
    supports: &["rope_theta", "rope_scaling", "rope_parameters"],
    load: load2,
    ..Family::NEW
};

/// The same with a window in three blocks of four.
pub const OLMO3: Family = Family {
    model_type: "olmo3",
    known_as: "OLMo 3",
    defaults: r#"{"sliding_window": 4096}"#,
    supports: &[
        "sliding_window",
        "layer_types",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load: load3,
    ..Family::NEW
};

fn load1(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = NormStyle::layer(1e-5).bare();
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let biased = config.flag("attention_bias")?.unwrap_or(false);
    let clip = config.number("clip_qkv")?;
    like(config, weights, &shape, norm, &rope).decoder(|_, names| {
        let attention = Attention {
            clip,
            rotary: Some(rope.rotary.clone()),
            ..attention(&shape, names, biased, biased)?
        };
        let mlp = gated(&shape, names, activation, false)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}

fn load2(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = norms(config)?;
    like(config, weights, &shape, norm, &rope)
        .decoder(|_, names| block(config, &shape, names, norm, &rope, None))
}

fn load3(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let full = RopeOf {
        theta: (Some("rope_theta"), 5e5),
        ..RopeOf::new(config, shape.head_dim)?
    };
    // Outside of its own object nothing says its theta, not even rope_theta, as in transformers.
    let sliding = RopeOf {
        theta: (None, 5e5),
        ..full
    };
    let [full, sliding] = full.read_both(&sliding)?;
    let norm = norms(config)?;
    like(config, weights, &shape, norm, &full).decoder(|layer, names| {
        let window = window(config, layer, shape.layers, layer % 4 != 3)?;
        let rope = if window.is_some() { &sliding } else { &full };
        block(config, &shape, names, norm, rope, window)
    })
}

fn norms(config: &Config) -> Result<NormStyle> {
    Ok(NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-5)))
}

fn block(
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

fn like<'a>(
    config: &'a Config,
    weights: &'a Weights,
    shape: &'a Shape,
    norm: NormStyle,
    rope: &Rope,
) -> LlamaLike<'a> {
    LlamaLike {
        config,
        weights,
        shape,
        norm,
        context: rope.context,
    }
}
