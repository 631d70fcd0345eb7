//! Causal attention over queries, keys and values as they lie after their projections.

#![expect(
    unsafe_code,
    reason = "a product is written by its parts, each of its own place in one buffer"
)]

use std::ops::Range;

use gemm::Parallelism;
use rayon::prelude::*;

use super::product::ranges;
use super::{Target, math};
use crate::machine::simd::vectorised;

/// Queries whose scores a thread holds at a time: private memory is linear in the prompt.
const QUERIES: usize = 64;

/// Rows of one kind for all heads: head h of token t begins at `t * stride + starts[h]`.
#[derive(Clone, Copy)]
pub struct Heads<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub starts: &'a [usize],
}

/// One prompt's attention: between a query and a key, in this order, the product, the scale, the
/// cap, the bias, the mask, the softmax.
#[derive(Clone, Copy)]
pub struct Shape<'a> {
    /// How many keys there are.
    pub tokens: usize,
    /// How many of them come before the first query's own: 0 for a whole prompt.
    pub before: usize,
    pub head_dim: usize,
    pub scale: f32,
    /// Scores are bent to stay within this.
    pub cap: Option<f32>,
    /// `[heads, tokens]`: a score gains the key's bias less the query's.
    pub biases: Option<&'a [f64]>,
    /// The keys that a query sees, the last its own.
    pub window: Option<usize>,
}

impl Shape<'_> {
    /// The first key that the query at `position` sees.
    fn first_key(&self, position: usize) -> usize {
        self.window
            .map_or(0, |window| (position + 1).saturating_sub(window))
    }
}

/// Writes the attended values of one prompt's queries to `out` `[tokens - before, heads * head_dim]`.
pub fn attend(shape: Shape, q: Heads, k: Heads, v: Heads, out: &mut [f32]) {
    let (heads, dim) = (q.starts.len(), shape.head_dim);
    let width = heads * dim;
    let queries = shape.tokens - shape.before;
    assert_eq!(out.len(), queries * width);
    let reaches = |h: Heads, tokens: usize| {
        let last = h.starts.iter().max();
        last.map(|last| (tokens - 1) * h.stride + last + dim) <= Some(h.values.len())
    };
    assert!(reaches(q, queries) && reaches(k, shape.tokens) && reaches(v, shape.tokens));
    assert!(k.starts.len() == v.starts.len() && shape.biases.is_none_or(|b| b.len() == heads * shape.tokens));
    let target = Target::new(out);
    // The last queries see the most keys: they begin, so that no thread ends with the longest task.
    let chunks: Vec<_> = ranges(queries, QUERIES).collect();
    let tasks: Vec<_> = chunks
        .into_iter()
        .rev()
        .flat_map(|c| (0..heads).map(move |h| (h, c.clone())))
        .collect();
    tasks
        .into_par_iter()
        .for_each_init(Vec::new, |scores, (head, queries)| {
            let kv_head = head / (heads / k.starts.len());
            let first = shape.before + queries.start;
            // Keys before the first query's window are hidden from all of these queries.
            let keys = shape.first_key(first)..shape.before + queries.end;
            scores.resize(queries.len() * keys.len(), 0.);
            let at = |h: Heads, head: usize, token: usize| token * h.stride + h.starts[head];
            // SAFETY: strides and extents were checked above; no two tasks write one element of out.
            unsafe {
                product(
                    [queries.len(), keys.len(), dim],
                    (scores.as_mut_ptr(), keys.len()),
                    shape.scale,
                    (q.values.as_ptr().add(at(q, head, queries.start)), q.stride),
                    (k.values.as_ptr().add(at(k, kv_head, keys.start)), 1, k.stride),
                );
                let biases = shape
                    .biases
                    .map(|all| &all[head * shape.tokens..][..shape.tokens]);
                shares(scores, shape, biases, first, keys.clone());
                product(
                    [queries.len(), dim, keys.len()],
                    (target.at(queries.start * width + head * dim), width),
                    1.,
                    (scores.as_ptr(), keys.len()),
                    (v.values.as_ptr().add(at(v, kv_head, keys.start)), v.stride, 1),
                );
            }
        });
}

/// Makes each row of `scores` `[queries, keys]` the softmax over the keys that its query may see, 0
/// for the others.
fn shares(scores: &mut [f32], shape: Shape, biases: Option<&[f64]>, start: usize, keys: Range<usize>) {
    vectorised(
        #[inline(always)]
        || {
            for (i, row) in scores.chunks_exact_mut(keys.len()).enumerate() {
                let query = start + i;
                let first = shape.first_key(query) - keys.start;
                let (seen, later) = row.split_at_mut(query + 1 - keys.start);
                let (earlier, seen) = seen.split_at_mut(first);
                if let Some(cap) = shape.cap {
                    seen.iter_mut().for_each(|x| *x = math::soft_cap(*x, cap));
                }
                if let Some(biases) = biases {
                    let of_keys = &biases[keys.start + first..];
                    let both = seen.iter_mut().zip(of_keys);
                    both.for_each(|(x, bias)| *x += (bias - biases[query]) as f32);
                }
                math::softmax(seen);
                earlier.fill(0.);
                later.fill(0.);
            }
        },
    );
}

/// `y` `[m, n]` = `scale` · `a` `[m, k]` · `b` `[k, n]`; `a` and `y` with the stride of their rows,
/// `b` with those of both axes.
///
/// # Safety
/// The pointers must be valid over those extents, and `y` not referred to elsewhere.
unsafe fn product(
    [m, n, k]: [usize; 3],
    (y, y_row): (*mut f32, usize),
    scale: f32,
    (a, a_row): (*const f32, usize),
    (b, b_row, b_col): (*const f32, usize, usize),
) {
    // SAFETY: passed on.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            y,
            1,
            y_row as isize,
            false,
            a,
            1,
            a_row as isize,
            b,
            b_col as isize,
            b_row as isize,
            0.,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
