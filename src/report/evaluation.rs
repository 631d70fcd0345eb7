//! An evaluation as a sheet.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::{LensMeta, SCHEMA_VERSION};
use super::sheet::{Data, Table};
use super::summary::counted;
use super::text::plain;
use super::{Cell, Sheet};
use crate::analysis::evaluation::{Estimate, Evaluation, EvaluationRow, KS, Scope};
use crate::decoder::Point;
use crate::model::Card;

/// What was left out of an evaluation, and how its prompts were read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
    /// What maps the rows before the final norm; absent where that is the logit lens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lenses: Option<Vec<LensMeta>>,
}

/// A row: of each item the share of its targets whose rank is at most k, and the mean over items, with its 95 %
/// bootstrap interval (`_low`, `_high`; resampled over items, with a fixed seed).
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Row {
    /// The lens; absent where that is the logit lens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
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
    fn new(row: &EvaluationRow, lens: Option<&str>) -> Self {
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
            lens: lens.map(str::to_string),
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

/// pass@k, a row a layer, then the least over layers and the output; of several lenses, that of each after the other.
pub fn evaluation(evaluations: &[Evaluation], protocol: &Protocol, card: &Card) -> Sheet {
    let none = Evaluation::default();
    let evaluation = evaluations.first().unwrap_or(&none);
    let lenses = LensMeta::of_each(
        evaluations
            .iter()
            .filter_map(|evaluation| evaluation.lens.as_deref()),
    );
    let several = evaluations.len() > 1;
    let controls = evaluation.has_controls();
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for evaluation in evaluations {
        let name = evaluation.lens.as_ref().map(|lens| lens.name());
        for row in evaluation.rows(card.layers) {
            let lens = several.then(|| Cell::Text(name.unwrap_or_default().to_string()));
            cells.push(lens.into_iter().chain(cells_of(&row, controls)).collect());
            rows.push(Row::new(&row, name.filter(|_| lenses.is_some())));
        }
    }
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
        lenses,
    };
    Sheet {
        title: vec![format!(
            "{} · {} items, {targets} targets · pass@k [95% bootstrap interval over items]",
            plain(&card.name),
            evaluation.items()
        )],
        columns: columns(several, controls),
        keys: usize::from(several),
        rows: cells,
        notes: notes(protocol, copy_rate),
        explanations: vec![
            "pass@k: of each item the share of its targets whose rank is at most k, then the mean over items; \
             least: by the least rank over the layers read before the output."
                .to_string(),
        ],
        data: Data::new(&Table {
            meta,
            rows,
        }),
        ..Sheet::default()
    }
}

fn columns(lenses: bool, controls: bool) -> Vec<String> {
    let lens = lenses.then_some("lens");
    let first = lens
        .into_iter()
        .chain(["layer", "median rank"])
        .map(str::to_string);
    let pass = KS.iter().map(|k| format!("pass@{k}"));
    let control = KS.iter().map(|k| format!("control @{k}"));
    first.chain(pass).chain(control.filter(|_| controls)).collect()
}

fn cells_of(row: &EvaluationRow, controls: bool) -> Vec<Cell> {
    let label = match row.scope {
        Scope::Site(site) => site.to_string(),
        Scope::Least => "least".to_string(),
        Scope::Output => "output".to_string(),
    };
    let interval = |estimate: &Estimate| match (estimate.value, estimate.interval) {
        (Some(value), Some([low, high])) => Cell::Interval(value, low, high),
        _ => Cell::Empty,
    };
    let share = |estimate: &Estimate| estimate.value.map_or(Cell::Empty, |p| Cell::MeanShare(p, None));
    let mut cells = vec![Cell::Text(label), Cell::maybe_whole(row.median_rank)];
    cells.extend(row.pass.iter().map(interval));
    cells.extend(row.control.iter().map(share).filter(|_| controls));
    cells
}

fn notes(protocol: &Protocol, copy_rate: Option<f64>) -> Vec<String> {
    let mut notes = Vec::new();
    let several = protocol.targets_of_several_tokens;
    let left_out = several + protocol.targets_not_there;
    if left_out > 0 {
        notes.push(format!(
            "Left out: {} of several tokens, {} that the model does not have; with them {} without any other.",
            counted(several, "target"),
            protocol.targets_not_there,
            counted(protocol.items_left_out, "item")
        ));
    } else if protocol.items_left_out > 0 {
        notes.push(format!(
            "Left out: {} without a target.",
            counted(protocol.items_left_out, "item")
        ));
    }
    let spaces = protocol.prompts_ending_in_a_space;
    if spaces > 0 {
        let done = match protocol.trailing_space.as_str() {
            "keep" => "kept, as a token of its own (--trailing-space strip takes it away)",
            _ => "stripped (--trailing-space keep reads it)",
        };
        let verb = if spaces == 1 { "ends" } else { "end" };
        notes.push(format!(
            "{} {verb} in a space, which was {done}.",
            counted(spaces, "prompt")
        ));
    }
    if let Some(rate) = copy_rate {
        notes.push(format!(
            "Copy rate: {:.1}% of the targets are in their prompt.",
            100. * rate
        ));
    }
    notes
}
