//! Text that keeps its place in a terminal: widths in columns, numbers as people read them.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A table's width where there is no limit: in a pipe, in a file.
pub const UNBOUNDED: usize = usize::MAX;
/// Columns of running text where there is no limit.
const TEXT: usize = 100;

/// The columns of running text, and of pictures, where a table may take `available`.
pub fn text_width(available: usize) -> usize {
    match available {
        UNBOUNDED => TEXT,
        columns => columns,
    }
}

/// The columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A name or a prompt as one line of printable text, its spaces as they are.
pub fn plain(text: &str) -> String {
    crate::text::tokens::visible(text.as_bytes()).replace('␣', " ")
}

/// A token's label in quotes, so that a comma or a full stop is seen to be one.
pub fn quoted(label: &str) -> String {
    format!("\"{}\"", label.replace('"', "\\\""))
}

/// A number with so many decimals; what rounds to zero has no sign.
pub fn decimal(x: f64, decimals: usize) -> String {
    let text = format!("{x:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|b| matches!(b, b'0' | b'.')) => digits.to_string(),
        _ => text,
    }
}

/// `text` in exactly `columns` columns: padded with spaces, or cut and ended with `…`.
pub fn fit(text: &str, columns: usize) -> String {
    let full = width(text);
    if full <= columns {
        return format!("{text}{}", " ".repeat(columns - full));
    }
    if columns == 0 {
        return String::new();
    }
    let (start, _) = split(text, columns - 1);
    let used = width(start) + 1;
    format!("{start}…{}", " ".repeat(columns - used))
}

/// `text` if it takes at most `columns` columns, else cut as [`fit`] cuts.
pub fn cut(text: &str, columns: usize) -> String {
    fit(text, width(text).min(columns))
}

/// `text` cut in two where the first part takes at most `columns` columns, between what is seen as
/// one character.
fn split(text: &str, columns: usize) -> (&str, &str) {
    let ends = text
        .grapheme_indices(true)
        .map(|(start, seen)| start + seen.len());
    let fitting = ends.take_while(|&end| width(&text[..end]) <= columns).last();
    text.split_at(fitting.unwrap_or(0))
}

/// `text` in exactly `columns` columns at their right end, cut as [`fit`] cuts.
pub fn right(text: &str, columns: usize) -> String {
    let full = width(text);
    if full >= columns {
        return fit(text, columns);
    }
    format!("{}{text}", " ".repeat(columns - full))
}

/// `text` broken into lines of at most `columns` columns, between words where it can be.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for mut word in text.split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) <= columns {
            line.push(' ');
        } else if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while line.is_empty() && width(word) > columns {
            let (start, rest) = split(word, columns);
            if start.is_empty() {
                break;
            }
            lines.push(start.to_string());
            word = rest;
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Columns of these widths cut into bands that fit `available` columns: in each band as many as
/// there is room for, `gap` apart, after a label of `label` columns; at least one.
pub fn bands(widths: &[usize], label: usize, gap: usize, available: usize) -> Vec<Range<usize>> {
    let mut bands = Vec::new();
    let mut start = 0;
    while start < widths.len() {
        let (mut used, mut end) = (label + gap + widths[start], start + 1);
        while end < widths.len() && used + gap + widths[end] <= available {
            used += gap + widths[end];
            end += 1;
        }
        bands.push(start..end);
        start = end;
    }
    bands
}

/// A probability in at most four columns, for a grid: `66%`, `<1%`, an exact 0 as `0%`.
pub fn short_percent(prob: f64) -> String {
    match 100. * prob {
        0. => "0%".to_string(),
        p if p < 1. => "<1%".to_string(),
        p => format!("{p:.0}%"),
    }
}

/// A probability in at most six columns: `65.6%`, `0.42%`, `<0.01%`, an exact 0 as `0%`. `<` is said of
/// what is less, not of what rounds to less.
pub fn percent(prob: f64) -> String {
    let percent = 100. * prob;
    if percent >= 0.995 {
        format!("{percent:.1}%")
    } else if percent >= 0.01 {
        format!("{percent:.2}%")
    } else if percent > 0. {
        "<0.01%".to_string()
    } else {
        "0%".to_string()
    }
}

/// A count as people say it: `124M`, `1.24B`.
pub fn count(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => scaled(n, 1e3, "k"),
        1_000_000..1_000_000_000 => scaled(n, 1e6, "M"),
        _ => scaled(n, 1e9, "B"),
    }
}

fn scaled(n: u64, unit: f64, name: &str) -> String {
    let value = n as f64 / unit;
    let decimals = if value < 10. {
        2
    } else if value < 100. {
        1
    } else {
        0
    };
    format!("{value:.decimals$}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitting_keeps_columns_whatever_the_text() {
        for text in [
            "",
            "Paris",
            "東京タワー",
            "🙂🙂🙂",
            "a東b京c",
            "กันกัน",
            "e\u{301}e\u{301}",
            "a❤\u{fe0f}b",
        ] {
            for columns in 0..14 {
                assert_eq!(width(&fit(text, columns)), columns, "{text:?} in {columns}");
            }
        }
        assert_eq!(fit("Paris", 4), "Par…");
        assert_eq!(fit("กันกัน", 3), "กัน…");
        assert_eq!(fit("東京", 3), "東…");
        assert_eq!(fit("東京", 2), "… ");
    }

    #[test]
    fn bands_take_what_fits() {
        assert_eq!(bands(&[3, 3, 3, 9], 2, 1, 10), [0..2, 2..3, 3..4]);
        assert!(bands(&[], 2, 1, 10).is_empty());
        assert_eq!(bands(&[5; 4], 0, 0, 15), [0..3, 3..4]);
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrap("a  b", 9), ["a  b"]);
        assert_eq!(wrap("abcdef g", 3), ["abc", "def", "g"]);
        assert_eq!(wrap("東京", 1), ["東京"]);
        assert_eq!(
            (right("東", 4), short_percent(0.656)),
            ("  東".to_string(), "66%".to_string())
        );
    }

    #[test]
    fn numbers_read_as_people_say_them() {
        let cases = [
            (1., "100.0%"),
            (0.656, "65.6%"),
            (0.01, "1.0%"),
            (0.0042, "0.42%"),
            (1e-4, "0.01%"),
            (9.3e-5, "<0.01%"),
            (4e-5, "<0.01%"),
            (1e-300, "<0.01%"),
            (0., "0%"),
        ];
        for (prob, text) in cases {
            assert_eq!(percent(prob), text);
        }
        let decimals = [decimal(-0.001, 2), decimal(-0.006, 2), decimal(0., 3)];
        assert_eq!(decimals, ["0.00", "-0.01", "0.000"]);
        assert_eq!(count(124_439_808), "124M");
        assert_eq!(count(8_030_261_248), "8.03B");
        assert_eq!(count(12_345), "12.3k");
        assert_eq!(count(7), "7");
    }
}
