//! GPT-Neo (Black et al. 2021), as `transformers`' modeling_gpt_neo.py stores and runs it: a window in
//! every second block, unscaled scores.

use super::shared::{GptLike, Shape};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder, Mlp, Projections};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "gpt_neo",
    known_as: "GPT-Neo, TinyStories",
    spells: &[
        ("num_layers", "num_hidden_layers"),
        ("num_heads", "num_attention_heads"),
    ],
    defaults: r#"{"max_position_embeddings": 2048, "window_size": 256, "tie_word_embeddings": true,
        "attention_types": [[["global", "local"], 12]]}"#,
    supports: &["window_size", "attention_types"],
    load,
    modules: Some(Modules::GPT2_PLAIN),
    is_buffer: |name| name.ends_with(".attention.bias") || name.ends_with(".attention.masked_bias"),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = &Shape::read(config)?;
    let window = config.required_count("window_size")?;
    let local = local_layers(config, shape.layers)?;
    let activation = Activation::from_config(config, "activation_function", "gelu_new")?;
    let (hidden, inner) = (shape.hidden, shape.inner);
    let model = GptLike {
        config,
        weights,
        shape,
    };
    model.decoder(|layer, names| {
        let part = |name: &str, biased| names.linear(&format!("attn.attention.{name}"), [hidden; 2], biased);
        let projections = Projections::Separate {
            q: part("q_proj", false)?,
            k: part("k_proj", false)?,
            v: part("v_proj", false)?,
        };
        let output = part("out_proj", true)?;
        let attention = Attention {
            scale: 1.,
            window: local[layer].then_some(window),
            ..Attention::new([shape.heads; 2], shape.head_dim, projections, output)
        };
        let mlp = Mlp {
            gate: None,
            up: names.linear("mlp.c_fc", [hidden, inner], true)?,
            activation,
            down: names.linear("mlp.c_proj", [inner, hidden], true)?,
        };
        Ok((attention, mlp))
    })
}

/// Which blocks have a window: `attention_layers`, one name each, or else `attention_types`, names and
/// how often they come.
fn local_layers(config: &Config, layers: usize) -> Result<Vec<bool>> {
    let named = match config.texts("attention_layers")? {
        Some(named) => named,
        None => config.repeated("attention_types", layers)?,
    };
    if named.len() != layers {
        let given = format!("{} layers", named.len());
        return Err(config.unsupported("attention_types", &given, &format!("the model's {layers} layers")));
    }
    let is_local = |name: &String| match name.as_str() {
        "global" => Ok(false),
        "local" => Ok(true),
        other => Err(config.unsupported("attention_types", other, "global and local")),
    };
    named.iter().map(is_local).collect()
}
