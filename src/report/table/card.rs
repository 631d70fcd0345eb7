//! What a model is.

use std::io::{self, Write};

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DIM, HEAD};
use crate::model::Card;
use crate::report::json::{Engine, SCHEMA_VERSION};
use crate::report::sheet::{Data, Table};
use crate::report::text::{count, cut, plain, width, wrap};
use crate::report::{Cell, Sheet};

/// Name, size and revision of the model, one line or, in a narrow terminal, several.
pub fn line(card: &Card, available: usize) -> String {
    let mut facts = vec![
        card.family.clone(),
        format!("{} parameters", count(card.parameters)),
        format!("{} layers", card.layers),
        match card.engine.as_ref().and_then(|engine| engine.dtype()) {
            Some(dtype) => dtype.to_string(),
            None if card.held == card.stored => card.held.to_string(),
            None => format!("{} (file: {})", card.held, card.stored),
        },
        card.device.clone(),
    ];
    if let Some(revision) = &card.revision {
        facts.push(format!("revision {}", revision.get(..8).unwrap_or(revision)));
    }
    let name = wrap(&plain(&card.name), available);
    let mut used = name.last().map_or(0, |line| width(line));
    let name: Vec<String> = name.iter().map(|line| format!("{HEAD}{line}{HEAD:#}")).collect();
    let mut line = name.join("\n");
    for fact in facts {
        let piece = format!(" · {fact}");
        if used + width(&piece) > available {
            let fact = cut(&fact, available.saturating_sub(2));
            line.push_str(&format!("\n  {DIM}{fact}{DIM:#}"));
            used = 2 + width(&fact);
        } else {
            line.push_str(&format!("{DIM}{piece}{DIM:#}"));
            used += width(&piece);
        }
    }
    line
}

/// The whole card.
///
/// # Errors
/// Those of `out` only.
pub fn card(card: &Card, available: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", line(card, available))?;
    for (name, value) in facts(card) {
        if 15 + width(&value) <= available {
            writeln!(out, "  {DIM}{name:<12}{DIM:#} {value}")?;
            continue;
        }
        writeln!(out, "  {DIM}{}{DIM:#}", cut(name, available.saturating_sub(2)))?;
        for line in wrap(&value, available.saturating_sub(4)) {
            writeln!(out, "    {line}")?;
        }
    }
    if let Some(about) = card.about {
        writeln!(out)?;
        for line in wrap(about, available) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// What a model is, for programs.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct CardRow {
    /// The hub id, or the path as given.
    pub model: String,
    /// The commit hash of a hub model.
    pub revision: Option<String>,
    /// `model_type` in config.json.
    pub family: String,
    pub parameters: u64,
    /// The number of blocks.
    pub n_layers: usize,
    pub hidden_size: usize,
    /// Attention heads of a block.
    pub heads: usize,
    /// Rows of the unembedding.
    pub vocabulary: usize,
    /// The longest prompt in tokens; null where any length will do.
    pub context: Option<usize>,
    /// The type of the weights in the file.
    pub file_dtype: String,
    /// The type that they are held in.
    pub dtype: String,
    /// The type that products, norms and logits are computed in.
    pub compute_dtype: String,
    pub device: String,
    /// What runs the model, where that is a server; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// What there is to say of a model that lens itself brings.
    pub about: Option<String>,
}

/// What wrote a card.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct CardMeta {
    pub schema_version: u32,
    pub tool: String,
    pub tool_version: String,
}

/// The document of a card: one row.
pub type CardDocument = Table<CardMeta, CardRow>;

/// The card as a sheet: a row for each thing there is to know.
pub fn card_sheet(card: &Card) -> Sheet {
    let named = [("name", card.name.clone()), ("family", card.family.clone())];
    let rest = [
        ("revision", card.revision.clone().unwrap_or_default()),
        ("about", card.about.unwrap_or_default().to_string()),
    ];
    let rows = named.into_iter().chain(facts(card)).chain(rest);
    let row = |(name, value): (&str, String)| vec![Cell::Text(name.to_string()), Cell::Text(plain(&value))];
    Sheet {
        columns: vec!["what".to_string(), "value".to_string()],
        rows: rows.map(row).collect(),
        data: Data::new(&document(card)),
        ..Sheet::default()
    }
}

fn document(card: &Card) -> CardDocument {
    let row = CardRow {
        model: card.name.clone(),
        revision: card.revision.clone(),
        family: card.family.clone(),
        parameters: card.parameters,
        n_layers: card.layers,
        hidden_size: card.hidden,
        heads: card.heads,
        vocabulary: card.vocabulary,
        context: card.context,
        file_dtype: card.stored.to_string(),
        dtype: card.held.to_string(),
        compute_dtype: card.computed.to_string(),
        device: card.device.clone(),
        engine: card.engine.as_ref().map(Engine::from),
        about: card.about.map(str::to_string),
    };
    Table {
        meta: CardMeta {
            schema_version: SCHEMA_VERSION,
            tool: "lens".to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_string(),
        },
        rows: vec![row],
    }
}

fn facts(card: &Card) -> [(&'static str, String); 7] {
    let context = card.context.map_or("any".to_string(), |n| format!("{n} tokens"));
    [
        ("layers", format!("{} (0 to {})", card.layers, card.layers - 1)),
        ("hidden size", card.hidden.to_string()),
        ("heads", card.heads.to_string()),
        ("vocabulary", format!("{} tokens", card.vocabulary)),
        ("context", context),
        ("parameters", card.parameters.to_string()),
        ("computed in", format!("{} on {}", card.computed, card.device)),
    ]
}
