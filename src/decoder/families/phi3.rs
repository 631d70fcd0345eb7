//! Phi-3 (Abdin et al. 2024) and its successors, as `transformers`' modeling_phi3.py stores and
//! runs them: Llama with matrices side by side in one tensor, and LongRoPE.

use super::shared::{Kind, LlamaLike, NormStyle, RopeOf, Shape, gated_as_one, pre_norm};
use super::{Family, Modules};
use crate::decoder::{Activation, Attention, Config, Decoder, Order, Projections};
use crate::error::Result;
use crate::weights::Weights;

pub const FAMILY: Family = Family {
    model_type: "phi3",
    known_as: "Phi-3 mini and medium, Phi-3.5 mini, Phi-4, Phi-4-mini",
    defaults: r#"{"max_position_embeddings": 4096, "original_max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5}"#,
    supports: &[
        "sliding_window",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
        "partial_rotary_factor",
    ],
    load,
    modules: Some(Modules::LLAMA),
    ..Family::NEW
};

fn load(config: &Config, weights: &Weights) -> Result<Decoder> {
    let shape = Shape::read(config)?;
    let rope = RopeOf {
        partial: Some(("partial_rotary_factor", 1.)),
        kinds: &[
            ("default", Kind::Default),
            ("longrope", Kind::Longrope),
            // Its names in earlier files.
            ("su", Kind::Longrope),
            ("yarn", Kind::Longrope),
        ],
        ..RopeOf::new(config, shape.head_dim)?
    };
    let rope = rope.read()?;
    let norm = NormStyle::rms(config.epsilon("rms_norm_eps")?.unwrap_or(1e-5));
    let activation = Activation::from_config(config, "hidden_act", "silu")?;
    let window = config.count("sliding_window")?;
    let model = LlamaLike::new(config, weights, &shape, norm, &rope);
    model.decoder(|_, names| {
        let width = shape.queries() + 2 * shape.keys();
        let projections = Projections::Fused {
            qkv: names.linear("self_attn.qkv_proj", [shape.hidden, width], false)?,
            order: Order::stacked(shape.heads, shape.kv_heads),
        };
        let output = names.linear("self_attn.o_proj", [shape.queries(), shape.hidden], false)?;
        let attention = Attention {
            rotary: Some(rope.rotary.clone()),
            window,
            ..Attention::new([shape.heads, shape.kv_heads], shape.head_dim, projections, output)
        };
        let mlp = gated_as_one(&shape, names, activation)?;
        pre_norm(&shape, names, norm, attention, mlp)
    })
}
