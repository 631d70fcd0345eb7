//! What the lines of a picture across layers are of.

use crate::decoder::Site;
use crate::lens::Trajectory;
use crate::text::targets::Target;
use crate::text::tokens::Tokens;

/// A target, or one of the tokens of a target that is several in a row.
#[derive(Debug, Clone, Copy)]
pub enum Followed<'a> {
    Whole(&'a Target),
    Token(&'a Target, usize),
}

impl<'a> Followed<'a> {
    /// Each of `targets` at the `at`th position read, and after it its tokens.
    pub fn of(targets: &'a [Target], trajectory: &Trajectory, at: usize) -> Vec<Self> {
        let lines = |target: &'a Target| {
            let continuation = trajectory.continuation(target, at);
            let tokens = continuation.map_or(0, |continuation| continuation.tokens.len());
            let tokens = (0..tokens).map(move |nth| Self::Token(target, nth));
            std::iter::once(Self::Whole(target)).chain(tokens)
        };
        targets.iter().flat_map(lines).collect()
    }

    /// What it is called: a token by its number in the target.
    pub fn name(self, tokens: &Tokens) -> String {
        match self {
            Self::Whole(target) => target.name.clone(),
            Self::Token(target, nth) => format!("[{nth}] {}", tokens.label(target.ids[nth])),
        }
    }

    /// Its probability at a site, as `read` has it.
    pub fn prob(self, read: &Trajectory, site: Site, at: usize) -> Option<f64> {
        let row = read.rows.iter().position(|row| row.site == site)?;
        Some(match self {
            Self::Whole(target) => read.value(target, row, at)?.prob,
            Self::Token(target, nth) => read.continuation(target, at)?.tokens[nth].values[row].prob,
        })
    }
}
