//! What assertions come to, as documents have it.

use super::document::{Assertion, Found};
use crate::analysis::assertions::{Found as Value, Outcome};

impl Assertion {
    /// One for each of `outcomes`; `None` without any.
    pub fn all(outcomes: &[Outcome]) -> Option<Vec<Self>> {
        (!outcomes.is_empty()).then(|| outcomes.iter().map(Self::from).collect())
    }
}

impl From<&Outcome> for Assertion {
    fn from(outcome: &Outcome) -> Self {
        Self {
            expression: outcome.expression.clone(),
            holds: outcome.holds,
            found: match &outcome.found {
                Value::Number(x) => Some(Found::Number(*x)),
                Value::Flag(is) => Some(Found::Flag(*is)),
                Value::Token(text) => Some(Found::Token(text.clone())),
                Value::Nothing(_) => None,
            },
        }
    }
}
