//! How a text was cut into tokens.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::SCHEMA_VERSION;
use super::sheet::{Data, Table};
use super::{Cell, Sheet};
use crate::text::prompt::Prompt;
use crate::text::tokens::Tokens;

/// What was cut.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Meta {
    pub schema_version: u32,
    /// The hub id, or the path as given.
    pub model: String,
    pub prompts: Vec<String>,
    pub tool: String,
    pub tool_version: String,
}

/// One token of a prompt.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Row {
    /// The prompt's number in the run, from 0.
    pub prompt: usize,
    pub position: usize,
    pub id: u32,
    /// The token made visible.
    pub token: String,
    /// The token exactly; a byte of a character as `token` has it.
    pub text: String,
    /// In hexadecimal.
    pub bytes: String,
}

/// The document of a tokenization.
pub type TokensDocument = Table<Meta, Row>;

/// The tokens of each prompt: position, id, the token made visible and exactly, its bytes in hexadecimal.
pub fn tokenisation(prompts: &[Prompt], tokens: &Tokens, model: &str) -> Sheet {
    let rows: Vec<Row> = prompts
        .iter()
        .enumerate()
        .flat_map(|(number, prompt)| {
            let ids = prompt.ids.iter().enumerate();
            ids.map(move |(position, &id)| {
                let bytes = tokens.bytes(id).unwrap_or_default();
                let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
                Row {
                    prompt: number,
                    position,
                    id,
                    token: tokens.label(id),
                    text: tokens.exact(id),
                    bytes: hex.join(" "),
                }
            })
        })
        .collect();
    let several = prompts.len() > 1;
    let cells = |row: &Row| {
        let prompt = several.then_some(Cell::Integer(row.prompt as u64));
        let rest = [
            Cell::Integer(row.position as u64),
            Cell::Integer(row.id.into()),
            Cell::Text(row.token.clone()),
            Cell::Text(row.bytes.clone()),
        ];
        prompt.into_iter().chain(rest).collect()
    };
    let columns = several.then_some("prompt").into_iter();
    let columns = columns.chain(["position", "id", "token", "bytes"]);
    let meta = |prompts: &[Prompt]| Meta {
        schema_version: SCHEMA_VERSION,
        model: model.to_string(),
        prompts: prompts.iter().map(|prompt| prompt.text.clone()).collect(),
        tool: "lens".to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_string(),
    };
    let cells = rows.iter().map(cells).collect();
    let data = TokensDocument {
        meta: meta(prompts),
        rows,
    };
    let whole = Data::new(&data);
    // Rows come prompt after prompt.
    let mut rest = data.rows.into_iter();
    let part = |prompt: &Prompt| TokensDocument {
        meta: meta(std::slice::from_ref(prompt)),
        rows: rest.by_ref().take(prompt.ids.len()).collect(),
    };
    Sheet {
        columns: columns.map(str::to_string).collect(),
        keys: usize::from(several),
        rows: cells,
        parts: prompts.iter().map(part).map(|part| Data::new(&part)).collect(),
        data: whole,
        ..Sheet::default()
    }
}
