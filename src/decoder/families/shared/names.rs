//! Tensors by their names, and the parts that are made of them.

use std::ops::Range;

use crate::decoder::{HeadNorm, Linear, Norm, NormKind, Over};
use crate::error::Result;
use crate::weights::{Layout, Matrix, Vector, Weights};

/// The tensors of a checkpoint below a certain name.
#[derive(Clone)]
pub struct Names<'a> {
    pub weights: &'a Weights,
    prefix: String,
}

impl<'a> Names<'a> {
    /// All tensors below the first of `prefixes` that has any of a block 0, named as `blocks` says.
    /// A model is saved with its head, without it, or as part of a larger one. The last of `prefixes` is
    /// taken when there is none.
    pub fn below(weights: &'a Weights, prefixes: &[&str], blocks: &str) -> Self {
        let has_block = |prefix: &&&str| weights.contains_any(&format!("{prefix}{blocks}.0."));
        let found = prefixes.iter().find(has_block).or(prefixes.last());
        Self {
            weights,
            prefix: found.unwrap_or(&"").to_string(),
        }
    }

    /// Those below a part of this one: `self_attn`, `layers.3`.
    pub fn at(&self, part: impl std::fmt::Display) -> Self {
        Self {
            weights: self.weights,
            prefix: format!("{}{part}.", self.prefix),
        }
    }

    /// The whole name of a tensor.
    pub fn of(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A matrix `[out, in]` by its name, without a bias.
    pub fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Matrix> {
        self.weights.matrix(&self.of(name), shape, Layout::OutIn)
    }

    /// `name.weight` `[outputs, inputs]` and, if `biased`, `name.bias`.
    pub fn linear(&self, name: &str, [inputs, outputs]: [usize; 2], biased: bool) -> Result<Linear> {
        self.stored(name, [outputs, inputs], Layout::OutIn, outputs, biased)
    }

    /// The same, its weight stored `[inputs, outputs]`: GPT-2's `Conv1D`, always biased.
    pub fn conv1d(&self, name: &str, [inputs, outputs]: [usize; 2]) -> Result<Linear> {
        if self.weights.layout().out_in {
            return self.linear(name, [inputs, outputs], true);
        }
        self.stored(name, [inputs, outputs], Layout::InOut, outputs, true)
    }

    fn stored(
        &self,
        name: &str,
        shape: [usize; 2],
        layout: Layout,
        outputs: usize,
        biased: bool,
    ) -> Result<Linear> {
        let weight = self
            .weights
            .matrix(&self.of(&format!("{name}.weight")), shape, layout)?;
        let bias = biased.then(|| self.vector(&format!("{name}.bias"), outputs));
        Ok(Linear {
            weight,
            bias: bias.transpose()?,
        })
    }

    /// The outputs `range` of `name.weight` `[outputs, inputs]`, which holds several matrices.
    pub fn part(&self, name: &str, [inputs, outputs]: [usize; 2], range: Range<usize>) -> Result<Linear> {
        let name = self.of(&format!("{name}.weight"));
        Ok(Linear {
            weight: self.weights.outputs(&name, [outputs, inputs], range)?,
            bias: None,
        })
    }

    /// A vector by its name.
    pub fn vector(&self, name: &str, len: usize) -> Result<Vector> {
        self.weights.vector(&self.of(name), len)
    }

    /// A single number by its name; `shape` is `[]` or `[1]`.
    pub fn number(&self, name: &str, shape: &[usize]) -> Result<f64> {
        let values = self.weights.flat(&self.of(name), shape)?;
        Ok(values.values()[0] as f64)
    }
}

/// How a family's norms are made and stored.
#[derive(Debug, Clone, Copy)]
pub struct NormStyle {
    kind: NormKind,
    eps: f64,
    weight: Weight,
    biased: bool,
}

#[derive(Debug, Clone, Copy)]
enum Weight {
    Stored,
    /// The file has its distance from one.
    OnePlus,
    Absent,
}

impl NormStyle {
    /// RMSNorm with a weight.
    pub fn rms(eps: f64) -> Self {
        Self {
            kind: NormKind::Rms,
            eps,
            weight: Weight::Stored,
            biased: false,
        }
    }

    /// LayerNorm with a weight and a bias.
    pub fn layer(eps: f64) -> Self {
        Self {
            kind: NormKind::Layer,
            biased: true,
            ..Self::rms(eps)
        }
    }

    /// The same with weights that are stored less one.
    pub fn one_plus(self) -> Self {
        Self {
            weight: Weight::OnePlus,
            ..self
        }
    }

    /// The same without a bias.
    pub fn unbiased(self) -> Self {
        Self {
            biased: false,
            ..self
        }
    }

    /// The same without any parameters.
    pub fn bare(self) -> Self {
        Self {
            weight: Weight::Absent,
            biased: false,
            ..self
        }
    }

    /// The norm `name` over rows of `width` numbers.
    pub fn read(self, names: &Names, name: &str, width: usize) -> Result<Norm> {
        self.shaped(names, name, &[width])
    }

    /// A norm of heads; `shape` is that of its weight in the file.
    pub fn heads(self, names: &Names, name: &str, shape: &[usize], over: Over) -> Result<HeadNorm> {
        let norm = self.shaped(names, name, shape)?;
        Ok(HeadNorm { norm, over })
    }

    /// A norm with these parameters.
    pub fn of(self, weight: Option<Vector>, bias: Option<Vector>) -> Norm {
        Norm {
            kind: self.kind,
            weight,
            bias,
            eps: self.eps,
        }
    }

    fn shaped(self, names: &Names, name: &str, shape: &[usize]) -> Result<Norm> {
        let parameter = |part: &str| names.weights.flat(&names.of(&format!("{name}.{part}")), shape);
        let weight = match self.weight {
            Weight::Stored => Some(parameter("weight")?),
            Weight::OnePlus if names.weights.layout().whole_norms => Some(parameter("weight")?),
            Weight::OnePlus => Some(parameter("weight")?.plus_one()),
            Weight::Absent => None,
        };
        let bias = self.biased.then(|| parameter("bias")).transpose()?;
        Ok(self.of(weight, bias))
    }
}
