//! Causal self-attention with grouped heads.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{D, Tensor};

use super::linear::{map_rows, on_slices};
use super::projections::{Columns, Order, Projections};
use super::rotary::Tables;
use super::{Alibi, HeadNorm, Linear, Rotary, Tokens};
use crate::error::Result;
use crate::kernels::attention::{self, Heads, Shape};
use crate::kernels::math;

/// Scores that the form by tensors holds at once, so that a long prompt's do not fill a GPU.
const MAX_SCORES: usize = 16 << 20;

/// Causal self-attention. Each of `kv_heads` key-value heads serves `heads / kv_heads` queries.
///
/// What is optional takes place in the order of the fields, for every family that has it.
#[derive(Debug)]
pub struct Attention {
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub projections: Projections,
    /// Queries, keys and values are kept within ± this.
    pub clip: Option<f64>,
    pub q_norm: Option<HeadNorm>,
    pub k_norm: Option<HeadNorm>,
    pub rotary: Option<Rotary>,
    /// What a query-key product is multiplied by.
    pub scale: f64,
    /// Scores s become `cap tanh(s / cap)`.
    pub cap: Option<f64>,
    pub alibi: Option<Alibi>,
    /// How many keys a query sees, the last of them its own token's; all when `None`.
    pub window: Option<usize>,
    pub output: Linear,
}

/// Queries, keys and values by tensors.
type Qkv = [Tensor; 3];

impl Attention {
    /// Attention with none of the options, its scale `head_dim^(-1/2)`.
    pub fn new(heads: [usize; 2], head_dim: usize, projections: Projections, output: Linear) -> Self {
        Self {
            heads: heads[0],
            kv_heads: heads[1],
            head_dim,
            projections,
            clip: None,
            q_norm: None,
            k_norm: None,
            rotary: None,
            scale: 1. / (head_dim as f64).sqrt(),
            cap: None,
            alibi: None,
            window: None,
            output,
        }
    }

    /// `x` `[tokens, hidden]` to `[tokens, hidden]`.
    ///
    /// # Errors
    /// A device's. By tensors there are whole prompts only.
    pub fn apply(&self, x: &Tensor, tokens: Tokens) -> Result<Tensor> {
        match tokens {
            Tokens::Prompts(prompts) if !on_slices(x) => self.tensor(x, prompts),
            tokens => map_rows(x, |x| self.rows(x, tokens)),
        }
    }

    fn rows(&self, x: &[f32], tokens: Tokens) -> Vec<f32> {
        let stretches: Vec<Range<usize>> = match &tokens {
            Tokens::Prompts(prompts) => prompts.iter().map(|&n| 0..n).collect(),
            Tokens::After(past) => {
                let end = past.tokens + x.len() / self.inputs();
                std::iter::once(past.tokens..end).collect()
            }
        };
        let tables: Vec<Arc<Tables>> = (self.rotary.iter())
            .flat_map(|rotary| stretches.iter().map(|positions| rotary.tables(positions.end)))
            .collect();
        match &self.projections {
            Projections::Separate { q, k, v } => {
                let (mut q, mut k, mut v) = (q.rows(x), k.rows(x), v.rows(x));
                let queries = Columns::plain(self.heads, self.head_dim);
                let keys = Columns::plain(self.kv_heads, self.head_dim);
                [&mut q, &mut k, &mut v]
                    .into_iter()
                    .for_each(|x| self.clip_rows(x));
                prepare(&mut q, &queries, &self.q_norm, &stretches, &tables);
                prepare(&mut k, &keys, &self.k_norm, &stretches, &tables);
                self.attend_rows(tokens, (&q, &queries), (&k, &keys), (&v, &keys))
            }
            Projections::Fused { qkv, order } => {
                let mut all = qkv.rows(x);
                self.clip_rows(&mut all);
                let columns = |heads: &[usize]| Columns::at(heads, qkv.weight.outputs(), self.head_dim);
                let (q, k, v) = (columns(&order.q), columns(&order.k), columns(&order.v));
                prepare(&mut all, &q, &self.q_norm, &stretches, &tables);
                prepare(&mut all, &k, &self.k_norm, &stretches, &tables);
                self.attend_rows(tokens, (&all, &q), (&all, &k), (&all, &v))
            }
        }
    }

    /// The width of what it reads.
    fn inputs(&self) -> usize {
        match &self.projections {
            Projections::Separate { q, .. } => q.weight.inputs(),
            Projections::Fused { qkv, .. } => qkv.weight.inputs(),
        }
    }

    fn clip_rows(&self, x: &mut [f32]) {
        if let Some(clip) = self.clip.map(|clip| clip as f32) {
            math::map_in_place(x, |x| x.clamp(-clip, clip));
        }
    }

    /// Attention within each prompt, then the output projection.
    fn attend_rows(
        &self,
        tokens: Tokens,
        q: (&[f32], &Columns),
        k: (&[f32], &Columns),
        v: (&[f32], &Columns),
    ) -> Vec<f32> {
        let width = self.heads * self.head_dim;
        let mut out = vec![0.; q.0.len() / q.1.width * width];
        match tokens {
            Tokens::Prompts(prompts) => {
                let mut rest = out.as_mut_slice();
                let mut start = 0;
                for &tokens in prompts {
                    let (rows, later) = rest.split_at_mut(tokens * width);
                    self.attend_prompt(tokens, 0, heads(q, start), heads(k, start), heads(v, start), rows);
                    rest = later;
                    start += tokens;
                }
            }
            Tokens::After(past) => {
                let before = past.tokens;
                past.add(out.len() / width, k, v, self.head_dim);
                let kept = Columns::plain(self.kv_heads, self.head_dim);
                let (keys, values) = (heads((&past.keys, &kept), 0), heads((&past.values, &kept), 0));
                self.attend_prompt(past.tokens, before, heads(q, 0), keys, values, &mut out);
            }
        }
        self.output.rows(&out)
    }

    /// One prompt of `tokens` tokens, of which the queries are those after the first `before`.
    fn attend_prompt(&self, tokens: usize, before: usize, q: Heads, k: Heads, v: Heads, out: &mut [f32]) {
        let biases = self.alibi.as_ref().map(|alibi| alibi.biases(tokens, self.scale));
        let shape = Shape {
            tokens,
            before,
            head_dim: self.head_dim,
            scale: self.scale as f32,
            cap: self.cap.map(|cap| cap as f32),
            biases: biases.as_deref(),
            window: self.window,
        };
        attention::attend(shape, q, k, v, out);
    }

    fn tensor(&self, x: &Tensor, prompts: &[usize]) -> Result<Tensor> {
        let qkv = self.project(x)?;
        let mut parts = Vec::with_capacity(prompts.len());
        let mut start = 0;
        for &tokens in prompts {
            let of = |t: &Tensor| t.narrow(0, start, tokens);
            parts.push(self.attend([of(&qkv[0])?, of(&qkv[1])?, of(&qkv[2])?])?);
            start += tokens;
        }
        self.output.tensor(&Tensor::cat(&parts, 0)?)
    }

    /// Queries, keys and values, each `[tokens, heads, head_dim]`, clipped and normed.
    fn project(&self, x: &Tensor) -> Result<Qkv> {
        let tokens = x.dim(0)?;
        let split = |t: Tensor| -> Result<Tensor> {
            let t = t.reshape((tokens, t.elem_count() / tokens / self.head_dim, self.head_dim))?;
            match self.clip {
                Some(clip) => Ok(t.clamp(-clip, clip)?),
                None => Ok(t),
            }
        };
        let [q, k, v] = match &self.projections {
            Projections::Separate { q, k, v } => {
                [split(q.tensor(x)?)?, split(k.tensor(x)?)?, split(v.tensor(x)?)?]
            }
            Projections::Fused { qkv, order } => {
                let all = split(qkv.tensor(x)?)?;
                let Order { q, k, v } = order;
                let heads = |stretches: &[usize]| -> Result<Tensor> {
                    let stretches = Tensor::from_iter(stretches.iter().map(|&i| i as u32), x.device())?;
                    Ok(all.index_select(&stretches, 1)?)
                };
                [heads(q)?, heads(k)?, heads(v)?]
            }
        };
        let norm = |norm: &Option<HeadNorm>, t: Tensor| match norm {
            Some(norm) => norm.tensor(&t),
            None => Ok(t),
        };
        Ok([norm(&self.q_norm, q)?, norm(&self.k_norm, k)?, v])
    }

    /// One prompt: `[tokens, heads * head_dim]` of attended values.
    fn attend(&self, qkv: Qkv) -> Result<Tensor> {
        let tokens = qkv[0].dim(0)?;
        let [mut q, mut k, v] = qkv;
        for t in [&mut q, &mut k] {
            *t = t.transpose(0, 1)?.contiguous()?;
            if let Some(rotary) = &self.rotary {
                *t = rotary.tables(tokens).turn_tensor(t)?;
            }
        }
        let v = v.transpose(0, 1)?.contiguous()?;
        let q = (q * self.scale)?;
        let chunk = (MAX_SCORES / (self.heads * tokens)).clamp(1, tokens);
        let mut parts = Vec::new();
        for start in (0..tokens).step_by(chunk) {
            let q = q.narrow(1, start, chunk.min(tokens - start))?;
            parts.push(self.attend_chunk(&q, &k, &v, start)?);
        }
        Ok(Tensor::cat(&parts, 0)?)
    }

    /// Queries from position `start` on, `[heads, queries, head_dim]`, over the keys they may see.
    fn attend_chunk(&self, q: &Tensor, k: &Tensor, v: &Tensor, start: usize) -> Result<Tensor> {
        let (heads, queries, head_dim) = q.dims3()?;
        let first = self.window.map_or(0, |window| (start + 1).saturating_sub(window));
        let (groups, keys) = (self.heads / self.kv_heads, start + queries - first);
        let q = q
            .contiguous()?
            .reshape((self.kv_heads, groups * queries, head_dim))?;
        let k = k.narrow(1, first, keys)?.contiguous()?;
        let v = v.narrow(1, first, keys)?.contiguous()?;
        let mut scores = q.matmul(&k.t()?)?.reshape((heads, queries, keys))?;
        if let Some(cap) = self.cap {
            scores = ((scores / cap)?.tanh()? * cap)?;
        }
        if let Some(alibi) = &self.alibi {
            scores = (&scores + alibi.tensor(start, queries, first, self.scale, &scores)?)?;
        }
        let scores = scores.broadcast_add(&mask(start, queries, first, self.window, &scores)?)?;
        let shares = candle_nn::ops::softmax(&scores, D::Minus1)?;
        let shares = shares.reshape((self.kv_heads, groups * queries, keys))?;
        let values = shares.matmul(&v)?.reshape((heads, queries, head_dim))?;
        Ok(values.transpose(0, 1)?.reshape((queries, heads * head_dim))?)
    }
}

/// The heads of the rows from `start` on.
fn heads<'a>((values, columns): (&'a [f32], &'a Columns), start: usize) -> Heads<'a> {
    Heads {
        values: &values[start * columns.width..],
        stride: columns.width,
        starts: &columns.starts,
    }
}

/// Norms the heads at `columns` of every token, then turns them to their positions.
fn prepare(
    x: &mut [f32],
    columns: &Columns,
    norm: &Option<HeadNorm>,
    stretches: &[Range<usize>],
    tables: &[Arc<Tables>],
) {
    if let Some(norm) = norm {
        norm.rows(x, columns);
    }
    let mut rest = x;
    for (positions, tables) in stretches.iter().zip(tables) {
        let (rows, later) = rest.split_at_mut(positions.len() * columns.width);
        tables.turn_rows(rows, columns, positions.start);
        rest = later;
    }
}

/// `[queries, keys]` for queries from `start` on and keys from `first` up to the last query's: 0
/// where the query sees the key, -∞ where it does not. It is made where `like` is.
fn mask(start: usize, queries: usize, first: usize, window: Option<usize>, like: &Tensor) -> Result<Tensor> {
    let (end, device) = (start + queries, like.device());
    let shape = (queries, end - first);
    let from = |first: usize| Tensor::arange(first as u32, (first + shape.1) as u32, device);
    let own = Tensor::arange(start as u32, end as u32, device)?.reshape((queries, 1))?;
    let own = own.broadcast_as(shape)?;
    let mut hidden = from(first)?.broadcast_as(shape)?.gt(&own)?;
    if let Some(window) = window {
        let past = from(first + window.min(end))?.broadcast_as(shape)?.le(&own)?;
        hidden = (hidden + past)?;
    }
    let of = |value: f32| Tensor::full(value, shape, device)?.to_dtype(like.dtype());
    Ok(hidden.where_cond(&of(f32::NEG_INFINITY)?, &of(0.)?)?)
}
