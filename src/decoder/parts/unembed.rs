//! From the residual stream to logits.

use std::ops::Range;

use candle_core::Tensor;

use super::Norm;
use super::linear::{Linear, on_slices, product, product_by_tensors};
use crate::error::Result;
use crate::kernels::{math, with_slice};
use crate::weights::{Matrix, Vector};

/// From a row h of the residual stream to logits: the final norm, then the unembedding W.
///
/// The name and the idea are tuned-lens's `Unembed`. With every option that a family may have, the
/// logits are `cap tanh((W P scale norm(h) + b) / cap)`.
#[derive(Debug)]
pub struct Unembed {
    /// `None` where the stream is normed as it leaves the last block (OPT-350m).
    pub norm: Option<Norm>,
    /// P, to the width of an unembedding that is narrower than the stream.
    pub project: Option<Linear>,
    pub scale: f64,
    /// `[vocabulary, width]`; the embedding itself where the two are tied.
    pub head: Matrix,
    pub bias: Option<Vector>,
    pub cap: Option<f64>,
}

impl Unembed {
    /// A final norm and an unembedding, and nothing else.
    pub fn new(norm: Norm, head: Matrix) -> Self {
        Self {
            norm: Some(norm),
            ..Self::bare(head)
        }
    }

    /// An unembedding without a norm.
    pub fn bare(head: Matrix) -> Self {
        Self {
            norm: None,
            project: None,
            scale: 1.,
            head,
            bias: None,
            cap: None,
        }
    }

    /// What is multiplied with the unembedding: `hidden` `[rows, hidden]` to `[rows, width]`.
    pub fn rows(&self, hidden: &Tensor) -> Result<Tensor> {
        let mut rows = match &self.norm {
            Some(norm) => norm.apply(hidden)?,
            None => hidden.clone(),
        };
        if let Some(project) = &self.project {
            rows = project.apply(&rows)?;
        }
        match self.scale {
            1. => Ok(rows),
            scale => Ok((rows * scale)?),
        }
    }

    /// Makes logits of `products`, rows of the products with the outputs `ids` of the head.
    pub fn finish(&self, ids: Range<usize>, products: &mut [f32]) {
        let bias = self.bias.as_ref().map(Vector::values);
        if let Some(bias) = bias.as_ref().map(|bias| &bias[ids.clone()]) {
            for row in products.chunks_exact_mut(ids.len()) {
                row.iter_mut().zip(bias).for_each(|(logit, bias)| *logit += bias);
            }
        }
        if let Some(cap) = self.cap {
            math::map_slice(products, |logit| math::soft_cap(logit, cap as f32));
        }
    }

    /// The same by tensors: `products` `[rows, ids]`.
    pub fn finish_tensor(&self, ids: Range<usize>, products: Tensor) -> Result<Tensor> {
        let mut logits = products;
        if let Some(bias) = &self.bias {
            let bias = bias.like(&logits)?.narrow(0, ids.start, ids.len())?;
            logits = logits.broadcast_add(&bias)?;
        }
        match self.cap {
            Some(cap) => Ok(((logits / cap)?.tanh()? * cap)?),
            None => Ok(logits),
        }
    }

    /// The logits of one token in some `rows`, of those of [`Unembed::rows`]. The sums are in float64.
    pub fn logits_of<'a>(&self, id: u32, rows: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
        let weights = self.head.row(id);
        let mut logits: Vec<f32> = rows.map(|row| math::dot(&weights, row) as f32).collect();
        self.finish(id as usize..id as usize + 1, &mut logits);
        logits
    }

    /// All logits `[rows, vocabulary]` of `rows`, in the form that is at home where they are.
    pub fn logits(&self, rows: &Tensor) -> Result<Tensor> {
        if !on_slices(rows) {
            return self.logits_by_tensors(rows);
        }
        let products = product(&self.head, rows)?;
        let mut logits = with_slice(&products, <[f32]>::to_vec)?;
        self.finish(0..self.head.outputs(), &mut logits);
        Ok(Tensor::from_vec(logits, products.shape(), rows.device())?)
    }

    fn logits_by_tensors(&self, rows: &Tensor) -> Result<Tensor> {
        self.finish_tensor(0..self.head.outputs(), product_by_tensors(&self.head, rows)?)
    }
}
