//! A template's tags cut into tokens; what is between them, its comments and raw blocks left whole.

/// A part of a template, in its order.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text, comments, and all that follows a tag that does not end.
    Text(&'a str),
    /// `{% raw %} … {% endraw %}`.
    Raw(&'a str),
    Tag(Tag<'a>),
}

/// `{% … %}` or `{{ … }}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// `{%` or `{{`, with its `-` or `+`.
    pub open: &'a str,
    pub tokens: Vec<Token<'a>>,
    /// White space, then `%}` or `}}` with its `-` or `+`.
    pub close: &'a str,
}

impl Tag<'_> {
    /// Its length in bytes.
    fn len(&self) -> usize {
        let tokens = self.tokens.iter().map(|t| t.space.len() + t.text.len());
        self.open.len() + tokens.sum::<usize>() + self.close.len()
    }

    pub fn is_statement(&self) -> bool {
        self.open.starts_with("{%")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// The white space before it.
    pub space: &'a str,
    pub text: &'a str,
    /// How many brackets it lies in; a bracket itself lies outside of them.
    pub depth: usize,
}

impl Token<'_> {
    pub fn is_string(&self) -> bool {
        self.text.starts_with(['"', '\''])
    }

    /// Whether it is a name or a number.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word)
    }
}

/// Cuts `source` into its parts, which make it again when they are put together.
pub fn parts(source: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = source[at..].find('{') {
        let start = at + found;
        let rest = &source[start..];
        at = start + 1;
        let length = match rest.as_bytes().get(1) {
            Some(b'#') => match rest[2..].find("#}") {
                Some(end) => end + 4,
                None => break,
            },
            Some(b'%' | b'{') => {
                let found = match raw(rest) {
                    Some(length) => length.map(|length| (Part::Raw(&rest[..length]), length)),
                    None => tag(rest).map(|tag| {
                        let length = tag.len();
                        (Part::Tag(tag), length)
                    }),
                };
                let Some((part, length)) = found else { break };
                parts.push(Part::Text(&source[from..start]));
                parts.push(part);
                from = start + length;
                length
            }
            _ => continue,
        };
        at = start + length;
    }
    parts.push(Part::Text(&source[from..]));
    parts
}

/// The length of the raw block that `rest` begins with: `None` if it begins with none, `Some(None)`
/// if it does not end.
fn raw(rest: &str) -> Option<Option<usize>> {
    let begun = keyword(rest.strip_prefix("{%")?, "raw")?;
    let mut at = rest.len() - begun.len();
    while let Some(found) = rest[at..].find("{%") {
        at += found + 2;
        if let Some(after) = keyword(&rest[at..], "endraw") {
            return Some(Some(rest.len() - after.len()));
        }
    }
    Some(None)
}

/// What follows a tag of that one word, `rest` being what follows its `{%`.
fn keyword<'a>(rest: &'a str, word: &str) -> Option<&'a str> {
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest).trim_start();
    let rest = rest.strip_prefix(word)?.trim_start();
    rest.strip_prefix(['-', '+']).unwrap_or(rest).strip_prefix("%}")
}

/// The tag that `text` begins with; `None` if it does not end.
fn tag(text: &str) -> Option<Tag<'_>> {
    let signed = matches!(text.as_bytes().get(2), Some(b'-' | b'+'));
    let open = &text[..2 + usize::from(signed)];
    let end = if open.starts_with("{%") { "%}" } else { "}}" };
    let mut rest = &text[open.len()..];
    let mut tokens = Vec::new();
    let mut depth = 0;
    loop {
        let trimmed = rest.trim_start();
        let space = &rest[..rest.len() - trimmed.len()];
        if depth == 0 {
            let after = trimmed
                .strip_prefix(['-', '+'])
                .filter(|after| after.starts_with(end));
            let after = after.unwrap_or(trimmed).strip_prefix(end);
            if let Some(after) = after {
                let close = &rest[..rest.len() - after.len()];
                return Some(Tag { open, tokens, close });
            }
        }
        let length = token(trimmed)?;
        let text = &trimmed[..length];
        if matches!(text, ")" | "]" | "}") {
            depth = usize::checked_sub(depth, 1)?;
        }
        tokens.push(Token { space, text, depth });
        if matches!(text, "(" | "[" | "{") {
            depth += 1;
        }
        rest = &trimmed[length..];
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The length of the token that `text` begins with.
fn token(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if matches!(first, '"' | '\'') {
        let mut escaped = false;
        let end = text[1..].find(|c| {
            let ends = c == first && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        return Some(end? + 2);
    }
    let word = |text: &str| text.find(|c| !is_word(c)).unwrap_or(text.len());
    if first.is_ascii_digit() {
        return Some(number(text, word));
    }
    if is_word(first) {
        return Some(word(text));
    }
    let double = ["**", "//", "==", "!=", "<=", ">="];
    match double.iter().any(|operator| text.starts_with(operator)) {
        true => Some(2),
        false => Some(first.len_utf8()),
    }
}

/// The length of a number, with its fraction and exponent.
fn number(text: &str, word: impl Fn(&str) -> usize) -> usize {
    let mut length = word(text);
    if let Some(fraction) = text[length..].strip_prefix('.')
        && fraction.starts_with(|c: char| c.is_ascii_digit())
    {
        length += 1 + word(fraction);
    }
    let exponent = text[length..].strip_prefix(['-', '+']);
    if let Some(exponent) = exponent
        && text[..length].ends_with(['e', 'E'])
        && !text.starts_with("0x")
        && exponent.starts_with(|c: char| c.is_ascii_digit())
    {
        length += 1 + word(exponent);
    }
    length
}
