//! How a text was cut into tokens.

use serde_json::{Map, Value, json};

use super::{Cell, Column, Sheet};
use crate::text::prompt::Prompt;
use crate::text::tokens::Tokens;

/// The tokens of each prompt: position, id, the token made visible and exactly, its bytes in hexadecimal.
pub fn tokenisation(prompts: &[Prompt], tokens: &Tokens, model: &str) -> Sheet {
    let columns = [
        Column {
            shown: prompts.len() > 1,
            ..Column::shown("prompt")
        },
        Column::shown("position"),
        Column::shown("id"),
        Column::shown("token"),
        Column::hidden("text"),
        Column::shown("bytes"),
    ];
    let rows = prompts.iter().enumerate().flat_map(|(number, prompt)| {
        let ids = prompt.ids.iter().enumerate();
        ids.map(move |(position, &id)| {
            let bytes = tokens.bytes(id).unwrap_or_default();
            let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
            vec![
                Cell::Integer(number as u64),
                Cell::Integer(position as u64),
                Cell::Integer(id.into()),
                Cell::Text(tokens.label(id)),
                Cell::Text(tokens.exact(id)),
                Cell::Text(hex.join(" ")),
            ]
        })
    });
    let texts: Vec<&str> = prompts.iter().map(|prompt| prompt.text.as_str()).collect();
    let meta: [(&str, Value); 2] = [("model", json!(model)), ("prompts", json!(texts))];
    Sheet {
        meta: Map::from_iter(meta.map(|(key, value)| (key.to_string(), value))),
        columns: columns.to_vec(),
        rows: rows.collect(),
        ..Sheet::default()
    }
}
