//! How many prompts go through the model together.

use super::Request;
use crate::model::Model;
use crate::select::Positions;

/// What the activations of one batch may take.
const BUDGET: usize = 256 << 20;
/// More tokens than this at once make no product faster.
const MOST_TOKENS: usize = 2048;

impl Model {
    /// The tokens that a batch of prompts may have in all, so that memory stays bounded however
    /// many prompts there are. A single longer prompt is a batch of its own.
    pub fn tokens_of_a_batch(&self, request: &Request) -> usize {
        let float = size_of::<f32>();
        let widest = self
            .decoder
            .blocks
            .iter()
            .map(|block| block.mlp.up.weight.outputs());
        let block = (6 * self.decoder.hidden + 3 * widest.max().unwrap_or(0)) * float;
        // The rows kept, stacked, and normed.
        let sites = (self.decoder.blocks.len() + 1) * 4;
        let kept = match request.positions == Positions::default() {
            true => 0,
            false => 3 * sites * self.decoder.hidden * float,
        };
        (BUDGET / (block + kept)).clamp(1, MOST_TOKENS)
    }
}
