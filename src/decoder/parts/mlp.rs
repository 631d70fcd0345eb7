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
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// `x Φ(x)` with the exact normal distribution function (Hendrycks and Gimpel 2016).
    Gelu,
    /// `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`, the same paper's approximation.
    GeluTanh,
    /// `x σ(1.702 x)`, the same paper's other approximation.
    QuickGelu,
    Relu,
    /// `max(x, 0)²` (So et al. 2021).
    Relu2,
    /// `x / (1 + e⁻ˣ)` (Elfwing et al. 2017), also called swish.
    Silu,
    Xielu(Xielu),
}

/// xIELU (Huang and Schlag 2024), with the numbers that a block learned: `a x² + b x` above 0, and
/// `c (e^min(x, ε) − 1 − x) + b x` up to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Xielu {
    pub a: f64,
    pub b: f64,
    pub c: f64,
    pub eps: f64,
}

impl Xielu {
    fn of(self, x: f64) -> f64 {
        let bent = if x > 0. {
            self.a * x * x
        } else {
            self.c * (x.min(self.eps).exp_m1() - x)
        };
        bent + self.b * x
    }

    /// By tensors, as a sum of its two halves.
    fn tensor(self, x: &Tensor) -> Result<Tensor> {
        let above = (x.relu()?.sqr()? * self.a)?;
        let below = x.minimum(0.)?;
        let below = ((((below.minimum(self.eps)?.exp()? - 1.)? - &below)?) * self.c)?;
        let below = x.le(0.)?.to_dtype(x.dtype())?.mul(&below)?;
        Ok(((above + below)? + (x * self.b)?)?)
    }
}

impl Activation {
    /// The activation that the config's `key` names, in `transformers`' spelling.
    ///
    /// # Errors
    /// One that lens does not compute.
    pub fn from_config(config: &Config, key: &str, default: &str) -> Result<Self> {
        let name = config.text(key)?.unwrap_or(default.to_string());
        match name.as_str() {
            "gelu" | "gelu_python" => Ok(Self::Gelu),
            "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" | "gelu_python_tanh" => Ok(Self::GeluTanh),
            "quick_gelu" => Ok(Self::QuickGelu),
            "relu" => Ok(Self::Relu),
            "relu2" => Ok(Self::Relu2),
            "silu" | "swish" => Ok(Self::Silu),
            _ => {
                let supported = "gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu, relu2 and silu";
                Err(config.unsupported(key, &name, supported))
            }
        }
    }

    fn in_place(self, xs: &mut [f32]) {
        match self {
            Self::Gelu => math::map_in_place(xs, math::gelu),
            Self::GeluTanh => math::map_in_place(xs, math::gelu_tanh),
            Self::QuickGelu => math::map_in_place(xs, math::quick_gelu),
            Self::Relu => math::map_in_place(xs, relu),
            Self::Relu2 => math::map_in_place(xs, |x| relu(x) * relu(x)),
            Self::Xielu(xielu) => math::map_in_place(xs, |x| xielu.of(x as f64) as f32),
            Self::Silu => math::map_in_place(xs, math::silu),
        }
    }

    fn tensor(self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Gelu => x.gelu_erf()?,
            Self::GeluTanh => x.gelu()?,
            Self::QuickGelu => (x * candle_nn::ops::sigmoid(&(x * 1.702)?)?)?,
            Self::Relu => x.relu()?,
            Self::Relu2 => x.relu()?.sqr()?,
            Self::Xielu(xielu) => xielu.tensor(x)?,
            Self::Silu => x.silu()?,
        })
    }
}

/// max(x, 0), and NaN of NaN, which `f32::max` would drop.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0. { 0. } else { x }
}
