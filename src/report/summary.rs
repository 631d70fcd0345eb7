//! A summary as a sheet.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::{Assertion, Engine, LensMeta, SCHEMA_VERSION};
use super::sheet::{Data, Table};
use super::text::plain;
use super::words::{lens_name, side_by_side};
use super::{Cell, Sheet};
use crate::analysis::summary::{Mean, Summary, SummaryRow};
use crate::decoder::{Point, Site};
use crate::model::Card;

/// What a summary is of.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Meta {
    pub schema_version: u32,
    /// The hub id, or the path as given.
    pub model: String,
    /// The commit hash of a hub model.
    pub revision: Option<String>,
    /// How many prompts were read.
    pub prompts: usize,
    /// How many of them bring a target of their own.
    pub prompts_with_target: usize,
    /// How many bring targets of which none can be used: at their last position nothing is scored.
    pub prompts_without_usable_target: usize,
    /// How many positions were read, of all prompts together.
    pub positions: usize,
    /// The k of `target_in_top_k`.
    pub k: usize,
    pub tool: String,
    pub tool_version: String,
    /// What ran the model, where that is a server; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// What maps the rows before the final norm; absent where that is the logit lens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lenses: Option<Vec<LensMeta>>,
}

/// The means over all prompts at one row, each null of no values, with its standard error (`_se`, null of
/// fewer than two). The sample is the prompt: of several positions of one, the mean counts once. Shares have
/// their count too. A share is that divided by the number of readings that it was counted in; if prompts have
/// different numbers of them, it is the mean of the prompts' shares.
///
/// The target is the prompt's own at its last position, and its next token at positions before that; without
/// one, at every position that of `--track`, or else the model's output there.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Row {
    /// The lens; absent where that is the logit lens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
    /// The layer; null at the embedding.
    pub layer: Option<usize>,
    /// Where in the block: `embed`, `attn_out`, `resid_mid`, `mlp_out` or `resid_post`.
    pub point: String,
    /// How many prompts these are the means of.
    pub n: u64,
    /// How many readings these prompts have here, one for each position read.
    pub readings: u64,
    /// How many prompts have a target at a position read.
    pub target_n: u64,
    /// How many of the readings have a target.
    pub target_readings: u64,
    /// The target's probability.
    pub prob: Option<f64>,
    pub prob_se: Option<f64>,
    /// −log p of the target, in nats.
    pub surprisal: Option<f64>,
    pub surprisal_se: Option<f64>,
    /// In nats.
    pub entropy: Option<f64>,
    pub entropy_se: Option<f64>,
    /// KL from the output to the row, in nats.
    pub forward_kl: Option<f64>,
    pub forward_kl_se: Option<f64>,
    /// How often the top-1 is the target.
    pub top1_is_target: Option<f64>,
    pub top1_is_target_se: Option<f64>,
    pub top1_is_target_count: u64,
    /// How often the target's rank is at most k.
    pub target_in_top_k: Option<f64>,
    pub target_in_top_k_se: Option<f64>,
    pub target_in_top_k_count: u64,
    /// How often the top-1 is the output's.
    pub top1_is_output: Option<f64>,
    pub top1_is_output_se: Option<f64>,
    pub top1_is_output_count: u64,
}

impl Row {
    fn new(row: &SummaryRow, lens: Option<&str>) -> Self {
        let mean = |mean: Mean| (mean.count() > 0).then(|| mean.mean());
        Self {
            lens: lens.map(str::to_string),
            layer: (row.site.point != Point::Embed).then_some(row.site.layer),
            point: row.site.point.name().to_string(),
            n: row.entropy.count(),
            readings: row.top1_is_output.of,
            target_n: row.prob.count(),
            target_readings: row.top1_is_target.of,
            prob: mean(row.prob),
            prob_se: row.prob.standard_error(),
            surprisal: mean(row.surprisal),
            surprisal_se: row.surprisal.standard_error(),
            entropy: mean(row.entropy),
            entropy_se: row.entropy.standard_error(),
            forward_kl: mean(row.forward_kl),
            forward_kl_se: row.forward_kl.standard_error(),
            top1_is_target: row.top1_is_target.value(),
            top1_is_target_se: row.top1_is_target.standard_error(),
            top1_is_target_count: row.top1_is_target.count,
            target_in_top_k: row.target_in_top_k.value(),
            target_in_top_k_se: row.target_in_top_k.standard_error(),
            target_in_top_k_count: row.target_in_top_k.count,
            top1_is_output: row.top1_is_output.value(),
            top1_is_output_se: row.top1_is_output.standard_error(),
            top1_is_output_count: row.top1_is_output.count,
        }
    }

    fn cells(&self, site: Site) -> Vec<Cell> {
        let number = |mean: Option<f64>, se| mean.map_or(Cell::Empty, |mean| Cell::Mean(mean, se));
        let share = |share: Option<f64>, se| share.map_or(Cell::Empty, |share| Cell::MeanShare(share, se));
        vec![
            Cell::Layer(site),
            share(self.prob, self.prob_se),
            number(self.surprisal, self.surprisal_se),
            number(self.entropy, self.entropy_se),
            number(self.forward_kl, self.forward_kl_se),
            share(self.top1_is_target, self.top1_is_target_se),
            share(self.target_in_top_k, self.target_in_top_k_se),
            share(self.top1_is_output, self.top1_is_output_se),
        ]
    }
}

/// The document of a summary.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[cfg_attr(test, schemars(rename = "SummaryTable"))]
pub struct SummaryDocument {
    pub meta: Meta,
    pub rows: Vec<Row>,
    /// What `--assert` comes to, in order; absent without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertions: Option<Vec<Assertion>>,
}

/// Means with standard errors, a row a layer; of several lenses, that of each after the other.
pub fn summary(summaries: &[Summary], card: &Card) -> Sheet {
    let none = Summary::default();
    let first = summaries.first().unwrap_or(&none);
    let lenses = summaries.iter().filter_map(|summary| summary.lens.as_deref());
    let lenses = LensMeta::of_each(lenses);
    let several = summaries.len() > 1;
    let (mut rows, mut cells, mut sites) = (Vec::new(), Vec::new(), Vec::new());
    for summary in summaries {
        let name = summary.lens.as_ref().map(|lens| lens.name());
        for row in &summary.rows {
            let named = Row::new(row, name.filter(|_| lenses.is_some()));
            let lens = several.then(|| Cell::Text(name.unwrap_or_default().to_string()));
            cells.push(lens.into_iter().chain(named.cells(row.site)).collect());
            rows.push(named);
            sites.push(row.site);
        }
    }
    let meta = Meta {
        schema_version: SCHEMA_VERSION,
        model: card.name.clone(),
        revision: card.revision.clone(),
        prompts: first.prompts,
        prompts_with_target: first.targets.own,
        prompts_without_usable_target: first.targets.unusable,
        positions: first.positions,
        k: first.k,
        tool: "lens".to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_string(),
        engine: card.engine.as_ref().map(Engine::from),
        lenses,
    };
    let columns = [
        "layer",
        "p(target)",
        "surprisal",
        "entropy",
        "KL to output",
        "top-1 acc.",
        &format!("top-{} acc.", first.k),
        "= output",
    ];
    let columns = several.then_some("lens").into_iter().chain(columns);
    Sheet {
        title: vec![title(first, card, several)],
        columns: columns.map(str::to_string).collect(),
        keys: usize::from(several),
        rows: cells,
        notes: vec![targets(first)],
        explanations: std::iter::once(EXPLANATION.to_string())
            .chain(side_by_side(card, sites))
            .collect(),
        data: Data::new(&Table { meta, rows }),
        ..Sheet::default()
    }
}

const EXPLANATION: &str = "acc. (accuracy): how often the target is the top-1 or among the top k; = output: how \
                           often the top-1 is the output's. Surprisal, entropy and KL in nats.";

/// The model, and how much of what there are means of.
fn title(summary: &Summary, card: &Card, several: bool) -> String {
    let prompts = counted(summary.prompts, "prompt");
    let positions = match summary.positions {
        positions if positions == summary.prompts => String::new(),
        positions => format!(" at {}", counted(positions, "position")),
    };
    format!(
        "{}{} · {prompts}{positions} · means ± standard errors over prompts",
        plain(&card.name),
        if several {
            String::new()
        } else {
            lens_in_title(summary)
        }
    )
}

/// The lens, of one that has files.
fn lens_in_title(summary: &Summary) -> String {
    let fitted = summary.lens.as_ref().filter(|lens| lens.artefact().is_some());
    fitted.map_or(String::new(), |lens| {
        format!(" · {} lens", lens_name(lens.name()))
    })
}

/// Where the targets come from, in a sentence or two.
fn targets(summary: &Summary) -> String {
    let targets = summary.targets;
    let sources = [
        (targets.own, "from the prompts file"),
        (targets.tracked, "from --track"),
        (targets.output, "the model's own output at each position"),
        (targets.unusable, "none that can be used"),
    ];
    let used: Vec<_> = sources.iter().filter(|(prompts, _)| *prompts > 0).collect();
    let mut note = match used.as_slice() {
        [(_, source)] => format!("Targets: {source}."),
        _ => {
            let counts: Vec<String> = (used.iter())
                .map(|(prompts, source)| format!("{source} for {}", counted(*prompts, "prompt")))
                .collect();
            format!("Targets: {}.", counts.join(", "))
        }
    };
    if targets.next > 0 {
        note.push_str(" They belong to a prompt's last position; before it, the target is the next token.");
    }
    note
}

pub(super) fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
