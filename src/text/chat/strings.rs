//! The methods of Python's strings that minijinja lacks, or has for ASCII alone.

use minijinja::Value;
use minijinja::value::from_args;

use super::limits::width;
use super::tuple::Tuple;
use super::{Answer, refusal};

/// `text.name(arguments)`; `None` for a method that is not among these.
pub fn method(text: &str, name: &str, arguments: &[Value]) -> Answer<Option<Value>> {
    let nothing = || from_args::<()>(arguments);
    let all =
        |is: fn(char) -> bool| nothing().map(|()| Value::from(!text.is_empty() && text.chars().all(is)));
    Ok(Some(match name {
        "strip" | "lstrip" | "rstrip" => {
            let (characters,): (Option<&str>,) = from_args(arguments)?;
            strip(text, characters, name != "rstrip", name != "lstrip").into()
        }
        "split" | "rsplit" => {
            let (separator, most): (Option<Value>, Option<i64>) = from_args(arguments)?;
            let separator = separator.filter(|value| !value.is_none());
            let separator = separator.as_ref().map(string).transpose()?;
            Value::from(split(text, separator, most, name == "rsplit")?)
        }
        "splitlines" => {
            let (ends,): (Option<bool>,) = from_args(arguments)?;
            lines(text, ends.unwrap_or(false)).into_iter().collect()
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(arguments)?;
            Tuple::value(
                partition(text, separator, name == "rpartition")?
                    .into_iter()
                    .map(Value::from),
            )
        }
        "removeprefix" => {
            let (affix,): (&str,) = from_args(arguments)?;
            text.strip_prefix(affix).unwrap_or(text).into()
        }
        "removesuffix" => {
            let (affix,): (&str,) = from_args(arguments)?;
            text.strip_suffix(affix).unwrap_or(text).into()
        }
        "find" | "index" | "rfind" | "rindex" => {
            let (part,): (&str,) = from_args(arguments)?;
            let found = match name.starts_with('r') {
                true => text.rfind(part),
                false => text.find(part),
            };
            match found {
                Some(at) => text[..at].chars().count().into(),
                None if name.ends_with("find") => (-1).into(),
                None => return Err(refusal("substring not found".to_string())),
            }
        }
        "count" => {
            let (part,): (&str,) = from_args(arguments)?;
            text.matches(part).count().into()
        }
        "ljust" | "rjust" | "center" => {
            let (columns, fill): (Value, Option<&str>) = from_args(arguments)?;
            pad(text, width(&columns)?, fill.unwrap_or(" "), name)?.into()
        }
        "zfill" => {
            let (columns,): (Value,) = from_args(arguments)?;
            let digits = text.trim_start_matches(['+', '-']);
            let sign = &text[..text.len().min(1).min(text.len() - digits.len())];
            let rest = &text[sign.len()..];
            (sign.to_string() + &pad(rest, width(&columns)?.saturating_sub(sign.len()), "0", "rjust")?).into()
        }
        "join" => {
            let (items,): (&Value,) = from_args(arguments)?;
            let items: Vec<Value> = items.try_iter()?.collect();
            let items = items.iter().map(string).collect::<Answer<Vec<_>>>()?;
            items.join(text).into()
        }
        "swapcase" => {
            nothing()?;
            let swapped = text.chars().flat_map(|c| match c.is_uppercase() {
                true => c.to_lowercase().collect::<Vec<_>>(),
                false => c.to_uppercase().collect(),
            });
            swapped.collect::<String>().into()
        }
        "capitalize" => nothing().map(|()| capitalize(text).into())?,
        "title" => nothing().map(|()| title(text).into())?,
        "istitle" => nothing().map(|()| Value::from(is_cased(text) && title(text) == text))?,
        "islower" => nothing().map(|()| Value::from(is_cased(text) && !text.contains(char::is_uppercase)))?,
        "isupper" => nothing().map(|()| Value::from(is_cased(text) && !text.contains(char::is_lowercase)))?,
        "isspace" => all(is_space)?,
        "isdigit" | "isnumeric" | "isdecimal" => all(char::is_numeric)?,
        "isalpha" => all(char::is_alphabetic)?,
        "isalnum" => all(char::is_alphanumeric)?,
        _ => return Ok(None),
    }))
}

fn string(value: &Value) -> Answer<&str> {
    let text = value.as_str();
    text.ok_or_else(|| refusal(format!("a string is needed where there is {}", value.kind())))
}

/// White space as Python has it.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// `text` without `characters` (white space if `None`) at its start, its end, or both.
pub fn strip<'a>(text: &'a str, characters: Option<&str>, start: bool, end: bool) -> &'a str {
    let goes = |c: char| characters.map_or_else(|| is_space(c), |characters| characters.contains(c));
    let text = if start {
        text.trim_start_matches(goes)
    } else {
        text
    };
    if end { text.trim_end_matches(goes) } else { text }
}

fn split(text: &str, separator: Option<&str>, most: Option<i64>, from_end: bool) -> Answer<Vec<String>> {
    let most = most
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(usize::MAX - 1);
    let owned = |parts: Vec<&str>| parts.into_iter().map(str::to_string).collect::<Vec<_>>();
    let mut parts = match (separator, from_end) {
        (Some(""), _) => return Err(refusal("empty separator".to_string())),
        (Some(separator), false) => return Ok(owned(text.splitn(most + 1, separator).collect())),
        (Some(separator), true) => owned(text.rsplitn(most + 1, separator).collect()),
        (None, _) => owned(words(text, most, from_end)),
    };
    if from_end {
        parts.reverse();
    }
    Ok(parts)
}

/// Up to `most` words and what is left, from the start or (in reverse) from the end.
fn words(text: &str, most: usize, from_end: bool) -> Vec<&str> {
    let mut rest = strip(text, None, !from_end, from_end);
    let mut words = Vec::new();
    while words.len() < most {
        let gap = if from_end {
            rest.rfind(is_space)
        } else {
            rest.find(is_space)
        };
        let Some(gap) = gap else { break };
        let after = gap + rest[gap..].chars().next().map_or(0, char::len_utf8);
        let (word, left) = match from_end {
            true => (&rest[after..], &rest[..gap]),
            false => (&rest[..gap], &rest[after..]),
        };
        words.push(word);
        rest = strip(left, None, !from_end, from_end);
    }
    words.extend((!rest.is_empty()).then_some(rest));
    words
}

fn partition(text: &str, separator: &str, from_end: bool) -> Answer<Vec<String>> {
    if separator.is_empty() {
        return Err(refusal("empty separator".to_string()));
    }
    let parts = match from_end {
        true => text.rsplit_once(separator).map(|(a, b)| [a, separator, b]),
        false => text.split_once(separator).map(|(a, b)| [a, separator, b]),
    };
    let whole = if from_end { ["", "", text] } else { [text, "", ""] };
    Ok(parts.unwrap_or(whole).map(str::to_string).to_vec())
}

/// The lines of `text`, with their ends or without.
pub fn lines(text: &str, ends: bool) -> Vec<&str> {
    let is_end = |c| matches!(c, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let mut rest = text;
    let mut lines = Vec::new();
    while let Some(at) = rest.find(is_end) {
        let end = match rest[at..].starts_with("\r\n") {
            true => 2,
            false => rest[at..].chars().next().map_or(0, char::len_utf8),
        };
        let (line, left) = rest.split_at(at + end);
        lines.push(if ends { line } else { &line[..at] });
        rest = left;
    }
    lines.extend((!rest.is_empty()).then_some(rest));
    lines
}

/// `text` in so many columns of `fill`, to the left of them (`ljust`), the right (`rjust`) or between.
pub fn pad(text: &str, columns: usize, fill: &str, side: &str) -> Answer<String> {
    let mut characters = fill.chars();
    let (Some(fill), None) = (characters.next(), characters.next()) else {
        return Err(refusal("a column is filled with one character".to_string()));
    };
    let missing = columns.saturating_sub(text.chars().count());
    let before = match side {
        "ljust" => 0,
        "rjust" => missing,
        // The odd one is where CPython puts it.
        _ => missing / 2 + (missing & columns & 1),
    };
    let fill = |count| std::iter::repeat_n(fill, count);
    Ok(fill(before)
        .chain(text.chars())
        .chain(fill(missing - before))
        .collect())
}

/// `str.capitalize`: the first character in upper case, the rest in lower.
pub fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first
            .to_uppercase()
            .chain(characters.as_str().to_lowercase().chars())
            .collect(),
        None => String::new(),
    }
}

/// `str.title`: letters in upper case where none comes before them.
fn title(text: &str) -> String {
    let mut inside = false;
    let cased = text.chars().flat_map(|c| {
        let changed: Vec<char> = match inside {
            true => c.to_lowercase().collect(),
            false => c.to_uppercase().collect(),
        };
        inside = c.is_lowercase() || c.is_uppercase();
        changed
    });
    cased.collect()
}

fn is_cased(text: &str) -> bool {
    text.contains(|c: char| c.is_lowercase() || c.is_uppercase())
}
