//! Regular expressions of a tokenizer.json, which are written for Oniguruma. The engine that they
//! are matched with here reads some of the same signs otherwise; they are spelled out for it.
//!
//! What it does not know at all (`\X`, `\R`, absent operators, subroutines) is an error when the
//! tokenizer is loaded. Unicode versions remain: a character that is younger than Oniguruma's tables may
//! be a letter here and none there.

use std::iter::Peekable;
use std::str::Chars;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A part of a tokenizer.json, its patterns respelled.
pub fn respelled<'de, D: Deserializer<'de>, T: DeserializeOwned>(part: D) -> Result<Option<T>, D::Error> {
    let mut value = Value::deserialize(part)?;
    respell_in(&mut value);
    serde_json::from_value(value).map_err(D::Error::custom)
}

fn respell_in(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(pattern)) = fields.get_mut("Regex") {
                *pattern = respell(pattern);
            }
            fields.values_mut().for_each(respell_in);
        }
        Value::Array(items) => items.iter_mut().for_each(respell_in),
        _ => {}
    }
}

/// The characters of `\w`; Oniguruma counts Latin-1's raised digits and fractions, and no joiners.
const WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}²³¹¼½¾";

/// A POSIX bracket in Unicode, where this engine knows ASCII alone.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "alpha" => r"\p{Alphabetic}",
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "blank" => r"\t\p{Zs}",
        "cntrl" => r"\p{Cc}",
        "digit" => r"\p{Nd}",
        "graph" => r"[^\s\p{Cc}\p{Cn}]",
        "lower" => r"\p{Lowercase}",
        "print" => r"[^\s\p{Cc}\p{Cn}]\p{Zs}",
        "punct" => r"\p{P}\p{S}",
        "space" => r"\s",
        "upper" => r"\p{Uppercase}",
        "word" => r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}",
        _ => return None,
    })
}

/// The pattern as this engine has to be told it.
fn respell(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    // How many brackets are open; where in `out` the last item begins, and each open group.
    let (mut depth, mut item, mut groups) = (0, 0, Vec::new());
    while let Some(c) = chars.next() {
        if depth == 0 && !"*+?{)|".contains(c) {
            item = out.len();
        }
        match (c, depth) {
            ('\\', _) => {
                let escaped = chars.next();
                escape(escaped, depth, &mut out);
                if matches!(escaped, Some('p' | 'P' | 'x' | 'k' | 'g')) && chars.peek() == Some(&'{') {
                    out.extend(chars.by_ref().take_while(|&c| c != '}').chain(['}']));
                }
            }
            // An interval and a `+` are two quantifiers there, and one that gives nothing back here.
            ('{', 0) => {
                let inside: String = chars.clone().take_while(|&c| c != '}').collect();
                out.push('{');
                if is_interval(&inside) {
                    out.extend(chars.by_ref().take(inside.len() + 1));
                    if chars.next_if_eq(&'+').is_some() {
                        out.insert_str(item, "(?:");
                        out.push_str(")+");
                    }
                }
            }
            (')', 0) => {
                item = groups.pop().unwrap_or(0);
                out.push(c);
            }
            ('[', 1..) if chars.peek() == Some(&':') => bracket(&mut chars, &mut depth, &mut out),
            ('[', _) => open(&mut chars, &mut depth, &mut out),
            (']', 1..) => {
                depth -= 1;
                out.push(c);
            }
            // Of every line, as in Ruby.
            ('^' | '$', 0) => out.push_str(&format!("(?m:{c})")),
            ('(', 0) => {
                groups.push(item);
                group(&mut chars, &mut out);
            }
            _ => out.push(c),
        }
    }
    out
}

/// Whether what stands between braces says how often: `3`, `1,3`, `,3` or `1,`.
fn is_interval(inside: &str) -> bool {
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match inside.split_once(',') {
        Some((least, most)) => inside.len() > 1 && is_digits(least) && is_digits(most),
        None => !inside.is_empty() && is_digits(inside),
    }
}

fn escape(escaped: Option<char>, depth: usize, out: &mut String) {
    match (escaped, depth) {
        (Some('w'), 0) => out.push_str(&format!("[{WORD}]")),
        (Some('w'), _) => out.push_str(WORD),
        (Some('W'), _) => out.push_str(&format!("[^{WORD}]")),
        (Some('b'), 0) => out.push_str(&format!(
            "(?:(?<=[{WORD}])(?![{WORD}])|(?<![{WORD}])(?=[{WORD}]))"
        )),
        (Some('B'), 0) => out.push_str(&format!(
            "(?:(?<=[{WORD}])(?=[{WORD}])|(?<![{WORD}])(?![{WORD}]))"
        )),
        (escaped, _) => {
            out.push('\\');
            out.extend(escaped);
        }
    }
}

/// `[`, with what is a character like others only because it comes first.
fn open(chars: &mut Peekable<Chars>, depth: &mut usize, out: &mut String) {
    *depth += 1;
    out.push('[');
    out.extend(chars.next_if_eq(&'^'));
    if chars.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
}

/// `[:name:]` or `[:^name:]` inside of brackets; what is neither is a class in a class.
fn bracket(chars: &mut Peekable<Chars>, depth: &mut usize, out: &mut String) {
    let rest: String = chars.clone().skip(1).collect();
    let named = rest.split_once(":]").and_then(|(name, _)| {
        let (not, bare) = match name.strip_prefix('^') {
            Some(bare) => ("^", bare),
            None => ("", name),
        };
        posix(bare).map(|class| (name, format!("[{not}{class}]")))
    });
    match named {
        Some((name, class)) => {
            out.push_str(&class);
            // The two colons and the closing bracket, too.
            chars.nth(name.len() + 2);
        }
        None => open(chars, depth, out),
    }
}

/// `(`; where flags follow, `m` is what others call `s`.
fn group(chars: &mut Peekable<Chars>, out: &mut String) {
    out.push('(');
    let flags: String = chars
        .clone()
        .skip(1)
        .take_while(|c| "imx-".contains(*c))
        .collect();
    let end = chars.clone().nth(1 + flags.len());
    if chars.peek() == Some(&'?') && matches!(end, Some(':' | ')')) {
        out.push('?');
        out.push_str(&flags.replace('m', "s"));
        chars.nth(flags.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_both_engines_read_alike_stay() {
        for pattern in [
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[!-/:-@\[-`{-~]+(?:a|(?<name>b))(?=c)\\[^\]]\$\^",
        ] {
            assert_eq!(respell(pattern), pattern);
        }
    }

    #[test]
    fn what_means_something_else_is_spelled_out() {
        for (pattern, spelled) in [
            (r"\w+", format!("[{WORD}]+")),
            (r"[^\w-]\W", format!("[^{WORD}-][^{WORD}]")),
            (r"[[:alpha:]x]", r"[[\p{Alphabetic}]x]".to_string()),
            (r"[[:^punct:]]", r"[[^\p{P}\p{S}]]".to_string()),
            (r"[[:unknown:]]", r"[[:unknown:]]".to_string()),
            (r"[]a][^]$]$", r"[\]a][^\]$](?m:$)".to_string()),
            (r"^(?mi:.)(?m)(?-m)", r"(?m:^)(?si:.)(?s)(?-s)".to_string()),
            (r"\\w", r"\\w".to_string()),
            (
                r"[^x]?\p{L}++|\p{N}{1,3}+|(?:a(b)c){2}+d{3,}+|e{f}+|\p{L}{2}g+",
                r"[^x]?\p{L}++|(?:\p{N}{1,3})+|(?:(?:a(b)c){2})+(?:d{3,})+|e{f}+|\p{L}{2}g+".to_string(),
            ),
        ] {
            assert_eq!(respell(pattern), spelled, "{pattern}");
        }
    }
}
