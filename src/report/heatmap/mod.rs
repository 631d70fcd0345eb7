//! Layers × positions as coloured cells: what the terminal's picture and the drawn ones share.

mod scale;
mod terminal;

use crate::analysis::statistics::Statistic;
use crate::decoder::{Point, Site};
use crate::error::meant;
use crate::lens::Trajectory;
use crate::report::Document;
use crate::report::only_words::top_label;
use crate::text::targets::Target;

pub use scale::{Rgb, Scale};
pub use terminal::{Depth, HEATMAP};

/// What a cell's colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorBy {
    /// The probability of the cell's top-1.
    Prob,
    /// The probability of the token that is tracked; without one, of the model's output there.
    Target,
    /// The rank of the same token.
    Rank,
    Statistic(Statistic),
}

impl ColorBy {
    /// Every choice.
    pub fn all() -> impl Iterator<Item = Self> {
        let without = [Statistic::Agrees, Statistic::LensKl];
        let statistics = Statistic::ALL.into_iter().filter(move |s| !without.contains(s));
        [Self::Prob, Self::Target, Self::Rank]
            .into_iter()
            .chain(statistics.map(Self::Statistic))
    }

    /// Its name as an option.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prob => "prob",
            Self::Target => "target",
            Self::Rank => "rank",
            Self::Statistic(statistic) => statistic.name(),
        }
    }
}

impl std::str::FromStr for ColorBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = match text {
            "kl" => Statistic::ForwardKl.name(),
            _ => text,
        };
        Self::all().find(|by| by.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::all().map(Self::name).collect();
            format!(
                "cannot colour by {text:?}{}; use one of: {}",
                meant(text, &names),
                names.join(", ")
            )
        })
    }
}

/// The order of the layers on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The first layer at the bottom, as papers have it.
    #[default]
    Up,
    /// The first layer at the top, as tables have it.
    Down,
}

/// One row of cells.
pub struct Row {
    pub site: Site,
    pub cells: Vec<Cell>,
}

/// One cell.
pub struct Cell {
    /// The top-1, made visible, or what stands for it where it is hidden.
    pub label: String,
    /// What the colour says; `None` where there is none.
    pub value: Option<f64>,
    /// Whether the top-1 is the model's output at the position.
    pub agrees: bool,
}

/// The rows of a document in the order in which they are drawn, from the top down; if `words`, without
/// tokens that are no words.
pub fn rows(document: &Document, by: ColorBy, order: Order, words: bool) -> Vec<Row> {
    let trajectory = document.trajectory;
    let mut rows: Vec<Row> = (trajectory.rows.iter().enumerate())
        .map(|(i, row)| Row {
            site: row.site,
            cells: (0..trajectory.positions.len())
                .map(|at| {
                    let top = row.readings[at].top1();
                    Cell {
                        label: top_label(document, i, at, words),
                        value: value(trajectory, by, i, at),
                        agrees: top.id == trajectory.output[at].top1().id,
                    }
                })
                .collect(),
        })
        .collect();
    if order == Order::Up {
        rows.reverse();
    }
    rows
}

/// The prompt's tokens at the positions read, made visible.
pub fn heads(document: &Document) -> Vec<String> {
    let trajectory = document.trajectory;
    (trajectory.positions.iter())
        .map(|&position| document.tokens.label(trajectory.prompt.ids[position]))
        .collect()
}

/// The scale that the rows' values lie on. The embedding is far from everything else, so it does
/// not count where there are other rows.
pub fn scale<'a>(by: ColorBy, rows: impl Iterator<Item = &'a Row> + Clone) -> Scale {
    let only_embed = rows.clone().all(|row| row.site.point == Point::Embed);
    let counted = rows.filter(|row| only_embed || row.site.point != Point::Embed);
    let values = |row: &Row| row.cells.iter().filter_map(|cell| cell.value).collect::<Vec<_>>();
    Scale::fit(by, counted.flat_map(values))
}

/// The characters of the widest row's name.
pub fn label_width(rows: &[Row]) -> usize {
    let names = rows.iter().map(|row| row.site.to_string().len());
    names.max().unwrap_or(0)
}

fn value(trajectory: &Trajectory, by: ColorBy, row: usize, at: usize) -> Option<f64> {
    let reading = &trajectory.rows[row].readings[at];
    let output = &trajectory.output[at];
    let target = || match trajectory.targets.first() {
        Some(target) => trajectory.value(target, row, at),
        None => {
            let output = Target::unnamed(output.top1().id);
            trajectory.value(&output, row, at)
        }
    };
    match by {
        ColorBy::Prob => Some(reading.top1().prob),
        ColorBy::Target => target().map(|value| value.prob),
        ColorBy::Rank => target().map(|value| value.rank as f64),
        ColorBy::Statistic(statistic) => statistic.of(reading, output),
    }
}

/// What the colours of a document say, for the legend.
pub fn title(document: &Document, by: ColorBy) -> String {
    title_of(by, document.trajectory.targets.first())
}

/// What the colours say where they are those of `target`, or without one of the model's output.
pub(crate) fn title_of(by: ColorBy, target: Option<&Target>) -> String {
    let target = target.map_or("the model's output", |target| &target.name);
    match by {
        ColorBy::Prob => "probability of the top token".to_string(),
        ColorBy::Target => format!("probability of {target}"),
        ColorBy::Rank => format!("rank of {target}"),
        ColorBy::Statistic(Statistic::Tv) => "total variation from the output".to_string(),
        ColorBy::Statistic(Statistic::Entropy) => "entropy (nats)".to_string(),
        ColorBy::Statistic(Statistic::ForwardKl) => "KL from the output to the row (nats)".to_string(),
        ColorBy::Statistic(Statistic::ReverseKl) => "KL from the row to the output (nats)".to_string(),
        ColorBy::Statistic(Statistic::Js) => "Jensen-Shannon divergence from the output (nats)".to_string(),
        ColorBy::Statistic(Statistic::CrossEntropy) => "cross-entropy of the next token (nats)".to_string(),
        ColorBy::Statistic(Statistic::LensKl) => "KL from the first lens to the row (nats)".to_string(),
        ColorBy::Statistic(Statistic::Agrees) => "agreement with the output".to_string(),
    }
}
