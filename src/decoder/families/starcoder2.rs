//! StarCoder 2 (Lozhkov et al. 2024), as `transformers`' modeling_starcoder2.py stores and runs it.

use super::shared::{LlamaLike, NormStyle, RopeOf, Shape, attention, pre_norm, ungated};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "starcoder2",
    known_as: "StarCoder2 3B, 7B and 15B",
    defaults: r#"{"num_key_value_heads": 2, "tie_word_embeddings": true, "max_position_embeddings": 4096}"#,
    supports: &["sliding_window", "rope_theta", "rope_scaling", "rope_parameters"],
    load,
    modules: Some(Modules::LLAMA),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf::new(config, shape.head_dim)?.read()?;
    let norm = NormStyle::layer(config.epsilon("norm_epsilon")?.unwrap_or(1e-5));
    let activation = Activation::from_config(config, "hidden_act", "gelu_pytorch_tanh")?;
    let biased = config.flag("use_bias")?.unwrap_or(true);
    let window = config.count("sliding_window")?;
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| {
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            window,
            ..attention(&shape, names, biased, biased)?
        };
        let mlp = ungated(&shape, names, ["c_fc", "c_proj"], activation, biased)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}
