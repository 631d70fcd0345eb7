//! String literals, whose escapes are Python's.

/// The literal `text` (with its quotes) as one that minijinja reads alike: its escapes undone, but for
/// the few that both have. What Python does not read is left as it is.
pub fn translate(text: &str) -> String {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    match inner.contains('\\').then(|| unescape(inner)).flatten() {
        Some(plain) => format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\"")),
        None => text.to_string(),
    }
}

/// Python's `unicode-escape`; `None` for an escape that is broken, of half a character, or by name.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let kind = escape.chars().next()?;
        let mut used = kind.len_utf8();
        let hexadecimal = |digits: usize| {
            let digits = escape.get(1..1 + digits)?;
            let code = u32::from_str_radix(digits, 16).ok()?;
            char::from_u32(code).map(|c| (c, 1 + digits.len()))
        };
        let c = match kind {
            '\n' => None,
            '\\' | '\'' | '"' => Some(kind),
            'a' => Some('\x07'),
            'b' => Some('\x08'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            '0'..='7' => {
                let digits = escape.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7'));
                used = digits.count();
                char::from_u32(u32::from_str_radix(&escape[..used], 8).ok()?)
            }
            'x' | 'u' | 'U' => {
                let digits = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let (c, length) = hexadecimal(digits)?;
                used = length;
                Some(c)
            }
            'N' => return None,
            other => {
                out.push('\\');
                Some(other)
            }
        };
        out.extend(c);
        rest = &escape[used..];
    }
    Some(out + rest)
}
