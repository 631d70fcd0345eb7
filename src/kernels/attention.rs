//! Causal attention over queries, keys and values as they lie after their projections.

#![expect(
    unsafe_code,
    reason = "a product is written by its parts, each of its own place in one buffer"
)]

use gemm::Parallelism;
use rayon::prelude::*;

use super::product::ranges;
use super::{Target, math};
use crate::machine::simd::vectorised;

/// Queries whose scores a thread holds at a time: private memory is linear in the prompt.
const QUERIES: usize = 64;

/// Rows of one kind for all heads: head h of token t begins at `t * stride + h * head_dim`.
#[derive(Clone, Copy)]
pub struct Heads<'a> {
    pub values: &'a [f32],
    pub stride: usize,
}

/// What attention needs to know of its heads.
#[derive(Clone, Copy)]
pub struct Shape {
    pub tokens: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub scale: f32,
}

/// Writes the attended values of one prompt to `out` `[tokens, heads * head_dim]`.
pub fn attend(shape: Shape, q: Heads, k: Heads, v: Heads, out: &mut [f32]) {
    let width = shape.heads * shape.head_dim;
    assert_eq!(out.len(), shape.tokens * width);
    let reach = |h: Heads, heads: usize| (shape.tokens - 1) * h.stride + heads * shape.head_dim;
    assert!(reach(q, shape.heads) <= q.values.len());
    assert!(reach(k, shape.kv_heads) <= k.values.len() && reach(v, shape.kv_heads) <= v.values.len());
    let target = Target::new(out);
    // The last queries see the most keys: they begin, so that no thread ends with the longest task.
    let chunks: Vec<_> = ranges(shape.tokens, QUERIES).collect();
    let tasks: Vec<_> = chunks
        .into_iter()
        .rev()
        .flat_map(|c| (0..shape.heads).map(move |h| (h, c.clone())))
        .collect();
    tasks
        .into_par_iter()
        .for_each_init(Vec::new, |scores, (head, queries)| {
            let kv_head = head / (shape.heads / shape.kv_heads);
            let (visible, dim) = (queries.end, shape.head_dim);
            scores.resize(queries.len() * visible, 0.);
            let (q_at, kv_at) = (queries.start * q.stride + head * dim, kv_head * dim);
            // SAFETY: strides and extents were checked above; no two tasks write one element of out.
            unsafe {
                product(
                    [queries.len(), visible, dim],
                    (scores.as_mut_ptr(), visible),
                    shape.scale,
                    (q.values.as_ptr().add(q_at), q.stride),
                    (k.values.as_ptr().add(kv_at), 1, k.stride),
                );
                softmax_causally(scores, queries.start, visible);
                product(
                    [queries.len(), dim, visible],
                    (target.at(queries.start * width + head * dim), width),
                    1.,
                    (scores.as_ptr(), visible),
                    (v.values.as_ptr().add(kv_at), v.stride, 1),
                );
            }
        });
}

/// Each row the softmax over the keys that its query may see, 0 for the others.
fn softmax_causally(scores: &mut [f32], start: usize, visible: usize) {
    vectorised(
        #[inline(always)]
        || {
            for (i, row) in scores.chunks_exact_mut(visible).enumerate() {
                let (seen, unseen) = row.split_at_mut(start + i + 1);
                math::softmax(seen);
                unseen.fill(0.);
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
