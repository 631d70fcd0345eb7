//! A comparison as a sheet.

mod verdict;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::compare::{Comparison, PositionPair, RowPair};
use crate::decoder::Point;
use crate::lens::TargetValue;
use crate::report::json::{Engine, LensMeta, SCHEMA_VERSION};
use crate::report::sheet::{Data, Table};
use crate::report::text::{percent, plain};
use crate::report::words::{capital, lens_name, side_by_side};
use crate::report::{Cell, Document, Sheet};
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
    /// Whether the models, of one vocabulary, make the same tokens of one prompt; true of two prompts.
    #[serde(default = "yes")]
    pub same_tokens: bool,
    /// How many top tokens of either side the overlap is of.
    pub k: usize,
    pub tool: String,
    pub tool_version: String,
    /// What maps the rows before the final norm; absent where that is the logit lens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lenses: Option<Vec<LensMeta>>,
}

fn yes() -> bool {
    true
}

/// One side of a comparison.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SideMeta {
    /// The hub id, or the path as given.
    pub model: String,
    /// The commit hash of a hub model.
    pub revision: Option<String>,
    pub prompt: String,
    /// What ran the model, where that is a server; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// What maps this side's rows before the final norm, where that is not what `meta.lenses` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lenses: Option<Vec<LensMeta>>,
}

/// A row of one side and the one beside it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The lens; absent where that is the logit lens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
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
/// k, and for each target its probability on both sides and the difference. Of several lenses, of which each is
/// a comparison, those of one after the other.
pub fn compared(lenses: &[Compared]) -> Sheet {
    let Some(first) = lenses.first() else {
        return Sheet::default();
    };
    let Compared {
        left,
        right,
        comparison,
    } = first;
    let describe = |document: &Document| {
        let text = plain(&document.trajectory.prompt.text);
        format!("{} · {text}", plain(&document.card.name))
    };
    let meta = meta(lenses, first);
    let several = lenses.len() > 1;
    let lens_of = |compared: &Compared| compared.left.trajectory.lens.name().to_string();
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for compared in lenses {
        for pair in &compared.comparison.positions {
            for row_pair in &pair.rows {
                let row = Row {
                    lens: meta.lenses.is_some().then(|| lens_of(compared)),
                    ..row(compared, pair, row_pair)
                };
                let lens = several.then(|| Cell::Text(lens_of(compared)));
                let others = cells_of(compared, &row, (pair, row_pair), meta.k);
                cells.push(lens.into_iter().chain(others).collect());
                rows.push(row);
            }
        }
    }
    let lens = several.then(|| Column {
        name: "lens".to_string(),
        key: true,
    });
    let columns: Vec<Column> = lens.into_iter().chain(columns(first, meta.k)).collect();
    let keys = columns.iter().take_while(|column| column.key).count();
    let fitted = lenses.iter().filter_map(|compared| {
        let files = artefacts(compared)?;
        Some(format!("lens   {} · {files}", lens_of(compared)))
    });
    let verdicts = lenses.iter().filter_map(|compared| {
        let verdict = verdict::verdict(compared)?;
        Some(match several {
            true => format!("{} lens: {verdict}", capital(lens_name(&lens_of(compared)))),
            false => verdict,
        })
    });
    Sheet {
        title: [
            format!("left   {}", describe(left)),
            format!("right  {}", describe(right)),
        ]
        .into_iter()
        .chain(fitted)
        .chain([String::new()])
        .collect(),
        keys: keys.saturating_sub(1),
        columns: columns.into_iter().map(|column| column.name).collect(),
        rows: cells,
        notes: verdicts.chain(notes(comparison)).collect(),
        explanations: std::iter::once(explanation(first, meta.k))
            .chain(either_side_by_side(left, right))
            .collect(),
        data: Data::new(&ComparisonDocument { meta, rows }),
        ..Sheet::default()
    }
}

/// The files of a lens, of each side's own where they are two.
fn artefacts(compared: &Compared) -> Option<String> {
    let [left, right] = [&compared.left, &compared.right].map(|side| side.trajectory.lens.artefact());
    let (left, right) = (plain(&left?.name), plain(&right?.name));
    Some(match left == right {
        true => left,
        false => format!("{left} (left), {right} (right)"),
    })
}

/// What `resid_mid` is in one of the two models, where that needs saying.
fn either_side_by_side(left: &Document, right: &Document) -> Option<String> {
    let sites = |document: &Document| {
        document
            .trajectory
            .rows
            .iter()
            .map(|row| row.site)
            .collect::<Vec<_>>()
    };
    side_by_side(left.card, sites(left)).or_else(|| side_by_side(right.card, sites(right)))
}

fn meta(lenses: &[Compared], compared: &Compared) -> Meta {
    let side = |document: &Document| SideMeta {
        model: document.card.name.clone(),
        revision: document.card.revision.clone(),
        prompt: document.trajectory.prompt.text.clone(),
        engine: document.card.engine.as_ref().map(Engine::from),
        lenses: None,
    };
    let left = LensMeta::of_each(lenses.iter().map(|one| one.left.trajectory.lens.as_ref()));
    let right = LensMeta::of_each(lenses.iter().map(|one| one.right.trajectory.lens.as_ref()));
    let readings = compared.left.trajectory.rows.iter().flat_map(|row| &row.readings);
    Meta {
        schema_version: SCHEMA_VERSION,
        left: side(&compared.left),
        right: SideMeta {
            lenses: right.filter(|right| left.as_ref() != Some(right)),
            ..side(&compared.right)
        },
        same_vocabulary: compared.comparison.same_vocabulary,
        same_tokens: !compared.comparison.cut_differently,
        k: readings.map(|reading| reading.top.len()).max().unwrap_or(0),
        tool: "lens".to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_string(),
        lenses: left,
    }
}

fn row(compared: &Compared, pair: &PositionPair, row: &RowPair) -> Row {
    let Compared { left, right, .. } = compared;
    let targets = left.trajectory.targets.iter().zip(&right.trajectory.targets);
    Row {
        lens: None,
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

/// A column for people.
struct Column {
    name: String,
    /// Whether it says which row it is.
    key: bool,
}

/// The columns of [`cells_of`].
fn columns(compared: &Compared, k: usize) -> Vec<Column> {
    let comparison = compared.comparison;
    let several = comparison.positions.len() > 1;
    let shared = format!("top-{k} shared");
    let columns = [
        ("left input", several),
        ("right input", several),
        ("layer", true),
        ("right layer", !comparison.same_depth),
        ("left top-1", true),
        ("right top-1", true),
        ("KL(left‖right)", comparison.same_vocabulary),
        ("KL(right‖left)", comparison.same_vocabulary),
        (&shared, true),
    ];
    let shown = columns.iter().filter(|(_, shown)| *shown);
    let shown = shown.map(|(name, _)| Column {
        name: name.to_string(),
        key: name.ends_with("input") || name.ends_with("layer"),
    });
    let targets = compared.left.trajectory.targets.iter().flat_map(|target| {
        let name = &target.name;
        [
            format!("{name} left"),
            format!("{name} right"),
            "difference".to_string(),
        ]
    });
    let targets = targets.map(|name| Column { name, key: false });
    shown.chain(targets).collect()
}

fn cells_of(
    compared: &Compared,
    row: &Row,
    (pair, row_pair): (&PositionPair, &RowPair),
    k: usize,
) -> Vec<Cell> {
    let Compared {
        left,
        right,
        comparison,
    } = compared;
    let input = |document: &Document, side: &SideRow| {
        let label = document
            .tokens
            .label(document.trajectory.prompt.ids[side.position]);
        Cell::Text(format!("{} {label}", side.position))
    };
    let top1 = |document: &Document, side: &SideRow| {
        let label = document.tokens.label(side.top1_id);
        format!("{label} {}", percent(side.top1_prob))
    };
    let right_top1 = top1(right, &row.right);
    let layer = |document: &Document, row: usize| Cell::Layer(document.trajectory.rows[row].site);
    let several = comparison.positions.len() > 1;
    let cells = [
        (input(left, &row.left), several),
        (input(right, &row.right), several),
        (layer(left, row_pair.left), true),
        (layer(right, row_pair.right), !comparison.same_depth),
        (Cell::Text(top1(left, &row.left)), true),
        (
            match same_top1(compared, pair, row_pair) {
                true => Cell::Text(right_top1),
                false => Cell::Different(right_top1),
            },
            true,
        ),
        (divergence(row.kl_left_right), comparison.same_vocabulary),
        (divergence(row.kl_right_left), comparison.same_vocabulary),
        (
            Cell::Fraction((row.overlap * k as f64).round() as u64, k as u64),
            true,
        ),
    ];
    let share = |prob: Option<f64>| prob.map_or(Cell::Empty, Cell::Share);
    let targets = row.targets.iter().flat_map(|target| {
        [
            share(target.left.prob),
            share(target.right.prob),
            target.prob_difference.map_or(Cell::Empty, Cell::ShareDifference),
        ]
    });
    let shown = cells.into_iter().filter(|(_, shown)| *shown);
    shown.map(|(cell, _)| cell).chain(targets).collect()
}

fn divergence(kl: Option<f64>) -> Cell {
    kl.map_or(Cell::Empty, Cell::Divergence)
}

/// Whether both sides have the same top token, by its bytes: ids are no measure where the vocabularies differ.
fn same_top1(compared: &Compared, pair: &PositionPair, row: &RowPair) -> bool {
    let top1 = |document: &Document, row: usize, at: usize| {
        let top = document.trajectory.rows[row].readings[at].top1();
        document.tokens.bytes(top.id)
    };
    top1(&compared.left, row.left, pair.left) == top1(&compared.right, row.right, pair.right)
}

/// What the columns mean.
fn explanation(compared: &Compared, k: usize) -> String {
    let comparison = compared.comparison;
    let mut meanings = Vec::new();
    if comparison.same_vocabulary {
        meanings.push("KL(p‖q) = Σ p (log p − log q), in nats".to_string());
    }
    meanings.push(format!("top-{k} shared: tokens among the top {k} of both"));
    if !compared.left.trajectory.targets.is_empty() {
        meanings.push("difference: right − left, in percentage points (pp)".to_string());
    }
    if comparison.positions.len() > 1 {
        meanings.push("positions are aligned from the end".to_string());
    }
    format!("{}.", meanings.join("; "))
}

fn notes(comparison: &Comparison) -> Vec<String> {
    let notes = [
        (
            comparison.same_vocabulary,
            "The vocabularies differ, so there is no KL; tokens are compared by their bytes.",
        ),
        (
            comparison.same_depth,
            "The models differ in depth; layers are paired by relative depth.",
        ),
        (
            !comparison.cut_differently,
            "The models cut the prompt into different tokens: what differs is not their weights alone.",
        ),
    ];
    let true_of_it = notes.iter().filter(|(same, _)| !same);
    true_of_it.map(|(_, note)| note.to_string()).collect()
}
