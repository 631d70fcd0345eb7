//! What is to be read of each prompt.

use std::sync::Arc;

use crate::lens::{Layers, Points, Positions};
use crate::readout::lenses::{Lens, LogitLens};
use crate::text::targets::Target;

/// What is to be read of each prompt.
#[derive(Debug, Clone)]
pub struct Request {
    /// What maps the rows before the final norm: each row is read under all of them, in one pass. The first is
    /// the one that everything is about. Without any, the logit lens.
    pub lenses: Vec<Arc<dyn Lens>>,
    pub layers: Layers,
    pub points: Points,
    pub positions: Positions,
    /// How many tokens each reading keeps; at least 1.
    pub top_k: usize,
    /// Whether to compare the normalised distributions (Jensen-Shannon, total variation): one more
    /// pass through the vocabulary.
    pub distances: bool,
    /// Whether to measure how far each lens is from the first at each row (KL): one more pass for each.
    pub lens_kl: bool,
    /// Tokens to follow through all rows, whatever their rank.
    pub targets: Vec<Target>,
    /// What their logits are to be compared with.
    pub against: Option<Target>,
    /// Which tokens to follow beside them.
    pub follow: Follow,
    /// Whether to follow at each position the token that comes next in the prompt.
    pub follow_next: bool,
    /// Whether to keep the rows of the residual stream themselves.
    pub keep_rows: bool,
}

/// Which tokens of a position are followed through all its rows without being asked for by name.
/// Following any takes one more pass through the vocabulary, for their exact ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Follow {
    #[default]
    Nothing,
    /// Those that are top-1 at any row shown.
    Top1,
    /// Those that are among the top k at any row shown.
    TopK,
}

impl Follow {
    /// How many of a row's `top_k` tokens are followed.
    pub fn count(self, top_k: usize) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Top1 => 1,
            Self::TopK => top_k,
        }
    }
}

/// Every layer at the last position, the five likeliest tokens.
impl Default for Request {
    fn default() -> Self {
        Self {
            lenses: vec![Arc::new(LogitLens)],
            layers: Layers::default(),
            points: Points::default(),
            positions: Positions::default(),
            top_k: 5,
            distances: false,
            lens_kl: false,
            targets: Vec::new(),
            against: None,
            follow: Follow::Nothing,
            follow_next: false,
            keep_rows: false,
        }
    }
}
