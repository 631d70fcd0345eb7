//! The sizes of a decoder.

use crate::decoder::Config;
use crate::error::Result;

/// The sizes that nearly every config has, by the same names.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub hidden: usize,
    /// The width inside an MLP.
    pub inner: usize,
    pub layers: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub vocabulary: usize,
}

impl Shape {
    /// As the config has them: `num_key_value_heads` null is as many as there are heads,
    /// `head_dim` null what they divide the stream into, `intermediate_size` null four times the stream.
    ///
    /// # Errors
    /// A size that is needed and absent, or no positive integer; heads that do not divide what they
    /// should.
    pub fn read(config: &Config) -> Result<Self> {
        let hidden = config.required_count("hidden_size")?;
        let heads = config.required_count("num_attention_heads")?;
        let kv_heads = config.count("num_key_value_heads")?.unwrap_or(heads);
        config.divide(("num_attention_heads", heads), ("num_key_value_heads", kv_heads))?;
        let head_dim = match config.count("head_dim")? {
            Some(given) => given,
            None => config.divide(("hidden_size", hidden), ("num_attention_heads", heads))?,
        };
        Ok(Self {
            hidden,
            inner: config.count("intermediate_size")?.unwrap_or(4 * hidden),
            layers: config.required_count("num_hidden_layers")?,
            heads,
            kv_heads,
            head_dim,
            vocabulary: config.required_count("vocab_size")?,
        })
    }

    /// The numbers of a token's queries.
    pub fn queries(&self) -> usize {
        self.heads * self.head_dim
    }

    /// The numbers of a token's keys, and of its values.
    pub fn keys(&self) -> usize {
        self.kv_heads * self.head_dim
    }
}
