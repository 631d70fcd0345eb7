//! Causal self-attention with grouped heads.

use candle_core::{D, Tensor};

use super::linear::{map_rows, on_slices};
use super::{Linear, Rotary};
use crate::error::Result;
use crate::kernels::attention::{self, Heads, Shape};

/// Scores that the form by tensors holds at once, so that a long prompt's do not fill a GPU.
const MAX_SCORES: usize = 16 << 20;

/// Causal self-attention. Each of `kv_heads` key-value heads serves `heads / kv_heads` queries.
#[derive(Debug)]
pub struct Attention {
    pub projections: Projections,
    pub output: Linear,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// What a query-key product is multiplied by before the softmax.
    pub scale: f64,
    pub rotary: Option<Rotary>,
}

/// How queries, keys and values are computed.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a block")]
pub enum Projections {
    Separate {
        q: Linear,
        k: Linear,
        v: Linear,
    },
    /// One product whose outputs are all queries, then all keys, then all values.
    Stacked(Linear),
}

impl Attention {
    /// `x` `[tokens, hidden]` to `[tokens, hidden]`; `prompts` are the lengths of the batch's
    /// prompts in order, and no prompt sees another.
    pub fn apply(&self, x: &Tensor, prompts: &[usize]) -> Result<Tensor> {
        if on_slices(x) {
            map_rows(x, |x| self.rows(x, prompts))
        } else {
            self.tensor(x, prompts)
        }
    }

    /// The numbers of a token's queries and of its keys.
    fn widths(&self) -> (usize, usize) {
        (self.heads * self.head_dim, self.kv_heads * self.head_dim)
    }

    fn rows(&self, x: &[f32], prompts: &[usize]) -> Vec<f32> {
        let (queries, keys) = self.widths();
        match &self.projections {
            Projections::Separate { q, k, v } => {
                let (mut q, mut k, v) = (q.rows(x), k.rows(x), v.rows(x));
                self.turn(&mut q, queries, prompts, &[(0, self.heads)]);
                self.turn(&mut k, keys, prompts, &[(0, self.kv_heads)]);
                self.attend_rows(prompts, (&q, queries), (&k, keys), (&v, keys))
            }
            Projections::Stacked(qkv) => {
                let width = queries + 2 * keys;
                let mut all = qkv.rows(x);
                self.turn(
                    &mut all,
                    width,
                    prompts,
                    &[(0, self.heads), (queries, self.kv_heads)],
                );
                let from = |first: usize| (&all[first..], width);
                self.attend_rows(prompts, from(0), from(queries), from(queries + keys))
            }
        }
    }

    /// Turns the heads in the rows of `x` `[tokens, width]` to their positions: those of `groups`,
    /// each the column where its first head begins and their number.
    fn turn(&self, x: &mut [f32], width: usize, prompts: &[usize], groups: &[(usize, usize)]) {
        let Some(rotary) = &self.rotary else { return };
        let mut rest = x;
        for &tokens in prompts {
            let (rows, later) = rest.split_at_mut(tokens * width);
            let tables = rotary.tables(tokens);
            for &(first, heads) in groups {
                tables.turn_rows(rows, width, first, heads, self.head_dim);
            }
            rest = later;
        }
    }

    /// Attention within each prompt, then the output projection. Each of q, k and v comes with
    /// the stride of its tokens.
    fn attend_rows<'a>(
        &self,
        prompts: &[usize],
        q: (&'a [f32], usize),
        k: (&'a [f32], usize),
        v: (&'a [f32], usize),
    ) -> Vec<f32> {
        let (width, _) = self.widths();
        let mut out = vec![0.; prompts.iter().sum::<usize>() * width];
        let mut rest = out.as_mut_slice();
        let mut start = 0;
        for &tokens in prompts {
            let (rows, later) = rest.split_at_mut(tokens * width);
            let shape = Shape {
                tokens,
                heads: self.heads,
                kv_heads: self.kv_heads,
                head_dim: self.head_dim,
                scale: self.scale as f32,
            };
            let of = |(values, stride): (&'a [f32], usize)| Heads {
                values: &values[start * stride..],
                stride,
            };
            attention::attend(shape, of(q), of(k), of(v), rows);
            rest = later;
            start += tokens;
        }
        self.output.rows(&out)
    }

    fn tensor(&self, x: &Tensor, prompts: &[usize]) -> Result<Tensor> {
        let (q, k, v) = self.project(x)?;
        let mut parts = Vec::with_capacity(prompts.len());
        let mut start = 0;
        for &tokens in prompts {
            let of = |t: &Tensor| t.narrow(0, start, tokens);
            parts.push(self.attend(&of(&q)?, &of(&k)?, &of(&v)?)?);
            start += tokens;
        }
        self.output.tensor(&Tensor::cat(&parts, 0)?)
    }

    /// Queries `[tokens, heads * head_dim]`, keys and values `[tokens, kv_heads * head_dim]`.
    fn project(&self, x: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        match &self.projections {
            Projections::Separate { q, k, v } => Ok((q.tensor(x)?, k.tensor(x)?, v.tensor(x)?)),
            Projections::Stacked(qkv) => {
                let all = qkv.tensor(x)?;
                let (queries, keys) = self.widths();
                let part = |first, len| all.narrow(1, first, len);
                Ok((
                    part(0, queries)?,
                    part(queries, keys)?,
                    part(queries + keys, keys)?,
                ))
            }
        }
    }

    /// One prompt: `[tokens, heads * head_dim]` of attended values.
    fn attend(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
        let tokens = q.dim(0)?;
        let split = |t: &Tensor, heads: usize| -> Result<Tensor> {
            Ok(t.reshape((tokens, heads, self.head_dim))?
                .transpose(0, 1)?
                .contiguous()?)
        };
        let (mut q, mut k) = (split(q, self.heads)?, split(k, self.kv_heads)?);
        let v = split(v, self.kv_heads)?;
        if let Some(rotary) = &self.rotary {
            let tables = rotary.tables(tokens);
            q = tables.turn_tensor(&q)?;
            k = tables.turn_tensor(&k)?;
        }
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
        let (groups, visible) = (self.heads / self.kv_heads, start + queries);
        let q = q
            .contiguous()?
            .reshape((self.kv_heads, groups * queries, head_dim))?;
        let k = k.narrow(1, 0, visible)?.contiguous()?;
        let v = v.narrow(1, 0, visible)?.contiguous()?;
        let scores = q.matmul(&k.t()?)?.reshape((heads, queries, visible))?;
        let scores = scores.broadcast_add(&causal_mask(start, queries, &scores)?)?;
        let shares = candle_nn::ops::softmax(&scores, D::Minus1)?;
        let shares = shares.reshape((self.kv_heads, groups * queries, visible))?;
        let values = shares.matmul(&v)?.reshape((heads, queries, head_dim))?;
        Ok(values.transpose(0, 1)?.reshape((queries, heads * head_dim))?)
    }
}

/// `[queries, start + queries]`: 0 where the key is not after the query, -∞ where it is.
fn causal_mask(start: usize, queries: usize, like: &Tensor) -> Result<Tensor> {
    let visible = start + queries;
    let mask: Vec<f32> = (0..queries)
        .flat_map(|i| (0..visible).map(move |j| if j > start + i { f32::NEG_INFINITY } else { 0. }))
        .collect();
    Ok(Tensor::from_vec(mask, (queries, visible), like.device())?.to_dtype(like.dtype())?)
}
