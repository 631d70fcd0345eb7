//! A comparison as a sheet.

use serde_json::{Map, Value, json};

use super::text::{percent, plain};
use super::{Cell, Column, Document, Sheet};
use crate::analysis::compare::{Comparison, PositionPair, RowPair};
use crate::decoder::Point;

/// A comparison with the two documents that it is of.
pub struct Compared<'a> {
    pub left: Document<'a>,
    pub right: Document<'a>,
    pub comparison: &'a Comparison,
}

/// A row for each position, point and layer: both top-1s, the KL both ways, the overlap of the top
/// k, and for each target its probability on both sides and the difference.
pub fn compared(compared: &Compared) -> Sheet {
    let Compared {
        left,
        right,
        comparison,
    } = compared;
    let several = comparison.positions.len() > 1;
    let mut columns = vec![
        Column {
            shown: several,
            ..Column::shown("from_end")
        },
        Column::hidden("point"),
        Column::shown("layer"),
        Column {
            shown: !comparison.same_depth,
            ..Column::shown("right_layer")
        },
        Column::hidden("left_token_id"),
        Column::shown("left"),
        Column::hidden("left_prob"),
        Column::hidden("right_token_id"),
        Column::shown("right"),
        Column::hidden("right_prob"),
        Column {
            shown: comparison.same_vocabulary,
            ..Column::shown("kl_left_right")
        },
        Column {
            shown: comparison.same_vocabulary,
            ..Column::shown("kl_right_left")
        },
        Column::shown("overlap"),
    ];
    for target in &left.trajectory.targets {
        let name = &target.name;
        columns.push(Column::shown(&format!("{name} left")));
        columns.push(Column::shown(&format!("{name} right")));
        columns.push(Column::shown(&format!("{name} right−left")));
    }
    let rows = comparison.positions.iter().flat_map(|pair| {
        let rows = pair.rows.iter();
        rows.map(|row| cells(compared, pair, row))
    });
    let describe = |document: &Document| {
        let text = plain(&document.trajectory.prompt.text);
        format!("{} · {text}", plain(&document.card.name))
    };
    let meta: [(&str, Value); 7] = [
        ("left_model", json!(left.card.name)),
        ("right_model", json!(right.card.name)),
        ("left_prompt", json!(left.trajectory.prompt.text)),
        ("right_prompt", json!(right.trajectory.prompt.text)),
        ("same_vocabulary", json!(comparison.same_vocabulary)),
        ("kl", json!("nats; kl_left_right is KL(left‖right)")),
        ("tool_version", json!(env!("CARGO_PKG_VERSION"))),
    ];
    let mut notes = Vec::new();
    if !comparison.same_vocabulary {
        notes.push(
            "The vocabularies differ, so there is no KL; the overlap compares tokens by their bytes."
                .to_string(),
        );
    }
    if !comparison.same_depth {
        notes.push(
            "The depths differ: each layer stands beside the one as far through the model.".to_string(),
        );
    }
    Sheet {
        title: vec![
            format!("left   {}", describe(left)),
            format!("right  {}", describe(right)),
            String::new(),
        ],
        meta: Map::from_iter(meta.map(|(key, value)| (key.to_string(), value))),
        columns,
        rows: rows.collect(),
        notes,
    }
}

fn cells(compared: &Compared, pair: &PositionPair, row: &RowPair) -> Vec<Cell> {
    let Compared { left, right, .. } = compared;
    let (l, r) = (&left.trajectory.rows[row.left], &right.trajectory.rows[row.right]);
    let [left_top, right_top] =
        [&l.readings[pair.left], &r.readings[pair.right]].map(|reading| reading.top1());
    let label = |document: &Document, top: crate::readout::Candidate| {
        Cell::Text(format!("{} {}", document.tokens.label(top.id), percent(top.prob)))
    };
    let layer = |site: crate::decoder::Site| match site.point {
        Point::ResidPost => Cell::Integer(site.layer as u64),
        _ => Cell::Text(site.to_string()),
    };
    let from_end = left.trajectory.prompt.ids.len() - left.trajectory.positions[pair.left];
    let mut cells = vec![
        Cell::Integer(from_end as u64),
        Cell::Text(l.site.point.name().to_string()),
        layer(l.site),
        layer(r.site),
        Cell::Integer(left_top.id.into()),
        label(left, left_top),
        Cell::Share(left_top.prob),
        Cell::Integer(right_top.id.into()),
        label(right, right_top),
        Cell::Share(right_top.prob),
        Cell::maybe(row.kl.map(|kl| kl[0])),
        Cell::maybe(row.kl.map(|kl| kl[1])),
        Cell::Share(row.overlap),
    ];
    let targets = left.trajectory.targets.iter().zip(&right.trajectory.targets);
    for (left_target, right_target) in targets {
        let a = left.trajectory.value(left_target, row.left, pair.left);
        let b = right.trajectory.value(right_target, row.right, pair.right);
        let share = |v: Option<crate::lens::TargetValue>| v.map_or(Cell::Empty, |v| Cell::Share(v.prob));
        cells.extend([
            share(a),
            share(b),
            Cell::maybe(a.zip(b).map(|(a, b)| b.prob - a.prob)),
        ]);
    }
    cells
}
