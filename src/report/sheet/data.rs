//! A sheet for programs: CSV, JSON, JSON Lines.

use std::io::{self, Write};

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Sheet;
use crate::report::csv::shown;
use crate::report::json::{Assertion, Layout, write};

/// What a sheet holds, for programs. In JSON it is an object of `meta` and `rows`, in CSV a line a row.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Data {
    /// What the sheet is of.
    meta: Value,
    /// An object each, all with the same keys.
    rows: Vec<Value>,
    /// What assertions about it come to; `None` without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assertions: Option<Vec<Assertion>>,
}

/// The JSON document of a sheet, as its schema has it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Table<M, R> {
    pub meta: M,
    pub rows: Vec<R>,
}

impl Data {
    /// The data that `table` serialises to.
    pub fn new<M: Serialize, R: Serialize>(table: &Table<M, R>) -> Self {
        // Structs of numbers, texts and lists of such: there is nothing that JSON has no form for.
        let value = |value: serde_json::Result<Value>| value.unwrap_or_default();
        Self {
            meta: value(serde_json::to_value(&table.meta)),
            rows: table
                .rows
                .iter()
                .map(|row| value(serde_json::to_value(row)))
                .collect(),
            assertions: None,
        }
    }

    fn json(&self, layout: Layout, out: &mut dyn Write) -> io::Result<()> {
        let layout = Layout {
            rows: layout.keys,
            ..layout
        };
        write(self, layout, out)?;
        writeln!(out)
    }
}

impl Sheet {
    /// A row a line, numbers in full. What lies deeper in a row has its path as its column's name.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn csv(&self, for_terminal: bool, out: &mut dyn Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        for (i, row) in self.data.rows.iter().enumerate() {
            let fields = fields(row);
            if i == 0 {
                csv.write_record(fields.iter().map(|(name, _)| shown(name.clone(), for_terminal)))?;
            }
            csv.write_record(fields.into_iter().map(|(_, value)| shown(value, for_terminal)))?;
        }
        csv.flush()
    }

    /// An object with `meta`, and `rows` as a list of objects, laid out by `layout`.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn json(&self, layout: Layout, out: &mut dyn Write) -> io::Result<()> {
        self.data.json(layout, out)
    }

    /// The same in a line, or a line for each of its parts.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn json_lines(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut parts = match self.parts.as_slice() {
            [] => std::slice::from_ref(&self.data),
            parts => parts,
        }
        .iter();
        parts.try_for_each(|part| part.json(Layout::ONE_LINE, out))
    }
}

/// The fields of a row by name, deeper ones by their path; an item of a list goes by its own `name`.
fn fields(row: &Value) -> Vec<(String, String)> {
    fn walk(path: &str, value: &Value, fields: &mut Vec<(String, String)>) {
        let join = |key: &str| match path {
            "" => key.to_string(),
            _ => format!("{path}_{key}"),
        };
        match value {
            Value::Object(object) => {
                let inner = object.iter().filter(|(key, _)| *key != "name");
                inner.for_each(|(key, value)| walk(&join(key), value, fields));
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    let name = item["name"]
                        .as_str()
                        .map_or_else(|| join(&i.to_string()), str::to_string);
                    walk(&name, item, fields);
                }
            }
            Value::Null => fields.push((path.to_string(), String::new())),
            Value::String(text) => fields.push((path.to_string(), text.clone())),
            other => fields.push((path.to_string(), other.to_string())),
        }
    }
    let mut found = Vec::new();
    walk("", row, &mut found);
    found
}
