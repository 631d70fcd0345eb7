//! An evaluation as a sheet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::SCHEMA_VERSION;
use super::sheet::{Data, Table};
use super::text::plain;
use super::{Cell, Sheet};
use crate::analysis::evaluation::{Estimate, Evaluation, EvaluationRow, KS, Scope};
use crate::decoder::Point;
use crate::model::Card;

/// What was left out of an evaluation, and how its prompts were read.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Protocol {
    /// Targets that are several tokens, and so were left out.
    pub targets_of_several_tokens: usize,
    /// Targets that the model does not have.
    pub targets_not_there: usize,
    /// Controls that are left out for either reason.
    pub controls_left_out: usize,
    /// Items of which no target is left: they were left out.
    pub items_left_out: usize,
    /// Prompts that end in a space.
    pub prompts_ending_in_a_space: usize,
    /// What was done about it: `strip`, or `keep`, where the space is a token of its own.
    pub trailing_space: String,
    /// What the text of a target stands for: `whole` (left out if it is several tokens), `first_token` or
    /// `variants`.
    pub targets: String,
    /// Whether the prompts begin with the model's BOS token.
    pub bos: bool,
}

/// What an evaluation is of.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Meta {
    pub schema_version: u32,
    /// The hub id, or the path as given.
    pub model: String,
    /// The commit hash of a hub model.
    pub revision: Option<String>,
    /// How many items were read.
    pub items: usize,
    /// How many targets they have.
    pub targets: usize,
    /// The share of the targets that are among their prompt's tokens.
    pub copy_rate: Option<f64>,
    pub protocol: Protocol,
    pub tool: String,
    pub tool_version: String,
}

/// A row: of each item the share of its targets whose rank is at most k, and the mean over items, with its 95 %
/// bootstrap interval (`_low`, `_high`; resampled over items, with a fixed seed).
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// `layer` (or the embedding), `least` (the least rank over the layers read before the output) or `output`.
    pub scope: String,
    /// The layer; null of the embedding, the least and the output.
    pub layer: Option<usize>,
    /// Where in the block; null of the least.
    pub point: Option<String>,
    /// The median of the targets' ranks.
    pub median_rank: Option<f64>,
    pub pass_1: Option<f64>,
    pub pass_1_low: Option<f64>,
    pub pass_1_high: Option<f64>,
    pub pass_5: Option<f64>,
    pub pass_5_low: Option<f64>,
    pub pass_5_high: Option<f64>,
    pub pass_10: Option<f64>,
    pub pass_10_low: Option<f64>,
    pub pass_10_high: Option<f64>,
    pub pass_100: Option<f64>,
    pub pass_100_low: Option<f64>,
    pub pass_100_high: Option<f64>,
    /// How many items have controls.
    pub control_n: usize,
    /// The same of the controls; null without any.
    pub control_pass_1: Option<f64>,
    pub control_pass_5: Option<f64>,
    pub control_pass_10: Option<f64>,
    pub control_pass_100: Option<f64>,
}

/// The document of an evaluation.
pub type EvaluationDocument = Table<Meta, Row>;

impl Row {
    fn new(row: &EvaluationRow) -> Self {
        let pass = |nth: usize| row.pass[nth].value;
        let low = |nth: usize| row.pass[nth].interval.map(|interval| interval[0]);
        let high = |nth: usize| row.pass[nth].interval.map(|interval| interval[1]);
        let control = |nth: usize| row.control[nth].value;
        let (scope, layer, point) = match row.scope {
            Scope::Site(site) => (
                "layer",
                (site.point != Point::Embed).then_some(site.layer),
                Some(site.point.name()),
            ),
            Scope::Least => ("least", None, None),
            Scope::Output => ("output", None, Some(Point::ResidPost.name())),
        };
        Self {
            scope: scope.to_string(),
            layer,
            point: point.map(str::to_string),
            median_rank: row.median_rank,
            pass_1: pass(0),
            pass_1_low: low(0),
            pass_1_high: high(0),
            pass_5: pass(1),
            pass_5_low: low(1),
            pass_5_high: high(1),
            pass_10: pass(2),
            pass_10_low: low(2),
            pass_10_high: high(2),
            pass_100: pass(3),
            pass_100_low: low(3),
            pass_100_high: high(3),
            control_n: row.control[0].items,
            control_pass_1: control(0),
            control_pass_5: control(1),
            control_pass_10: control(2),
            control_pass_100: control(3),
        }
    }
}

/// pass@k, a row a layer, then the least over layers and the output.
pub fn evaluation(evaluation: &Evaluation, protocol: &Protocol, card: &Card) -> Sheet {
    let rows = evaluation.rows(card.layers);
    let controls = evaluation.has_controls();
    let mut columns = vec!["layer".to_string(), "median rank".to_string()];
    columns.extend(KS.iter().map(|k| format!("pass@{k}")));
    if controls {
        columns.extend(KS.iter().map(|k| format!("control @{k}")));
    }
    let interval = |estimate: &Estimate| match (estimate.value, estimate.interval) {
        (Some(value), Some([low, high])) => Cell::Interval(value, low, high),
        _ => Cell::Empty,
    };
    let cells = rows.iter().map(|row| {
        let label = match row.scope {
            Scope::Site(site) => site.to_string(),
            Scope::Least => "least".to_string(),
            Scope::Output => "output".to_string(),
        };
        let mut cells = vec![Cell::Text(label), Cell::maybe_whole(row.median_rank)];
        cells.extend(row.pass.iter().map(interval));
        if controls {
            let share =
                |estimate: &Estimate| estimate.value.map_or(Cell::Empty, |p| Cell::MeanShare(p, None));
            cells.extend(row.control.iter().map(share));
        }
        cells
    });
    let targets = evaluation.targets;
    let copy_rate = (targets > 0).then(|| evaluation.copied as f64 / targets as f64);
    let meta = Meta {
        schema_version: SCHEMA_VERSION,
        model: card.name.clone(),
        revision: card.revision.clone(),
        items: evaluation.items(),
        targets,
        copy_rate,
        protocol: protocol.clone(),
        tool: "lens".to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_string(),
    };
    Sheet {
        title: vec![format!(
            "{} · {} items, {targets} targets · pass@k [95% bootstrap interval over items]",
            plain(&card.name),
            evaluation.items()
        )],
        columns,
        rows: cells.collect(),
        notes: notes(protocol, copy_rate),
        explanations: vec![
            "pass@k: of each item the share of its targets whose rank is at most k, then the mean over items; \
             least: by the least rank over the layers read before the output."
                .to_string(),
        ],
        data: Data::new(&Table {
            meta,
            rows: rows.iter().map(Row::new).collect(),
        }),
        ..Sheet::default()
    }
}

fn notes(protocol: &Protocol, copy_rate: Option<f64>) -> Vec<String> {
    let mut notes = Vec::new();
    let several = protocol.targets_of_several_tokens;
    let left_out = several + protocol.targets_not_there;
    if left_out > 0 {
        notes.push(format!(
            "Left out: {several} targets of several tokens, {} that the model does not have; with them {} items \
             without any other.",
            protocol.targets_not_there, protocol.items_left_out
        ));
    } else if protocol.items_left_out > 0 {
        notes.push(format!(
            "Left out: {} items without a target.",
            protocol.items_left_out
        ));
    }
    let spaces = protocol.prompts_ending_in_a_space;
    if spaces > 0 {
        let done = match protocol.trailing_space.as_str() {
            "keep" => "kept, as a token of its own (--trailing-space strip takes it away)",
            _ => "stripped (--trailing-space keep reads it)",
        };
        notes.push(format!("{spaces} prompts end in a space, which was {done}."));
    }
    if let Some(rate) = copy_rate {
        notes.push(format!(
            "Copy rate: {:.1}% of the targets are in their prompt.",
            100. * rate
        ));
    }
    notes
}
