//! EXAONE 4 (LG AI Research 2025), as `transformers`' modeling_exaone4.py stores and runs it: norms
//! after the branches and of heads, and positions where there is a window.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, gated, is_sliding, post_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder, Over};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "exaone4",
    known_as: "EXAONE 4.0",
    defaults: r#"{"num_key_value_heads": 32, "sliding_window": 4096, "sliding_window_pattern": 4}"#,
    supports: &[
        "sliding_window",
        "sliding_window_pattern",
        "layer_types",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
    ],
    load,
    modules: Some(Modules::POST_NORMED),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-5));
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let window = config.count("sliding_window")?;
    // Beside a list of layers the pattern is not read; older files spell it LLLG.
    let pattern = match config.texts("layer_types")?.is_some() || window.is_none() {
        true => 1,
        false => config.required_count("sliding_window_pattern")?,
    };
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|layer, names| {
        let sliding = is_sliding(config, layer, shape.layers, !(layer + 1).is_multiple_of(pattern))?;
        let heads = |name: &str| norm.heads(&names.at("self_attn"), name, &[shape.head_dim], Over::Head);
        let attention = Attention {
            q_norm: Some(heads("q_norm")?),
            k_norm: Some(heads("k_norm")?),
            rotary: (sliding || window.is_none()).then(|| rope.rotary.clone()),
            window: match sliding {
                true => Some(config.required_count("sliding_window")?),
                false => None,
            },
            ..attention(&shape, names, false, false)?
        };
        let mlp = gated(&shape, names, activation, false)?;
        post_norm(&shape, names, norm, attention, mlp)
    })
}
