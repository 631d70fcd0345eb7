//! A summary as a sheet.

use serde_json::{Map, Value, json};

use super::text::plain;
use super::{Cell, Column, Sheet};
use crate::analysis::summary::{Mean, Summary};
use crate::decoder::Point;
use crate::model::Card;

/// Means with standard errors, a row a layer.
pub fn summary(summary: &Summary, card: &Card) -> Sheet {
    let pass = format!("pass@{}", summary.k);
    let columns = [
        Column::shown("layer"),
        Column::hidden("point"),
        Column::shown("prob"),
        Column::shown("surprisal"),
        Column::shown("entropy"),
        Column::shown("forward_kl"),
        Column::shown("top1_is_target"),
        Column::shown(&pass),
        Column::shown("top1_is_output"),
        Column::hidden("n"),
    ];
    let number = |mean: Mean| match mean.count() {
        0 => Cell::Empty,
        _ => Cell::Mean(mean.mean(), mean.standard_error()),
    };
    let share = |mean: Mean| match mean.count() {
        0 => Cell::Empty,
        _ => Cell::MeanShare(mean.mean(), mean.standard_error()),
    };
    let rows = summary.rows.iter().map(|row| {
        vec![
            match row.site.point {
                Point::ResidPost => Cell::Integer(row.site.layer as u64),
                _ => Cell::Text(row.site.to_string()),
            },
            Cell::Text(row.site.point.name().to_string()),
            share(row.prob),
            number(row.surprisal),
            number(row.entropy),
            number(row.forward_kl),
            share(row.top1_is_target),
            share(row.pass_at_k),
            share(row.top1_is_output),
            Cell::Integer(row.entropy.count()),
        ]
    });
    let sources = [
        (summary.targets.own, "the prompt's own"),
        (summary.targets.tracked, "the one tracked"),
        (summary.targets.output, "the model's own output at each position"),
    ];
    let mut used = sources.iter().filter(|(prompts, _)| *prompts > 0);
    let targets = match (used.next(), used.next()) {
        (Some((_, source)), None) => format!("The target is {source}."),
        _ => {
            let counts = sources.iter().filter(|(prompts, _)| *prompts > 0);
            let counts: Vec<String> = counts
                .map(|(prompts, source)| format!("of {prompts} prompts {source}"))
                .collect();
            format!("The target is {}.", counts.join(", "))
        }
    };
    let meta: [(&str, Value); 6] = [
        ("model", json!(card.name)),
        ("revision", json!(card.revision)),
        ("prompts", json!(summary.prompts)),
        ("prompts_with_target", json!(summary.targets.own)),
        ("k", json!(summary.k)),
        ("tool_version", json!(env!("CARGO_PKG_VERSION"))),
    ];
    let many = if summary.prompts == 1 { "" } else { "s" };
    Sheet {
        title: vec![format!(
            "{} · {} prompt{many} · means ± standard errors",
            plain(&card.name),
            summary.prompts
        )],
        meta: Map::from_iter(meta.map(|(key, value)| (key.to_string(), value))),
        columns: columns.to_vec(),
        rows: rows.collect(),
        notes: vec![targets],
    }
}
