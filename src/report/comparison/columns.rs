//! The columns of a comparison, and what is in them.

use super::document::{Row, SideRow};
use super::{Compared, same_top1};
use crate::analysis::compare::{PositionPair, RowPair};
use crate::report::text::percent;
use crate::report::{Cell, Document};

/// A column for people.
pub(super) struct Column {
    pub name: String,
    /// Whether it says which row it is.
    pub key: bool,
}

/// The columns of [`cells_of`].
pub(super) fn columns(compared: &Compared, k: usize) -> Vec<Column> {
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

/// One row, by [`columns`].
pub(super) fn cells_of(
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
