//! Tokens and texts made visible on one line.

use std::fmt::Write as _;

/// Bytes as one line of printable text, every space as `␣` and everything unprintable escaped.
pub fn visible(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                ' ' => out.push('␣'),
                '\'' | '"' => out.push(c),
                '␣' => out.push_str("\\u{2423}"),
                _ => out.extend(c.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    out
}

/// Text with its spaces as they are, and everything else that would not show or would move the
/// text around escaped, so that it can go to a terminal inside a file format.
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\'' | '"' | '\\' => out.push(c),
            _ => out.extend(c.escape_debug()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_show_what_a_token_is() {
        assert_eq!(visible(b" Paris"), "␣Paris");
        assert_eq!(visible("\n\t\u{1b}[31m".as_bytes()), "\\n\\t\\u{1b}[31m");
        assert_eq!(visible(b"\xe6\x9d"), "\\xE6\\x9D");
        assert_eq!(visible("東京🙂é".as_bytes()), "東京🙂é");
        assert_eq!(visible("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(visible(b"\\n"), "\\\\n");
        assert_eq!(visible("␣".as_bytes()), "\\u{2423}");
    }
}
