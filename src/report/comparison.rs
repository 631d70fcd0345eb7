//! A comparison as a sheet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::SCHEMA_VERSION;
use super::sheet::{Data, Table};
use super::text::{percent, plain};
use super::{Cell, Document, Sheet};
use crate::analysis::compare::{Comparison, PositionPair, RowPair};
use crate::decoder::{Point, Site};
use crate::lens::TargetValue;
use crate::text::targets::Target;

/// A comparison with the two documents that it is of.
pub struct Compared<'a> {
    pub left: Document<'a>,
    pub right: Document<'a>,
    pub comparison: &'a Comparison,
}

/// What was compared.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Meta {
    pub schema_version: u32,
    pub left: SideMeta,
    pub right: SideMeta,
    /// Whether an id is the same token on both sides; where not, there is no KL.
    pub same_vocabulary: bool,
    /// How many top tokens of either side the overlap is of.
    pub k: usize,
    pub tool: String,
    pub tool_version: String,
}

/// One side of a comparison.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SideMeta {
    /// The hub id, or the path as given.
    pub model: String,
    /// The commit hash of a hub model.
    pub revision: Option<String>,
    pub prompt: String,
}

/// A row of one side and the one beside it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// How far the position is from the end of its prompt: 1 is the last.
    pub from_end: usize,
    /// Where in the block: `embed`, `attn_out`, `resid_mid`, `mlp_out` or `resid_post`.
    pub point: String,
    pub left: SideRow,
    pub right: SideRow,
    /// KL(left‖right), in nats; null where the vocabularies differ.
    pub kl_left_right: Option<f64>,
    /// KL(right‖left), in nats; null where the vocabularies differ.
    pub kl_right_left: Option<f64>,
    /// The share of the top k that both have.
    pub overlap: f64,
    pub targets: Vec<TargetRow>,
}

/// What one side has at a row.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SideRow {
    /// The layer; null at the embedding.
    pub layer: Option<usize>,
    pub position: usize,
    /// The prompt's token there.
    pub input: String,
    pub top1_id: u32,
    pub top1: String,
    pub top1_prob: f64,
}

/// A target on both sides.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TargetRow {
    pub name: String,
    pub left: TargetSide,
    pub right: TargetSide,
    /// The right's probability less the left's.
    pub prob_difference: Option<f64>,
}

/// What one side makes of a target.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TargetSide {
    pub prob: Option<f64>,
    /// In nats.
    pub logprob: Option<f64>,
    pub rank: Option<u64>,
}

/// The document of a comparison.
pub type ComparisonDocument = Table<Meta, Row>;

/// A row for each position, point and layer: both top-1s, the KL both ways, the overlap of the top
/// k, and for each target its probability on both sides and the difference.
pub fn compared(compared: &Compared) -> Sheet {
    let Compared {
        left,
        right,
        comparison,
    } = compared;
    let describe = |document: &Document| {
        let text = plain(&document.trajectory.prompt.text);
        format!("{} · {text}", plain(&document.card.name))
    };
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for pair in &comparison.positions {
        for row_pair in &pair.rows {
            let row = row(compared, pair, row_pair);
            cells.push(cells_of(compared, &row, row_pair));
            rows.push(row);
        }
    }
    Sheet {
        title: vec![
            format!("left   {}", describe(left)),
            format!("right  {}", describe(right)),
            String::new(),
        ],
        columns: columns(compared),
        rows: cells,
        notes: notes(comparison),
        data: Data::new(&ComparisonDocument {
            meta: meta(compared),
            rows,
        }),
    }
}

fn meta(compared: &Compared) -> Meta {
    let side = |document: &Document| SideMeta {
        model: document.card.name.clone(),
        revision: document.card.revision.clone(),
        prompt: document.trajectory.prompt.text.clone(),
    };
    let readings = compared.left.trajectory.rows.iter().flat_map(|row| &row.readings);
    Meta {
        schema_version: SCHEMA_VERSION,
        left: side(&compared.left),
        right: side(&compared.right),
        same_vocabulary: compared.comparison.same_vocabulary,
        k: readings.map(|reading| reading.top.len()).max().unwrap_or(0),
        tool: "lens".to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_string(),
    }
}

fn row(compared: &Compared, pair: &PositionPair, row: &RowPair) -> Row {
    let Compared { left, right, .. } = compared;
    let targets = left.trajectory.targets.iter().zip(&right.trajectory.targets);
    Row {
        from_end: left.trajectory.prompt.ids.len() - left.trajectory.positions[pair.left],
        point: left.trajectory.rows[row.left].site.point.name().to_string(),
        left: side(left, row.left, pair.left),
        right: side(right, row.right, pair.right),
        kl_left_right: row.kl.map(|kl| kl[0]),
        kl_right_left: row.kl.map(|kl| kl[1]),
        overlap: row.overlap,
        targets: targets
            .map(|targets| target(compared, pair, row, targets))
            .collect(),
    }
}

fn side(document: &Document, row: usize, at: usize) -> SideRow {
    let trajectory = document.trajectory;
    let site = trajectory.rows[row].site;
    let top = trajectory.rows[row].readings[at].top1();
    let position = trajectory.positions[at];
    SideRow {
        layer: (site.point != Point::Embed).then_some(site.layer),
        position,
        input: document.tokens.text(trajectory.prompt.ids[position]),
        top1_id: top.id,
        top1: document.tokens.text(top.id),
        top1_prob: top.prob,
    }
}

fn target(compared: &Compared, pair: &PositionPair, row: &RowPair, targets: (&Target, &Target)) -> TargetRow {
    let left = compared.left.trajectory.value(targets.0, row.left, pair.left);
    let right = compared.right.trajectory.value(targets.1, row.right, pair.right);
    let side = |value: Option<TargetValue>| TargetSide {
        prob: value.map(|v| v.prob),
        logprob: value.map(|v| v.logprob),
        rank: value.map(|v| v.rank),
    };
    TargetRow {
        name: targets.0.name.clone(),
        left: side(left),
        right: side(right),
        prob_difference: left.zip(right).map(|(left, right)| right.prob - left.prob),
    }
}

/// The headings of [`cells_of`].
fn columns(compared: &Compared) -> Vec<String> {
    let comparison = compared.comparison;
    let several = comparison.positions.len() > 1;
    let columns = [
        ("from_end", several),
        ("layer", true),
        ("right_layer", !comparison.same_depth),
        ("left", true),
        ("right", true),
        ("kl_left_right", comparison.same_vocabulary),
        ("kl_right_left", comparison.same_vocabulary),
        ("overlap", true),
    ];
    let shown = columns.iter().filter(|(_, shown)| *shown);
    let targets = compared
        .left
        .trajectory
        .targets
        .iter()
        .flat_map(|target| ["left", "right", "right−left"].map(|side| format!("{} {side}", target.name)));
    shown.map(|(name, _)| name.to_string()).chain(targets).collect()
}

fn cells_of(compared: &Compared, row: &Row, pair: &RowPair) -> Vec<Cell> {
    let Compared {
        left,
        right,
        comparison,
    } = compared;
    let top1 = |document: &Document, side: &SideRow| {
        let label = document.tokens.label(side.top1_id);
        Cell::Text(format!("{label} {}", percent(side.top1_prob)))
    };
    let layer = |site: Site| match site.point {
        Point::ResidPost => Cell::Integer(site.layer as u64),
        _ => Cell::Text(site.to_string()),
    };
    let several = comparison.positions.len() > 1;
    let cells = [
        (Cell::Integer(row.from_end as u64), several),
        (layer(left.trajectory.rows[pair.left].site), true),
        (
            layer(right.trajectory.rows[pair.right].site),
            !comparison.same_depth,
        ),
        (top1(left, &row.left), true),
        (top1(right, &row.right), true),
        (Cell::maybe(row.kl_left_right), comparison.same_vocabulary),
        (Cell::maybe(row.kl_right_left), comparison.same_vocabulary),
        (Cell::Share(row.overlap), true),
    ];
    let share = |prob: Option<f64>| prob.map_or(Cell::Empty, Cell::Share);
    let targets = row.targets.iter().flat_map(|target| {
        [
            share(target.left.prob),
            share(target.right.prob),
            Cell::maybe(target.prob_difference),
        ]
    });
    let shown = cells.into_iter().filter(|(_, shown)| *shown);
    shown.map(|(cell, _)| cell).chain(targets).collect()
}

fn notes(comparison: &Comparison) -> Vec<String> {
    let notes = [
        (
            comparison.same_vocabulary,
            "The vocabularies differ, so there is no KL; the overlap compares tokens by their bytes.",
        ),
        (
            comparison.same_depth,
            "The depths differ: each layer stands beside the one as far through the model.",
        ),
    ];
    let true_of_it = notes.iter().filter(|(same, _)| !same);
    true_of_it.map(|(_, note)| note.to_string()).collect()
}
