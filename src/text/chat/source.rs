//! A template in Jinja's words, said in minijinja's.
//!
//! Each change is one of tokens: what stands in strings, comments and raw blocks stays. Whatever
//! cannot be read is left as it is, for minijinja to say what is wrong with it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::lexer::{Part, Tag, Token, parts};
use super::literal;

/// The function that assigns to a namespace.
pub const SET: &str = "__set";
/// The filter that is Python's `str`.
pub const STR: &str = "__str";
/// The filter that is Python's `%` of a string.
pub const PERCENT: &str = "__percent";
/// The function that makes a tuple.
pub const TUPLE: &str = "__tuple";
/// The variable that holds a block on its way to a namespace.
const BLOCK: &str = "__block";

/// The template for minijinja:
///
/// - lines end in `\n`, as Jinja reads them, also the first of a raw block;
/// - `{% generation %}`, which marks what a model is trained on, becomes `{% with %}`;
/// - `{% set a.b = c %}` becomes a call of [`SET`], since our namespaces are not minijinja's;
/// - the operands of `~` go through [`STR`], which prints lists and numbers as Python does;
/// - `'…' % x` becomes the filter [`PERCENT`];
/// - `(a, b)` goes through [`TUPLE`], since tuples print as such;
/// - strings have their escapes undone as Python undoes them.
pub fn translate(source: &str) -> String {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(source.len());
    // The open blocks of `{% set %}`, with the namespace and the name that theirs is for.
    let mut blocks = Vec::new();
    for part in parts(&source) {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Raw(block) => out.push_str(&keep_line_end(block)),
            Part::Tag(tag) => translate_tag(&mut out, &tag, &mut blocks),
        }
    }
    out
}

/// A raw block whose first line end stays, as in Jinja.
fn keep_line_end(block: &str) -> String {
    match block.split_once("%}") {
        Some((open, rest)) if !open.ends_with(['-', '+']) => format!("{open}+%}}{rest}"),
        _ => block.to_string(),
    }
}

fn translate_tag<'a>(out: &mut String, tag: &Tag<'a>, blocks: &mut Vec<Option<(&'a str, &'a str)>>) {
    let texts: Vec<&str> = tag.tokens.iter().map(|token| token.text).collect();
    let is_block = !tag
        .tokens
        .iter()
        .any(|token| token.text == "=" && token.depth == 0);
    out.push_str(tag.open);
    match texts.as_slice() {
        ["generation"] if tag.is_statement() => out.push_str(" with "),
        ["endgeneration"] if tag.is_statement() => out.push_str(" endwith "),
        ["set", target, ".", name, "=", ..] if tag.is_statement() => {
            let value = expression(&tag.tokens[5..], false);
            out.push_str(&format!(" do {SET}({target}, '{name}', ({value}))"));
        }
        ["set", target, ".", name, ..] if tag.is_statement() && is_block => {
            blocks.push(Some((*target, *name)));
            out.push_str(&format!(" set {BLOCK}"));
            out.push_str(&expression(&tag.tokens[4..], false));
        }
        ["endset"] if tag.is_statement() => {
            out.push_str(" endset ");
            if let Some(Some((target, name))) = blocks.pop() {
                out.push_str(&format!("%}}{{% do {SET}({target}, '{name}', {BLOCK})"));
            }
        }
        other => {
            if tag.is_statement() && is_block && other.first() == Some(&"set") {
                blocks.push(None);
            }
            out.push_str(&expression(&tag.tokens, tag.is_statement()));
        }
    }
    out.push_str(tag.close);
}

/// The tokens of an expression, or of a whole statement, translated.
fn expression(tokens: &[Token], is_statement: bool) -> String {
    let expression = Expression { tokens, is_statement };
    let mut operands = BTreeSet::new();
    let mut formats = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        match token.text {
            "~" => {
                let both = [expression.before(i), expression.after(i, false)];
                operands.extend(both.map(|range| (range.start, range.end)));
            }
            "%" if expression.formats(i) => formats.push((i, expression.after(i, true))),
            _ => {}
        }
    }
    // A lone string is one already, and nothing at all is a mistake for minijinja to find.
    operands.retain(|&(start, end)| end > start && !(end == start + 1 && tokens[start].is_string()));
    let arguments = |start| formats.iter().any(|(_, operand)| operand.start == start);
    let tuples = (0..tokens.len()).filter(|&i| !arguments(i));
    let tuples: Vec<Range<usize>> = tuples.filter_map(|i| expression.tuple(i)).collect();

    let mut edits = vec![(String::new(), String::new()); tokens.len()];
    for &(start, end) in &operands {
        edits[start].0.push('(');
        edits[end - 1].1.insert_str(0, &format!(")|{STR}"));
    }
    for (_, operand) in &formats {
        // A tuple's parentheses become those of the arguments.
        if expression.tuple(operand.start) != Some(operand.clone()) && !operand.is_empty() {
            edits[operand.start].0.insert(0, '(');
            edits[operand.end - 1].1.insert(0, ')');
        }
    }
    for tuple in &tuples {
        edits[tuple.start].0.push_str(&format!("{TUPLE}("));
        edits[tuple.end - 1].1.insert(0, ')');
    }
    let mut out = String::new();
    for (i, (token, (before, after))) in tokens.iter().zip(edits).enumerate() {
        out.push_str(token.space);
        out.push_str(&before);
        match token.text {
            "%" if formats.iter().any(|(at, _)| *at == i) => out.push_str(&format!("|{PERCENT}")),
            text if token.is_string() => out.push_str(&literal::translate(text)),
            text => out.push_str(text),
        }
        out.push_str(&after);
    }
    out
}

struct Expression<'a> {
    tokens: &'a [Token<'a>],
    is_statement: bool,
}

impl Expression<'_> {
    /// Where the operand of the `~` at `i` that comes before it lies.
    fn before(&self, i: usize) -> Range<usize> {
        let depth = self.tokens[i].depth;
        let start = (0..i).rev().find(|&j| self.ends_operand(j, depth, false));
        start.map_or(0, |j| j + 1)..i
    }

    /// Where the operand of the operator at `i` that comes after it lies; `%` binds tighter than
    /// `~`.
    fn after(&self, i: usize, tighter: bool) -> Range<usize> {
        let depth = self.tokens[i].depth;
        let end = (i + 1..self.tokens.len()).find(|&j| self.ends_operand(j, depth, tighter));
        i + 1..end.unwrap_or(self.tokens.len())
    }

    fn ends_operand(&self, j: usize, depth: usize, tighter: bool) -> bool {
        let token = self.tokens[j];
        if token.depth != depth {
            return token.depth < depth;
        }
        let previous = j.checked_sub(1).map(|j| self.tokens[j].text);
        match token.text {
            "~" | "+" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "," | ":" | "=" => true,
            "-" => self.ends_value(j),
            "*" | "/" | "//" | "%" => tighter,
            "and" | "or" | "if" | "else" => true,
            "not" | "in" => !matches!(previous, Some("is")),
            _ => self.is_statement && j == 0,
        }
    }

    /// Whether what comes before the token at `j` is a value, and the token an operator between two.
    fn ends_value(&self, j: usize) -> bool {
        let Some(before) = j.checked_sub(1) else {
            return false;
        };
        let token = self.tokens[before];
        let is_keyword = matches!(token.text, "and" | "or" | "if" | "else" | "not" | "in" | "is")
            || (self.is_statement && before == 0);
        matches!(token.text, ")" | "]" | "}") || token.is_string() || (token.is_word() && !is_keyword)
    }

    /// Whether the `%` at `i` is the formatting of the one string before it.
    fn formats(&self, i: usize) -> bool {
        let text = |back: usize| i.checked_sub(back).map(|j| self.tokens[j]);
        let binds =
            |token: Token| token.is_string() || matches!(token.text, "*" | "/" | "//" | "%" | "**" | "is");
        text(1).is_some_and(|token| token.is_string()) && !text(2).is_some_and(binds)
    }

    /// Where the tuple lies that begins with the parenthesis at `i`, if one does.
    fn tuple(&self, i: usize) -> Option<Range<usize>> {
        let open = self.tokens.get(i).filter(|token| token.text == "(")?;
        if self.ends_value(i) || i < self.first_value()? {
            return None;
        }
        let close = (i + 1..self.tokens.len()).find(|&j| self.tokens[j].depth == open.depth)?;
        let inner = &self.tokens[i + 1..close];
        let comma = |token: &Token| token.text == "," && token.depth == open.depth + 1;
        (inner.is_empty() || inner.iter().any(comma)).then_some(i..close + 1)
    }

    /// The first token that may be of a value rather than of what is assigned to; `None` in
    /// statements that have parentheses of another kind.
    fn first_value(&self) -> Option<usize> {
        let after = |text: &str| self.tokens.iter().position(|t| t.text == text && t.depth == 0);
        match self.tokens.first().map(|token| token.text) {
            Some("set") if self.is_statement => after("="),
            Some("for") if self.is_statement => after("in"),
            Some("if" | "elif") if self.is_statement => Some(0),
            _ if self.is_statement => None,
            _ => Some(0),
        }
    }
}
