//! What is doubtful of a lens's readings of one prompt.

use std::fmt;

/// Why a lens may read a prompt worse than those that it was fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptDoubt {
    /// A position among the first ones of a prompt, which the fit left out.
    Early { skipped: u64, position: usize },
    /// The prompt begins with the BOS token, and those of the fit did not.
    Bos,
    /// The prompt does not begin with the BOS token, and those of the fit did.
    NoBos,
}

impl PromptDoubt {
    /// Whether the other is the same doubt, of whatever prompt.
    pub fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl fmt::Display for PromptDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Early { skipped, position } => write!(
                f,
                "the Jacobian lens was not fitted on the first {skipped} positions of a prompt, and position \
                 {position} is one of them."
            ),
            Self::Bos => write!(
                f,
                "the Jacobian lens was fitted on prompts without the BOS token, and this one begins with it; \
                 --bos never leaves it out."
            ),
            Self::NoBos => write!(
                f,
                "Jacobian lenses are fitted on prompts that begin with the BOS token, and this one does not; \
                 --bos always adds it."
            ),
        }
    }
}
