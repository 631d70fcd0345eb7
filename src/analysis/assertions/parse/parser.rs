//! A place in an expression, and what is taken from there.

use super::{Result, SyntaxError};

/// A place in an expression.
pub(super) struct Parser<'a> {
    text: &'a str,
    pub(super) at: usize,
}

impl<'a> Parser<'a> {
    /// Before all of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn error(&self, at: usize, problem: impl Into<String>) -> SyntaxError {
        SyntaxError {
            at,
            problem: problem.into(),
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes to what is not blank, and says where that is.
    pub(super) fn skip_blanks(&mut self) -> usize {
        self.at = self.text.len() - self.rest().trim_start().len();
        self.at
    }

    /// Takes `token` if it comes next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let there = self.rest().starts_with(token);
        self.at += if there { token.len() } else { 0 };
        there
    }

    /// The characters that come next and are `wanted`.
    pub(super) fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(super) fn name(&mut self) -> &'a str {
        self.skip_blanks();
        self.take(|c| c.is_alphanumeric() || c == '_')
    }

    /// A text between two quotes of one kind. A backslash makes quotes, backslashes and `\n` of it.
    pub(super) fn quoted(&mut self) -> Result<String> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        let quote = characters.next().map(|(_, quote)| quote);
        while let Some((i, c)) = characters.next() {
            match c {
                _ if Some(c) == quote => {
                    self.at += i + c.len_utf8();
                    return Ok(text);
                }
                '\\' => text.push(match characters.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 't')) => '\t',
                    Some((_, c @ ('\\' | '"' | '\''))) => c,
                    _ => {
                        let problem = r#"a backslash stands before n, t, a quote or a backslash"#;
                        return Err(self.error(start + i, problem));
                    }
                }),
                _ => text.push(c),
            }
        }
        Err(self.error(start, "the quote is not closed"))
    }
}
