//! What a model is.

use std::io::{self, Write};

use super::{DIM, HEAD, plain};
use crate::model::Card;
use crate::report::text::{count, cut, width, wrap};
use crate::report::{Cell, Column, Sheet};

/// Name, size and revision of the model, one line or, in a narrow terminal, several.
pub fn line(card: &Card, available: usize) -> String {
    let mut facts = vec![
        card.family.clone(),
        format!("{} parameters", count(card.parameters)),
        format!("{} layers", card.layers),
        match card.held == card.stored {
            true => card.held.to_string(),
            false => format!("{} (file: {})", card.held, card.stored),
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

/// The card for programs: a row for each thing there is to know.
pub fn card_sheet(card: &Card) -> Sheet {
    let named = [("name", card.name.clone()), ("family", card.family.clone())];
    let rest = [
        ("revision", card.revision.clone().unwrap_or_default()),
        ("about", card.about.unwrap_or_default().to_string()),
    ];
    let rows = named.into_iter().chain(facts(card)).chain(rest);
    let row = |(name, value): (&str, String)| vec![Cell::Text(name.to_string()), Cell::Text(plain(&value))];
    Sheet {
        columns: vec![Column::shown("what"), Column::shown("value")],
        rows: rows.map(row).collect(),
        ..Sheet::default()
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
