//! How many prompts go through the model together, and what they take.

use crate::error::Result;
use crate::lens::Positions;
use crate::lens::{Follow, Request};
use crate::machine::memory;
use crate::model::Model;
use crate::readout::{Candidate, Reading, Tracked};

/// What the activations of one batch may take.
const BUDGET: usize = 256 << 20;
/// More tokens than this at once make no product faster.
const MOST_TOKENS: usize = 2048;

impl Model {
    /// The tokens that a batch of prompts may have in all, so that memory stays bounded however
    /// many prompts there are. A single longer prompt is a batch of its own.
    pub fn tokens_of_a_batch(&self, request: &Request) -> usize {
        let sites = (self.decoder.blocks.len() + 1) * 4;
        let kept = match request.positions == Positions::default() {
            true => 0,
            false => sites * self.bytes_of_a_row(),
        };
        (BUDGET / (self.bytes_of_a_token() + kept)).clamp(1, MOST_TOKENS)
    }

    /// What a token takes on its way through a block.
    fn bytes_of_a_token(&self) -> usize {
        let blocks = self.decoder.blocks.iter();
        let widest = blocks.map(|block| block.mlp.up.weight.outputs()).max();
        (6 * self.decoder.hidden + 3 * widest.unwrap_or(0)) * size_of::<f32>()
    }

    /// What a row that is read takes: kept, stacked, and normed.
    fn bytes_of_a_row(&self) -> usize {
        3 * self.decoder.hidden * size_of::<f32>()
    }

    /// Refuses a batch of `tokens` that cannot fit, of which `positions` are read at `sites`.
    ///
    /// # Errors
    /// More memory than there is.
    pub(super) fn require_memory(
        &self,
        tokens: usize,
        positions: usize,
        sites: usize,
        request: &Request,
    ) -> Result<()> {
        let reading = size_of::<Reading>() + request.top_k.min(self.card.vocabulary) * size_of::<Candidate>();
        let followed = match request.follow {
            Follow::Nothing => 0,
            Follow::Top1 => 1,
            Follow::TopK => request.top_k.min(self.card.vocabulary),
        };
        // What is followed has a value at every site, and is written as well.
        let reading = reading + 2 * followed * size_of::<Tracked>();
        let bytes =
            tokens * self.bytes_of_a_token() + positions * sites * (self.bytes_of_a_row() + 2 * reading);
        memory::require(
            bytes as u64,
            &format!("Reading {positions} of {tokens} tokens at {sites} places each"),
            "Read fewer --positions or --layers, a smaller --top-k, or a shorter prompt.",
        )
    }
}
