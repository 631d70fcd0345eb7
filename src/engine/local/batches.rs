//! How many prompts go through the model together, and what they take.

use crate::error::Result;
use crate::lens::{Positions, Request};
use crate::machine::memory;
use crate::model::Model;
use crate::readout::{Candidate, Reading, Tracked, bytes_kept};

/// What the activations of one batch may take.
const BUDGET: usize = 256 << 20;
/// More tokens than this at once make no product faster.
const MOST_TOKENS: usize = 2048;

impl Model {
    /// The tokens that a batch of prompts may have in all, so that memory stays bounded however
    /// many prompts there are. A single longer prompt is a batch of its own.
    pub(super) fn tokens_of_a_batch(&self, request: &Request) -> usize {
        let sites = (self.decoder.blocks.len() + 1) * 4 * request.lenses.len().max(1);
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

    /// Whether the rows of a prompt of `tokens` tokens at `sites` are kept while it grows: where all its positions
    /// are read, which takes more, or where they are few.
    pub(super) fn keeps_rows(&self, tokens: usize, sites: usize, request: &Request) -> bool {
        let kept = tokens.saturating_mul(sites * self.decoder.hidden * size_of::<f32>());
        request.positions == Positions::all() || kept <= BUDGET
    }

    /// Refuses to continue a prompt of `tokens` tokens to `most` where their keys and values, and their rows at
    /// `sites`, cannot fit.
    ///
    /// # Errors
    /// More memory than there is.
    pub(super) fn require_memory_to_continue(&self, tokens: usize, most: usize, sites: usize) -> Result<()> {
        let blocks = self.decoder.blocks.iter();
        let keys_values: usize = blocks
            .map(|block| 2 * block.attention.kv_heads * block.attention.head_dim)
            .sum();
        let kept = keys_values + sites * self.decoder.hidden;
        memory::require(
            most.saturating_mul(kept * size_of::<f32>()) as u64,
            &format!(
                "Continuing a prompt of {tokens} tokens by {}",
                most.saturating_sub(tokens)
            ),
            "Generate fewer tokens, or give a shorter prompt.",
        )
    }

    /// Refuses a batch of `tokens` that cannot fit, of which `positions` are read at `sites`, and some tokens may be
    /// followed.
    ///
    /// # Errors
    /// More memory than there is.
    pub(super) fn require_memory(
        &self,
        tokens: usize,
        positions: usize,
        sites: usize,
        follows: bool,
        request: &Request,
    ) -> Result<()> {
        let reading = size_of::<Reading>() + request.top_k.min(self.card.vocabulary) * size_of::<Candidate>();
        let rows = positions * sites;
        // What is followed is looked for in the logits themselves.
        let kept = match follows {
            true => bytes_kept(rows, sites, self.card.vocabulary),
            false => 0,
        };
        let bytes = tokens * self.bytes_of_a_token() + rows * (self.bytes_of_a_row() + 2 * reading) + kept;
        memory::require(
            bytes as u64,
            &format!("Reading {positions} of {tokens} tokens at {sites} places each"),
            "Read fewer --positions or --layers, a smaller --top-k, or a shorter prompt.",
        )
    }
}

/// Refuses to follow the tokens `wanted` at each position through `sites` rows where their values cannot
/// fit. How many they are is known only when the rows have been read: at a position, every token that is
/// among the top of any row.
///
/// # Errors
/// More memory than there is.
pub(super) fn require_memory_to_follow(wanted: &[Vec<u32>], sites: usize) -> Result<()> {
    let tokens: usize = wanted.iter().map(Vec::len).sum();
    // Logits and counts as they are computed, the values made of them, and those as each token's track.
    let bytes = tokens * sites * (3 * size_of::<u64>() + 2 * size_of::<Tracked>());
    memory::require(
        bytes as u64,
        &format!("Following {tokens} tokens through {sites} rows each"),
        "Read fewer --positions or --layers, a smaller --top-k, or write a format that follows none (csv).",
    )
}
