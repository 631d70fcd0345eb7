//! Two models over many prompts, as a sheet.

mod curves;
mod document;
mod notes;

use super::sheet::Data;
use super::text::plain;
use super::{Cell, Sheet};
use crate::analysis::compare_many::ModelComparison;
use crate::model::Card;
use curves::chart;
use document::{Row, meta};
use notes::{cut_differently, explanation, moved, settles};

pub use document::ModelComparisonDocument;

/// Means with standard errors, a row a layer, and the prompts that moved most below.
pub fn model_comparison(comparison: &ModelComparison, cards: [&Card; 2], k: usize) -> Sheet {
    let rows: Vec<Row> = comparison.rows.iter().map(Row::new).collect();
    let has_targets = comparison.targets > 0;
    let columns = [
        ("layer".to_string(), true),
        ("right layer".to_string(), !comparison.same_depth),
        ("KL(left‖right)".to_string(), comparison.same_vocabulary),
        ("KL(right‖left)".to_string(), comparison.same_vocabulary),
        ("same top-1".to_string(), true),
        (format!("top-{k} shared"), true),
        ("Δ log p(target)".to_string(), has_targets),
    ];
    let number = |mean: Option<f64>, se| mean.map_or(Cell::Empty, |mean| Cell::MeanDivergence(mean, se));
    let share = |share: Option<f64>, se| share.map_or(Cell::Empty, |share| Cell::MeanShare(share, se));
    let cells = rows.iter().zip(&comparison.rows).map(|(row, sites)| {
        let cells = [
            Cell::Layer(sites.left),
            Cell::Layer(sites.right),
            number(row.kl_left_right, row.kl_left_right_se),
            number(row.kl_right_left, row.kl_right_left_se),
            share(row.same_top1, row.same_top1_se),
            share(row.overlap, row.overlap_se),
            number(row.target_logprob_change, row.target_logprob_change_se),
        ];
        let shown = cells.into_iter().zip(&columns).filter(|(_, (_, shown))| *shown);
        shown.map(|(cell, _)| cell).collect()
    });
    Sheet {
        title: title(comparison, cards),
        rows: cells.collect(),
        columns: (columns.iter().filter(|(_, shown)| *shown))
            .map(|(name, _)| name.clone())
            .collect(),
        notes: settles(comparison)
            .into_iter()
            .chain(cut_differently(comparison))
            .chain(moved(comparison))
            .collect(),
        explanations: vec![explanation(has_targets)],
        chart: Some(chart(comparison, cards)),
        data: Data::new(&ModelComparisonDocument {
            meta: meta(comparison, cards, k),
            rows,
        }),
        ..Sheet::default()
    }
}

fn title(comparison: &ModelComparison, cards: [&Card; 2]) -> Vec<String> {
    let prompts = counted(comparison.prompts);
    let positions = match comparison.positions {
        positions if positions == comparison.prompts => String::new(),
        positions => format!(" at {positions} positions"),
    };
    let side = |name: &str, card: &Card| format!("{name:<5}  {} · {}", plain(&card.name), card.held);
    vec![
        side("left", cards[0]),
        side("right", cards[1]),
        format!("{prompts}{positions} · means ± standard errors over prompts"),
        String::new(),
    ]
}

fn counted(prompts: usize) -> String {
    match prompts {
        1 => "1 prompt".to_string(),
        n => format!("{n} prompts"),
    }
}
