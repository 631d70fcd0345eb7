//! Two models over many prompts, as a sheet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chart::{self, Chart, Curve};
use super::json::SCHEMA_VERSION;
use super::sheet::{Data, Table};
use super::text::plain;
use super::{Cell, Sheet};
use crate::analysis::compare_many::{ModelComparison, ModelComparisonRow, Moved};
use crate::analysis::summary::Mean;
use crate::decoder::{Point, Site};
use crate::model::Card;

/// What two models were compared on.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Meta {
    pub schema_version: u32,
    pub left: Side,
    pub right: Side,
    /// Whether an id is the same token on both sides; without, there is no KL.
    pub same_vocabulary: bool,
    /// How many prompts both models have read.
    pub prompts: usize,
    /// How many of them the models, of one vocabulary, cut into different tokens.
    #[serde(default)]
    pub prompts_cut_differently: usize,
    /// How many of them have a target on both sides.
    pub prompts_with_target: usize,
    /// How many positions were compared, of all prompts together.
    pub positions: usize,
    /// The k of `overlap`.
    pub k: usize,
    /// By how many layers the right model's prediction settles later than the left one's, a mean over the prompts
    /// for which both settle (of models of different depth, later than the layer as far through it); null of none.
    pub settles_later: Option<f64>,
    pub settles_later_se: Option<f64>,
    /// The prompts whose outputs are furthest apart by KL(left‖right) (by overlap where there is none), furthest
    /// first.
    pub moved: Vec<MovedPrompt>,
    pub tool: String,
    pub tool_version: String,
}

/// A model.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// The hub id, or the path as given.
    pub model: String,
    /// The commit hash of a hub model.
    pub revision: Option<String>,
    /// The type that the weights are held in.
    pub dtype: String,
    /// The number of blocks.
    pub n_layers: usize,
}

/// A prompt whose outputs are far apart.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct MovedPrompt {
    /// The prompt's number, from 0.
    pub prompt: usize,
    pub id: Option<String>,
    pub text: String,
    /// KL(left‖right) of the outputs, in nats; null where the vocabularies differ.
    pub kl_left_right: Option<f64>,
    pub kl_right_left: Option<f64>,
    /// The left model's layer where they are furthest apart.
    pub layer: Option<usize>,
    /// The outputs' top tokens.
    pub left_top1: String,
    pub right_top1: String,
    /// The change of the target's log-probability, right less left, in nats; null without a target.
    pub target_logprob_change: Option<f64>,
}

/// The means over all prompts at one layer and the one beside it, each with its standard error (`_se`, null of
/// fewer than two). The sample is the prompt: of several positions of one, the mean counts once.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The left model's layer; null at the embedding.
    pub layer: Option<usize>,
    /// The right model's layer, as far through it.
    pub right_layer: Option<usize>,
    /// Where in the block: `embed`, `attn_out`, `resid_mid`, `mlp_out` or `resid_post`.
    pub point: String,
    /// How many prompts these are the means of.
    pub n: u64,
    /// KL(left‖right), in nats; null where the vocabularies differ.
    pub kl_left_right: Option<f64>,
    pub kl_left_right_se: Option<f64>,
    /// KL(right‖left), in nats.
    pub kl_right_left: Option<f64>,
    pub kl_right_left_se: Option<f64>,
    /// How often both have the same top-1.
    pub same_top1: Option<f64>,
    pub same_top1_se: Option<f64>,
    pub same_top1_count: u64,
    /// The share of the tokens among the top k of either side that are among both.
    pub overlap: Option<f64>,
    pub overlap_se: Option<f64>,
    /// How many prompts have a target on both sides.
    pub target_n: u64,
    /// The change of the target's log-probability, right less left, in nats.
    pub target_logprob_change: Option<f64>,
    pub target_logprob_change_se: Option<f64>,
}

/// The document of a comparison of two models over many prompts.
pub type ModelComparisonDocument = Table<Meta, Row>;

impl Row {
    fn new(row: &ModelComparisonRow) -> Self {
        let layer = |site: Site| (site.point != Point::Embed).then_some(site.layer);
        Self {
            layer: layer(row.left),
            right_layer: layer(row.right),
            point: row.left.point.name().to_string(),
            n: row.overlap.count(),
            kl_left_right: mean(row.kl_left_right),
            kl_left_right_se: row.kl_left_right.standard_error(),
            kl_right_left: mean(row.kl_right_left),
            kl_right_left_se: row.kl_right_left.standard_error(),
            same_top1: row.same_top1.value(),
            same_top1_se: row.same_top1.standard_error(),
            same_top1_count: row.same_top1.count,
            overlap: mean(row.overlap),
            overlap_se: row.overlap.standard_error(),
            target_n: row.target_logprob_change.count(),
            target_logprob_change: mean(row.target_logprob_change),
            target_logprob_change_se: row.target_logprob_change.standard_error(),
        }
    }
}

fn mean(mean: Mean) -> Option<f64> {
    (mean.count() > 0).then(|| mean.mean())
}

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
        data: Data::new(&Table {
            meta: meta(comparison, cards, k),
            rows,
        }),
        ..Sheet::default()
    }
}

/// How far apart the models are, by the left one's layer: the embedding says the prompt's own token.
fn chart(comparison: &ModelComparison, cards: [&Card; 2]) -> Chart {
    let in_blocks = |row: &&ModelComparisonRow| row.left.point != Point::Embed;
    let rows: Vec<&ModelComparisonRow> = comparison.rows.iter().filter(in_blocks).collect();
    let curve = |name: &str, of: fn(&ModelComparisonRow) -> (f64, Option<f64>)| Curve {
        name: name.to_string(),
        points: (rows.iter())
            .map(|row| of(row))
            .map(|(mean, error)| chart::Point {
                mean,
                error: error.unwrap_or(0.),
            })
            .collect(),
    };
    let (measure, curves) = match comparison.same_vocabulary {
        true => (
            "KL between the models, in nats",
            vec![
                curve("KL(left‖right)", |row| {
                    (row.kl_left_right.mean(), row.kl_left_right.standard_error())
                }),
                curve("KL(right‖left)", |row| {
                    (row.kl_right_left.mean(), row.kl_right_left.standard_error())
                }),
            ],
        ),
        false => (
            "share of the top tokens that only one model has",
            vec![curve("not shared", |row| {
                (1. - row.overlap.mean(), row.overlap.standard_error())
            })],
        ),
    };
    Chart {
        measure: measure.to_string(),
        source: format!(
            "left: {}, {}; right: {}, {}; {}",
            cards[0].name,
            cards[0].held,
            cards[1].name,
            cards[1].held,
            counted(comparison.prompts)
        ),
        layers: rows.iter().map(|row| row.left.to_string()).collect(),
        curves,
    }
}

fn meta(comparison: &ModelComparison, cards: [&Card; 2], k: usize) -> Meta {
    let side = |card: &Card| Side {
        model: card.name.clone(),
        revision: card.revision.clone(),
        dtype: card.held.to_string(),
        n_layers: card.layers,
    };
    let moved = |moved: &Moved| MovedPrompt {
        prompt: moved.number,
        id: moved.id.clone(),
        text: moved.prompt.clone(),
        kl_left_right: moved.kl_left_right,
        kl_right_left: moved.kl_right_left,
        layer: moved.layer,
        left_top1: moved.left_top1.clone(),
        right_top1: moved.right_top1.clone(),
        target_logprob_change: moved.target_logprob_change,
    };
    Meta {
        schema_version: SCHEMA_VERSION,
        left: side(cards[0]),
        right: side(cards[1]),
        same_vocabulary: comparison.same_vocabulary,
        prompts: comparison.prompts,
        prompts_cut_differently: comparison.cut_differently,
        prompts_with_target: comparison.targets,
        positions: comparison.positions,
        k,
        settles_later: mean(comparison.settles_later),
        settles_later_se: comparison.settles_later.standard_error(),
        moved: comparison.moved.iter().map(moved).collect(),
        tool: "lens".to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_string(),
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

/// How much later the right model settles, in a sentence.
fn settles(comparison: &ModelComparison) -> Option<String> {
    let later = mean(comparison.settles_later)?;
    let error = comparison.settles_later.standard_error();
    let error = error.map_or(String::new(), |error| format!(" ±{error:.2}"));
    let count = match comparison.settles_later.count() {
        n if n as usize == comparison.prompts => String::new(),
        n => format!(" ({n} prompts that settle on both sides)"),
    };
    Some(match later {
        small if small.abs() < 0.005 => format!("Both settle at the same layer on average{error}{count}."),
        later => format!(
            "The right one settles {:.2}{error} layers {} on average{count}.",
            later.abs(),
            if later > 0. { "later" } else { "earlier" }
        ),
    })
}

/// How many prompts the models cut into different tokens, though of one vocabulary.
fn cut_differently(comparison: &ModelComparison) -> Option<String> {
    let (count, of) = (comparison.cut_differently, comparison.prompts);
    (count > 0).then(|| {
        format!(
            "The models make different tokens of {count} of {of} prompts: what differs there is not their weights alone."
        )
    })
}

/// So many of the prompts that moved most are shown to people.
const SHOWN: usize = 5;

/// The prompts that moved most, a line each.
fn moved(comparison: &ModelComparison) -> Vec<String> {
    let apart = |moved: &&Moved| moved.kl_left_right.unwrap_or(moved.unshared) > 0.;
    let shown: Vec<&Moved> = comparison.moved.iter().filter(apart).take(SHOWN).collect();
    if shown.is_empty() {
        return Vec::new();
    }
    let by = if comparison.same_vocabulary {
        "KL(left‖right)"
    } else {
        "tokens not shared"
    };
    let line = |moved: &&Moved| {
        let value = match moved.kl_left_right {
            Some(kl) if kl < 0.01 => format!("{kl:.2e}"),
            Some(kl) => format!("{kl:.3}"),
            None => format!("{:.0}%", 100. * moved.unshared),
        };
        let layer = moved
            .layer
            .map_or(String::new(), |layer| format!(", most at layer {layer}"));
        let tokens = match moved.left_top1 == moved.right_top1 {
            true => moved.left_top1.clone(),
            false => format!("{} → {}", moved.left_top1, moved.right_top1),
        };
        let id = moved
            .id
            .as_ref()
            .map_or(String::new(), |id| format!("{}  ", plain(id)));
        format!("  {value}  {id}{}  {tokens}{layer}", plain(&moved.prompt))
    };
    std::iter::once(format!("Moved most, by {by} of the output:"))
        .chain(shown.iter().map(line))
        .collect()
}

fn explanation(has_targets: bool) -> String {
    let target = match has_targets {
        true => "; Δ log p(target): right − left, in nats",
        false => "",
    };
    format!(
        "KL(p‖q) = Σ p (log p − log q), in nats; same top-1: how often both have it; shared: tokens among the top k \
         of both{target}."
    )
}
