//! A comparison as a sheet.

mod columns;
mod document;
mod notes;
mod verdict;

use crate::analysis::compare::{Comparison, PositionPair, RowPair};
use crate::report::sheet::Data;
use crate::report::text::plain;
use crate::report::words::{capital, lens_name};
use crate::report::{Cell, Document, Sheet};
use columns::{Column, cells_of, columns};
use document::{Row, meta, row};
use notes::{artefacts, either_side_by_side, explanation, notes};

pub use document::ComparisonDocument;

/// A comparison with the two documents that it is of.
pub struct Compared<'a> {
    pub left: Document<'a>,
    pub right: Document<'a>,
    pub comparison: &'a Comparison,
}

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

/// Whether both sides have the same top token, by its bytes: ids are no measure where the vocabularies differ.
fn same_top1(compared: &Compared, pair: &PositionPair, row: &RowPair) -> bool {
    let top1 = |document: &Document, row: usize, at: usize| {
        let top = document.trajectory.rows[row].readings[at].top1();
        document.tokens.bytes(top.id)
    };
    top1(&compared.left, row.left, pair.left) == top1(&compared.right, row.right, pair.right)
}
