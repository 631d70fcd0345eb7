//! Text of unknown making as one line that shows all that is in it, and does nothing to what
//! stands around it.

use std::fmt::Write as _;

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory as _};
use unicode_width::UnicodeWidthChar;

/// Bytes as one line of printable text: every space as `␣`, everything that would not show escaped,
/// bytes that are no UTF-8 as `\xE2`. A backslash is doubled, so that no two texts look alike.
pub fn visible(bytes: &[u8]) -> String {
    let mut line = Line::default();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                ' ' => line.apart('␣'),
                '\\' | '␣' => line.escape(c),
                _ => line.push(c),
            }
        }
        for byte in chunk.invalid() {
            line.byte(*byte);
        }
    }
    line.text
}

/// Text with its spaces as they are, and everything else that would not show or would move the
/// text around escaped, so that it can go to a terminal inside a file format.
pub fn escaped(text: &str) -> String {
    let mut line = Line::default();
    for c in text.chars() {
        match c {
            ' ' => line.apart(c),
            _ => line.push(c),
        }
    }
    line.text
}

/// Whether a text says a word: it holds a letter or a digit. Punctuation, blanks and bytes of a character
/// that was split do not.
pub fn is_word(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().any(char::is_alphanumeric))
}

/// Whether a character does not show: controls, format characters, blanks other than a space, and
/// what has no character yet.
pub fn is_hidden(c: char) -> bool {
    use GeneralCategory::{
        Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, SpaceSeparator, Surrogate, Unassigned,
    };
    match c.general_category() {
        Control | Format | Surrogate | PrivateUse | Unassigned | LineSeparator | ParagraphSeparator => true,
        SpaceSeparator => c != ' ',
        _ => is_blank(c),
    }
}

/// Letters, marks and symbols that are drawn as nothing: fillers of Hangul, variation selectors
/// and the like (`Default_Ignorable_Code_Point` beside the format characters), the empty pattern
/// of braille.
fn is_blank(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180d}' | '\u{180f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a character is drawn onto the one before it.
fn combines(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark || c.width() == Some(0)
}

/// A line of text that grows.
#[derive(Default)]
struct Line {
    text: String,
    /// What a mark would be drawn onto, if that may be.
    base: Option<char>,
}

impl Line {
    /// A character: as it is, where it shows.
    fn push(&mut self, c: char) {
        let shows = match self.base {
            // The selectors between a sign and its picture: they are seen in the sign.
            Some(base) if matches!(c, '\u{fe0e}' | '\u{fe0f}') => !base.is_ascii() && base.is_emoji_char(),
            Some(_) => !is_hidden(c),
            None => !is_hidden(c) && !combines(c),
        };
        if !shows {
            return self.escape(c);
        }
        self.text.push(c);
        if !combines(c) {
            self.base = Some(c);
        }
    }

    /// A character that no mark is drawn onto.
    fn apart(&mut self, c: char) {
        self.text.push(c);
        self.base = None;
    }

    fn escape(&mut self, c: char) {
        match c {
            '\n' | '\r' | '\t' | '\0' | '\\' => self.text.extend(c.escape_debug()),
            _ => self.text.extend(c.escape_unicode()),
        }
        self.base = None;
    }

    fn byte(&mut self, byte: u8) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "\\x{byte:02X}");
        self.base = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_a_letter_or_a_digit() {
        for word in [" Paris", "T", "42", "'s", "東", "हि"] {
            assert!(is_word(word.as_bytes()), "{word:?}");
        }
        for other in ["", " ", ",", " (", "\n\n", "🙂", "…"] {
            assert!(!is_word(other.as_bytes()), "{other:?}");
        }
        assert!(!is_word(b"\xe6\x9d"));
    }

    #[test]
    fn labels_show_what_a_token_is() {
        assert_eq!(visible(b" Paris"), "␣Paris");
        assert_eq!(visible("\n\t\u{1b}[31m".as_bytes()), "\\n\\t\\u{1b}[31m");
        assert_eq!(visible(b"\xe6\x9d"), "\\xE6\\x9D");
        assert_eq!(visible("東京🙂é".as_bytes()), "東京🙂é");
        assert_eq!(visible("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(visible(b"\\n"), "\\\\n");
        assert_eq!(visible("␣".as_bytes()), "\\u{2423}");
        assert_eq!(visible("'\"".as_bytes()), "'\"");
        assert_eq!(escaped("a b\\ '\u{7f}"), "a b\\ '\\u{7f}");
    }

    #[test]
    fn a_mark_shows_on_its_letter_and_is_escaped_alone() {
        for text in [
            "กัน",
            "हिन्दी",
            "שָׁלוֹם",
            "العَرَبِيَّة",
            "e\u{301}",
            "❤\u{fe0f}",
            "⭐\u{fe0f}",
            "한국",
            "\u{1112}\u{1161}\u{11ab}",
        ] {
            assert_eq!(visible(text.as_bytes()), text);
            assert_eq!(escaped(text), text);
        }
        for (text, shown) in [
            ("\u{e31}น", "\\u{e31}น"),
            (" \u{301}a", "␣\\u{301}a"),
            ("\n\u{301}\u{301}", "\\n\\u{301}\\u{301}"),
            ("\u{93f}", "\\u{93f}"),
            ("\u{1161}", "\\u{1161}"),
            ("a\u{fe0f}", "a\\u{fe0f}"),
            ("1\u{fe0f}", "1\\u{fe0f}"),
            ("\u{fe0f}", "\\u{fe0f}"),
        ] {
            assert_eq!(visible(text.as_bytes()), shown);
        }
    }

    #[test]
    fn what_does_not_show_is_escaped_wherever_it_stands() {
        let hidden = [
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{600}',
            '\u{605}',
            '\u{6dd}',
            '\u{70f}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{202e}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{110bd}',
            '\u{13430}',
            '\u{13438}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{1d17a}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{e000}',
            '\u{378}',
        ];
        for c in hidden {
            assert!(is_hidden(c), "{c:?}");
            let expected = format!("a\\u{{{:x}}}b", u32::from(c));
            assert_eq!(visible(format!("a{c}b").as_bytes()), expected);
            assert_eq!(escaped(&format!("a{c}b")), expected);
        }
    }
}
