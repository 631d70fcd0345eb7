//! How a document is laid out, and what is escaped in it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::text::visible::is_hidden;

/// How JSON is laid out and escaped.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// What stands between two keys of the document.
    pub keys: &'static str,
    /// What stands between two rows of a table.
    pub rows: &'static str,
    /// Numbers with a fraction are rounded to so many significant digits.
    pub digits: Option<usize>,
    /// Nothing in it ends the script of a page that holds it.
    pub in_script: bool,
}

impl Layout {
    /// A key of the document a line, so that a diff or an eye finds its way.
    pub const LINES: Self = Self {
        keys: ",\n ",
        rows: ",",
        digits: None,
        in_script: false,
    };
    /// All of it on one line.
    pub const ONE_LINE: Self = Self {
        keys: ", ",
        ..Self::LINES
    };
}

/// Writes `value`, an object, as it is serialised.
///
/// # Errors
/// Those of `out` only.
pub fn write(value: &impl Serialize, layout: Layout, out: &mut dyn Write) -> io::Result<()> {
    let laid_out = LaidOut { layout, depth: 0 };
    value.serialize(&mut Serializer::with_formatter(out, laid_out))?;
    Ok(())
}

struct LaidOut {
    layout: Layout,
    /// Objects and arrays that are open.
    depth: usize,
}

impl Formatter for LaidOut {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        match (first, self.depth) {
            (true, _) => Ok(()),
            (false, 2) => out.write_all(self.layout.rows.as_bytes()),
            (false, _) => out.write_all(b","),
        }
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        match (first, self.depth) {
            (true, _) => Ok(()),
            (false, 1) => out.write_all(self.layout.keys.as_bytes()),
            (false, _) => out.write_all(b","),
        }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(if self.depth == 1 { b": " } else { b":" })
    }

    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        let value = self.layout.digits.map_or(value, |digits| rounded(value, digits));
        CompactFormatter.write_f64(out, value)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        let mut plain = 0;
        for (at, c) in text.char_indices() {
            let ends_a_script = self.layout.in_script && matches!(c, '<' | '>' | '&');
            if !ends_a_script && !is_invisible(c) {
                continue;
            }
            out.write_all(&text.as_bytes()[plain..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        out.write_all(&text.as_bytes()[plain..])
    }
}

/// What JSON need not escape, but a terminal obeys (DEL, the C1 controls) or does not show.
fn is_invisible(c: char) -> bool {
    c == '\u{7f}' || !c.is_ascii() && is_hidden(c)
}

/// `x` to so many significant digits.
fn rounded(x: f64, digits: usize) -> f64 {
    if x == 0. || !x.is_finite() {
        return x;
    }
    // By way of the decimal text, which is the number meant.
    format!("{x:.*e}", digits - 1).parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &impl Serialize, layout: Layout) -> String {
        let mut out = Vec::new();
        write(value, layout, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_rounded_to_significant_digits() {
        for (x, expected) in [
            (0.123456789, 0.123457),
            (1234567.8, 1234570.),
            (-2e-9, -2e-9),
            (0., 0.),
        ] {
            assert_eq!(rounded(x, 6), expected);
        }
    }

    #[test]
    fn a_key_of_the_document_a_line() {
        let value = serde_json::json!({"a": {"b": [1, 2.5], "c": null}, "rows": [{"d": 1}, {"d": 2}]});
        assert_eq!(
            written(&value, Layout::LINES),
            "{\"a\": {\"b\":[1,2.5],\"c\":null},\n \"rows\": [{\"d\":1},{\"d\":2}]}"
        );
    }

    #[test]
    fn what_does_not_show_is_escaped() {
        let text = serde_json::json!({"a": "<é\u{202e}\u{e0001}\u{9b}\u{1b}&"});
        assert_eq!(
            written(&text, Layout::ONE_LINE),
            "{\"a\": \"<é\\u202e\\udb40\\udc01\\u009b\\u001b&\"}"
        );
        let in_script = Layout {
            in_script: true,
            ..Layout::ONE_LINE
        };
        assert!(written(&text, in_script).starts_with("{\"a\": \"\\u003cé"));
        assert!(written(&text, in_script).ends_with("\\u0026\"}"));
    }

    #[test]
    fn nothing_that_does_not_show_is_written_as_it_is() {
        // Each character of the basic plane and of the next one, where the hidden ones are, and the tags.
        let characters = (0x20..0x2_0000)
            .chain(0xe_0000..0xe_0200)
            .filter_map(char::from_u32);
        let text: String = characters.collect();
        let written = written(&text, Layout::ONE_LINE);
        assert!(!written.contains(|c: char| c.is_control() || c != ' ' && is_hidden(c)));
        let fillers = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];
        let format = [
            '\u{600}',
            '\u{605}',
            '\u{6dd}',
            '\u{70f}',
            '\u{110bd}',
            '\u{13430}',
            '\u{1bca0}',
            '\u{1d173}',
        ];
        for c in fillers.into_iter().chain(format) {
            assert!(!written.contains(c), "{c:?}");
        }
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
