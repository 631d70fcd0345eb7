//! How a text was cut into tokens.

use serde_json::{Map, Value, json};

use super::{Cell, Column, Sheet};
use crate::prompt::Prompt;
use crate::tokens::Tokens;

/// The tokens of a prompt: position, id, the token made visible, its bytes in hexadecimal.
pub fn tokenisation(prompt: &Prompt, tokens: &Tokens, model: &str) -> Sheet {
    let columns = [
        Column::shown("position"),
        Column::shown("id"),
        Column::shown("token"),
        Column::hidden("text"),
        Column::shown("bytes"),
    ];
    let rows = prompt.ids.iter().enumerate().map(|(position, &id)| {
        let bytes = tokens.bytes(id).unwrap_or_default();
        let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
        vec![
            Cell::Integer(position as u64),
            Cell::Integer(id.into()),
            Cell::Text(tokens.label(id)),
            Cell::Text(tokens.text(id)),
            Cell::Text(hex.join(" ")),
        ]
    });
    let meta: [(&str, Value); 2] = [("model", json!(model)), ("prompt", json!(prompt.text))];
    Sheet {
        meta: Map::from_iter(meta.map(|(key, value)| (key.to_string(), value))),
        columns: columns.to_vec(),
        rows: rows.collect(),
        ..Sheet::default()
    }
}
