//! The tokens of an expression.

use super::Result;
use super::parser::Parser;
use crate::analysis::assertions::TargetRef;
use crate::text::targets::TargetSpec;

impl Parser<'_> {
    /// `target`, or a token as `--track` takes it: a quoted text, `id:7`, `name="a|b"`.
    pub(super) fn target(&mut self) -> Result<TargetRef> {
        let start = self.skip_blanks();
        let bare = self.take(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':'));
        match bare {
            "target" if !self.rest().starts_with('=') => Ok(TargetRef::Own),
            _ => self.token_after(start, bare).map(TargetRef::Named),
        }
    }

    /// A token that begins with `bare`, which was taken.
    pub(super) fn token_after(&mut self, start: usize, bare: &str) -> Result<TargetSpec> {
        let quoted = |parser: &Self| parser.rest().starts_with(['"', '\'']);
        let text = match bare {
            "" if quoted(self) => self.quoted()?,
            id if id.starts_with("id:") => id.to_string(),
            name if self.rest().starts_with('=') => {
                self.at += 1;
                match quoted(self) {
                    true => format!("{name}={}", self.quoted()?),
                    false => return Err(self.error(self.at, "expected the group's tokens in quotes")),
                }
            }
            _ => {
                return Err(self.error(
                    start,
                    "expected a token in quotes (\" Paris\"), id: and a number, or target",
                ));
            }
        };
        text.parse().map_err(|problem| self.error(start, problem))
    }
}
