//! How many operations a work takes, and how many the machine can do in a second.

use std::fs;
use std::path::Path;
use std::time::Instant;

use candle_core::{Device, Tensor};
use serde_json::Value;

use crate::process::Run;

/// The side of the matrices whose product shows the machine's peak.
const SIDE: usize = 1024;

/// Floating-point operations of one such product.
pub const PEAK_OPERATIONS: f64 = 2. * (SIDE * SIDE * SIDE) as f64;

/// The sizes that operations are counted from.
pub struct Sizes {
    layers: f64,
    hidden: f64,
    vocabulary: f64,
    /// Width of the queries of all heads.
    queries: f64,
    /// Parameters in the matrices of one block.
    block: f64,
}

impl Sizes {
    /// Reads them from a model's config.json.
    pub fn read(model: &Path) -> Self {
        let config: Value = serde_json::from_slice(&fs::read(model.join("config.json")).unwrap()).unwrap();
        let number = |key: &str| config.get(key).and_then(Value::as_f64);
        let known = |key: &str| number(key).unwrap_or_else(|| panic!("config.json has no {key}"));
        if config["model_type"] == "gpt2" {
            let hidden = known("n_embd");
            let inner = number("n_inner").unwrap_or(4. * hidden);
            return Self {
                layers: known("n_layer"),
                hidden,
                vocabulary: known("vocab_size"),
                queries: hidden,
                block: 4. * hidden * hidden + 2. * hidden * inner,
            };
        }
        let (hidden, heads) = (known("hidden_size"), known("num_attention_heads"));
        let queries = heads * number("head_dim").unwrap_or(hidden / heads);
        let keys = queries * number("num_key_value_heads").unwrap_or(heads) / heads;
        Self {
            layers: known("num_hidden_layers"),
            hidden,
            vocabulary: known("vocab_size"),
            queries,
            block: hidden * (2. * queries + 2. * keys + 3. * known("intermediate_size")),
        }
    }

    /// The number of layers, and the hidden size.
    pub fn shape(&self) -> (usize, usize) {
        (self.layers as usize, self.hidden as usize)
    }

    /// Operations to read `prompts` prompts of `tokens` tokens at every layer and `read` positions
    /// of each: a multiplication and an addition for each parameter and row in the blocks' products
    /// and the unembedding's, and for each pair of a query and a key that it sees.
    pub fn operations(&self, prompts: usize, tokens: usize, read: usize) -> f64 {
        let (prompts, tokens, read) = (prompts as f64, tokens as f64, read as f64);
        let pairs = tokens * (tokens + 1.) / 2.;
        let blocks = self.layers * (2. * self.block * tokens + 4. * self.queries * pairs);
        let readout = 2. * self.hidden * self.vocabulary * self.layers * read;
        prompts * (blocks + readout)
    }
}

/// The quickest of a few products of square matrices in float32, on all cores.
pub fn peak() -> Run {
    let random = || Tensor::rand(-1f32, 1., (SIDE, SIDE), &Device::Cpu).unwrap();
    let (x, y) = (random(), random());
    let product = |_| {
        let start = Instant::now();
        std::hint::black_box(x.matmul(&y).unwrap());
        start.elapsed()
    };
    Run {
        wall: (0..5).map(product).min().unwrap_or_default(),
        ..Run::default()
    }
}
