//! From rows to queries, keys and values, and where each head of them lies.

use super::Linear;

/// How queries, keys and values are computed.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a block")]
pub enum Projections {
    Separate {
        q: Linear,
        k: Linear,
        v: Linear,
    },
    /// One product, whose outputs are the heads in some order.
    Fused {
        qkv: Linear,
        order: Order,
    },
}

/// Which stretch of `head_dim` outputs of a fused projection is which head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub q: Vec<usize>,
    pub k: Vec<usize>,
    pub v: Vec<usize>,
}

impl Order {
    /// All queries, then all keys, then all values.
    pub fn stacked(heads: usize, kv_heads: usize) -> Self {
        Self {
            q: (0..heads).collect(),
            k: (heads..heads + kv_heads).collect(),
            v: (heads + kv_heads..heads + 2 * kv_heads).collect(),
        }
    }

    /// For each key-value head its queries, then its key, then its value.
    pub fn grouped(heads: usize, kv_heads: usize) -> Self {
        let queries = heads / kv_heads;
        let group = queries + 2;
        Self {
            q: (0..heads).map(|i| i / queries * group + i % queries).collect(),
            k: (0..kv_heads).map(|i| i * group + queries).collect(),
            v: (0..kv_heads).map(|i| i * group + queries + 1).collect(),
        }
    }
}

/// Where the heads of one kind lie in each row of a buffer.
#[derive(Debug, Clone)]
pub struct Columns {
    /// The length of a row.
    pub width: usize,
    /// The column at which each head begins.
    pub starts: Vec<usize>,
    pub head_dim: usize,
}

impl Columns {
    /// Heads one after another, nothing else.
    pub fn plain(heads: usize, head_dim: usize) -> Self {
        Self {
            width: heads * head_dim,
            starts: (0..heads).map(|head| head * head_dim).collect(),
            head_dim,
        }
    }

    /// The heads at these stretches of rows of `width` numbers.
    pub fn at(stretches: &[usize], width: usize, head_dim: usize) -> Self {
        Self {
            width,
            starts: stretches.iter().map(|at| at * head_dim).collect(),
            head_dim,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stretch_is_one_head() {
        for order in [
            Order::stacked(6, 2),
            Order::grouped(6, 2),
            Order::grouped(4, 4),
            Order::grouped(5, 1),
        ] {
            let mut all = [&order.q[..], &order.k, &order.v].concat();
            all.sort_unstable();
            assert!(all.iter().copied().eq(0..all.len()), "{order:?}");
        }
        // Two groups of three queries, a key and a value.
        let order = Order::grouped(6, 2);
        assert_eq!(order.q, [0, 1, 2, 5, 6, 7]);
        assert_eq!((order.k, order.v), (vec![3, 8], vec![4, 9]));
    }
}
