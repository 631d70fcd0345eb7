//! Values as Python writes them.

use std::fmt::Write;

use minijinja::Value;
use minijinja::value::ValueKind;

use super::tuple::Tuple;
use super::{Answer, refusal};

/// How deep values may lie in values; Python gives up at about a thousand calls.
pub const DEEPEST: usize = 200;

/// Refuses a value that lies too deep in others.
pub fn check_depth(depth: usize) -> Answer<()> {
    match depth > DEEPEST {
        true => Err(refusal(format!(
            "it has values in values more than {DEEPEST} deep"
        ))),
        false => Ok(()),
    }
}

/// `str(value)`; nothing of what is undefined.
pub fn str(value: &Value) -> Answer<String> {
    match value.as_str() {
        Some(text) => Ok(text.to_string()),
        None if value.is_undefined() => Ok(String::new()),
        None => {
            let mut out = String::new();
            repr(&mut out, value, 0)?;
            Ok(out)
        }
    }
}

/// `repr(value)`, of a value that lies `depth` deep in others.
fn repr(out: &mut String, value: &Value, depth: usize) -> Answer<()> {
    check_depth(depth)?;
    let tuple = value.downcast_object_ref::<Tuple>();
    match value.kind() {
        ValueKind::Undefined => out.push_str("Undefined"),
        ValueKind::String => quote(out, value.as_str().unwrap_or_default()),
        ValueKind::Number => out.push_str(&number(value)),
        ValueKind::Seq | ValueKind::Iterable => {
            out.push(if tuple.is_some() { '(' } else { '[' });
            for (i, item) in value.try_iter()?.enumerate() {
                separate(out, i);
                repr(out, &item, depth + 1)?;
            }
            out.push_str(match tuple.map(|tuple| tuple.0.len()) {
                None => "]",
                Some(1) => ",)",
                Some(_) => ")",
            });
        }
        ValueKind::Map => {
            out.push('{');
            for (i, key) in value.try_iter()?.enumerate() {
                separate(out, i);
                repr(out, &key, depth + 1)?;
                out.push_str(": ");
                repr(out, &value.get_item(&key)?, depth + 1)?;
            }
            out.push('}');
        }
        _ => out.push_str(&value.to_string()),
    }
    Ok(())
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push_str(", ");
    }
}

/// A string in quotes: single ones, unless it has such and no double ones.
fn quote(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => {
                // Writing to a string cannot fail.
                let _ = match c as u32 {
                    code @ ..=0xff => write!(out, "\\x{code:02x}"),
                    code @ ..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

/// `str.isprintable`: Rust escapes by the same rule, but for marks that begin a text.
fn is_printable(c: char) -> bool {
    let text = String::from_iter(['a', c]);
    matches!(c, '"' | '\'') || text.escape_debug().eq(text.chars())
}

/// An integer or a float.
pub fn number(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(x) if !value.is_integer() => float(x),
        _ => value.to_string(),
    }
}

/// `repr` of a float: the fewest digits that make it, with an exponent where it is below 1e-4 or
/// from 1e16 on.
fn float(x: f64) -> String {
    if !x.is_finite() {
        return x.to_string().to_lowercase();
    }
    let scientific = format!("{x:e}");
    // `{:e}` always writes an exponent.
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = x.to_string();
        return match plain.contains('.') {
            true => plain,
            false => plain + ".0",
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
