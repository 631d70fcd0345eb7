//! How far apart two models are, layer by layer, as lines.

use super::counted;
use crate::analysis::compare_many::{ModelComparison, ModelComparisonRow};
use crate::decoder::Point;
use crate::model::Card;
use crate::report::chart::{self, Chart, Curve};

/// How far apart the models are, by the left one's layer: the embedding says the prompt's own token.
pub(super) fn chart(comparison: &ModelComparison, cards: [&Card; 2]) -> Chart {
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
