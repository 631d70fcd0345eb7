//! The feed-forward part of a block.

use candle_core::Tensor;

use super::Linear;
use super::linear::{map_rows, on_slices};
use crate::decoder::Config;
use crate::error::Result;
use crate::kernels::math;

/// `down(activation(up(x)))`, or gated: `down(activation(gate(x)) * up(x))`.
#[derive(Debug)]
pub struct Mlp {
    pub gate: Option<Linear>,
    pub up: Linear,
    pub activation: Activation,
    pub down: Linear,
}

impl Mlp {
    /// `x` `[rows, hidden]` to `[rows, hidden]`.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        if on_slices(x) {
            map_rows(x, |x| self.rows(x))
        } else {
            self.tensor(x)
        }
    }

    fn rows(&self, x: &[f32]) -> Vec<f32> {
        let mut inner = self.up.rows(x);
        match &self.gate {
            None => self.activation.in_place(&mut inner),
            Some(gate) => {
                let mut open = gate.rows(x);
                self.activation.in_place(&mut open);
                math::zip_in_place(&mut inner, &open, |up, gate| up * gate);
            }
        }
        self.down.rows(&inner)
    }

    fn tensor(&self, x: &Tensor) -> Result<Tensor> {
        let up = self.up.tensor(x)?;
        let inner = match &self.gate {
            Some(gate) => (self.activation.tensor(&gate.tensor(x)?)? * up)?,
            None => self.activation.tensor(&up)?,
        };
        self.down.tensor(&inner)
    }
}

/// An elementwise non-linearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x Φ(x)` with the exact normal distribution function (Hendrycks and Gimpel 2016).
    Gelu,
    /// `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`, the same paper's approximation.
    GeluTanh,
    Relu,
    /// `x / (1 + e⁻ˣ)` (Elfwing et al. 2017), also called swish.
    Silu,
}

impl Activation {
    /// The activation that the config's `key` names, in `transformers`' spelling.
    ///
    /// # Errors
    /// One that lens does not compute.
    pub fn from_config(config: &Config, key: &str, default: &str) -> Result<Self> {
        let name = config.text(key)?.unwrap_or(default.to_string());
        match name.as_str() {
            "gelu" => Ok(Self::Gelu),
            "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" => Ok(Self::GeluTanh),
            "relu" => Ok(Self::Relu),
            "silu" | "swish" => Ok(Self::Silu),
            _ => Err(config.unsupported(key, &name, "gelu, gelu_new, gelu_pytorch_tanh, relu and silu")),
        }
    }

    fn in_place(self, xs: &mut [f32]) {
        match self {
            Self::Gelu => math::map_in_place(xs, math::gelu),
            Self::GeluTanh => math::map_in_place(xs, math::gelu_tanh),
            Self::Relu => math::map_in_place(xs, relu),
            Self::Silu => math::map_in_place(xs, math::silu),
        }
    }

    fn tensor(self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Gelu => x.gelu_erf()?,
            Self::GeluTanh => x.gelu()?,
            Self::Relu => x.relu()?,
            Self::Silu => x.silu()?,
        })
    }
}

/// max(x, 0), and NaN of NaN, which `f32::max` would drop.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0. { 0. } else { x }
}
