//! `tojson` as `transformers` has it: Python's `json.dumps`, its characters as they are.

use minijinja::Value;
use minijinja::value::{Kwargs, ValueKind, from_args};

use super::python::{check_depth, number};
use super::{Answer, refusal};

/// The filter `tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`.
pub fn tojson(value: &Value, arguments: &[Value]) -> Answer<Value> {
    let layout = Layout::of(arguments)?;
    let mut out = String::new();
    layout.write(&mut out, value, 0)?;
    Ok(out.into())
}

struct Layout {
    ascii: bool,
    /// What a line begins with at each depth; all on one line without.
    indent: Option<String>,
    item: String,
    key: String,
    sorted: bool,
}

impl Layout {
    fn of(arguments: &[Value]) -> Answer<Self> {
        type Positions = (Option<Value>, Option<Value>, Option<Value>, Option<Value>, Kwargs);
        let (ascii, indent, separators, sorted, named): Positions = from_args(arguments)?;
        let either = |given: Option<Value>, name: &str| -> Answer<Option<Value>> {
            let value = match given {
                Some(value) => Some(value),
                None => named.get(name)?,
            };
            Ok(value.filter(|value| !value.is_none()))
        };
        let ascii = either(ascii, "ensure_ascii")?;
        let indent = either(indent, "indent")?;
        let separators = either(separators, "separators")?;
        let sorted = either(sorted, "sort_keys")?;
        named.assert_all_used()?;
        let indent = match indent {
            None => None,
            Some(indent) => Some(match indent.as_str() {
                Some(text) => text.to_string(),
                None => " ".repeat(super::limits::width(&indent)?),
            }),
        };
        let mut marks = match separators {
            None => vec![
                if indent.is_some() { "," } else { ", " }.to_string(),
                ": ".to_string(),
            ],
            Some(given) => (given.try_iter()?)
                .map(|mark| mark.as_str().map(str::to_string))
                .collect::<Option<Vec<_>>>()
                .unwrap_or_default(),
        };
        let (Some(key), Some(item), None) = (marks.pop(), marks.pop(), marks.pop()) else {
            return Err(refusal("the separators of tojson are two strings".to_string()));
        };
        Ok(Self {
            ascii: ascii.is_some_and(|flag| flag.is_true()),
            indent,
            item,
            key,
            sorted: sorted.is_some_and(|flag| flag.is_true()),
        })
    }

    fn write(&self, out: &mut String, value: &Value, depth: usize) -> Answer<()> {
        check_depth(depth)?;
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => out.push_str(&json_number(value)),
            ValueKind::String => self.quote(out, value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.group(out, ['[', ']'], &items, depth, |out, item| {
                    self.write(out, item, depth + 1)
                })?;
            }
            ValueKind::Map => {
                let mut items = Vec::new();
                for key in value.try_iter()? {
                    items.push((self.name(&key)?, value.get_item(&key)?));
                }
                if self.sorted {
                    items.sort_by(|(a, _), (b, _)| a.cmp(b));
                }
                self.group(out, ['{', '}'], &items, depth, |out, (key, value)| {
                    self.quote(out, key);
                    out.push_str(&self.key);
                    self.write(out, value, depth + 1)
                })?;
            }
            other => return Err(refusal(format!("tojson has no form for {other}"))),
        }
        Ok(())
    }

    fn group<T>(
        &self,
        out: &mut String,
        [open, close]: [char; 2],
        items: &[T],
        depth: usize,
        mut write: impl FnMut(&mut String, &T) -> Answer<()>,
    ) -> Answer<()> {
        out.push(open);
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.push_str(&self.item);
            }
            self.line(out, depth + 1);
            write(out, item)?;
        }
        if !items.is_empty() {
            self.line(out, depth);
        }
        out.push(close);
        Ok(())
    }

    fn line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = &self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(indent.as_str(), depth));
        }
    }

    /// A key as text.
    fn name(&self, key: &Value) -> Answer<String> {
        match key.kind() {
            ValueKind::String => Ok(key.as_str().unwrap_or_default().to_string()),
            ValueKind::None => Ok("null".to_string()),
            ValueKind::Bool => Ok(key.is_true().to_string()),
            ValueKind::Number => Ok(json_number(key)),
            other => Err(refusal(format!("tojson has no key for {other}"))),
        }
    }

    fn quote(&self, out: &mut String, text: &str) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if c < ' ' || (self.ascii && !(' '..='~').contains(&c)) => {
                    let units = c.encode_utf16(&mut [0; 2]).to_vec();
                    out.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

fn json_number(value: &Value) -> String {
    match number(value).as_str() {
        "nan" => "NaN".to_string(),
        "inf" => "Infinity".to_string(),
        "-inf" => "-Infinity".to_string(),
        text => text.to_string(),
    }
}
