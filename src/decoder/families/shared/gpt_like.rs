//! GPT-2's names and arrangement, which some of its successors keep.

use super::{Names, NormStyle, Shape};
use crate::decoder::families::tables;
use crate::decoder::{Attention, Block, Config, Decoder, Embedding, Mlp, Positions, Unembed};
use crate::error::Result;
use crate::weights::Weights;

/// A checkpoint with GPT-2's names around its blocks and in them: `wte`, `wpe`, `h.N`, `ln_1`, `ln_2`,
/// `ln_f`; learned positions, a norm before each branch, tied tables.
pub struct GptLike<'a> {
    pub config: &'a Config,
    pub weights: &'a Weights,
    pub shape: &'a Shape,
}

impl GptLike<'_> {
    /// The decoder, the parts of its blocks made by `parts` of their number and their tensors.
    ///
    /// # Errors
    /// Those of `parts`, and a tensor missing or misshapen.
    pub fn decoder(&self, parts: impl Fn(usize, &Names) -> Result<(Attention, Mlp)>) -> Result<Decoder> {
        let (config, shape) = (self.config, self.shape);
        let context = config.required_count("max_position_embeddings")?;
        let norm = NormStyle::layer(config.epsilon("layer_norm_epsilon")?.unwrap_or(1e-5));
        let tied = config.flag("tie_word_embeddings")?.unwrap_or(true);
        // The hub's own repositories store the bare transformer, fine-tunes the whole model.
        let names = Names::below(self.weights, &["", "transformer."], "h");
        let table = [&names.of("wte.weight"), "lm_head.weight"];
        let [tokens, head] = tables(self.weights, table, [shape.vocabulary, shape.hidden], tied)?;
        let block = |layer: usize| -> Result<Block> {
            let names = names.at(format!("h.{layer}"));
            let (attention, mlp) = parts(layer, &names)?;
            let norm = |name: &str| norm.read(&names, name, shape.hidden);
            Ok(Block::new(norm("ln_1")?, attention, norm("ln_2")?, mlp))
        };
        Ok(Decoder {
            hidden: shape.hidden,
            vocabulary: shape.vocabulary,
            context: Some(context),
            embedding: Embedding {
                positions: Some(Positions {
                    table: names.matrix("wpe.weight", [context, shape.hidden])?,
                    offset: 0,
                }),
                ..Embedding::new(tokens)
            },
            blocks: (0..shape.layers).map(block).collect::<Result<_>>()?,
            unembed: Unembed::new(norm.read(&names, "ln_f", shape.hidden)?, head),
        })
    }
}
