//! Which rows a table shows, and which of their tokens.

use std::ops::Range;

use crate::decoder::Point;
use crate::report::Document;
use crate::report::text::quoted;
use crate::text::visible::is_punctuation;

/// A table of fewer rows is never folded.
const FOLDED_FROM: usize = 25;
/// Fewer rows below each other stay as they are.
const SHORTEST_RUN: usize = 3;
/// The last rows stay as they are.
const LAST: usize = 3;

/// A line of a table.
pub enum Line {
    /// A row, by its number.
    Row(usize),
    /// Rows that say nothing: their names, and what they say instead of words.
    Folded { label: String, said: String },
}

/// Every row as a line of its own.
pub fn all(document: &Document) -> Vec<Line> {
    (0..document.trajectory.rows.len()).map(Line::Row).collect()
}

/// The rows of a deep model, runs of them without a word as top-1 at any of the positions `at` as a line
/// each. The last rows and those where an output is first top-1 are never part of one.
pub fn folded(document: &Document, at: Range<usize>) -> Vec<Line> {
    let trajectory = document.trajectory;
    let rows = trajectory.rows.len();
    if rows < FOLDED_FROM {
        return all(document);
    }
    let first: Vec<_> = at.clone().map(|at| trajectory.leads_first_at(at)).collect();
    let says_nothing = |row: usize| {
        let site = trajectory.rows[row].site;
        let leads = site.point == Point::ResidPost && first.contains(&Some(site.layer));
        let mut tops = at.clone().map(|at| trajectory.rows[row].readings[at].top1().id);
        row + LAST < rows && !leads && tops.all(|id| !document.tokens.is_word(id))
    };
    let mut lines = Vec::new();
    let mut row = 0;
    while row < rows {
        let run = (row..rows).take_while(|&row| says_nothing(row)).count();
        if run >= SHORTEST_RUN {
            lines.push(fold(document, row..row + run, at.clone()));
            row += run;
        } else {
            let shown = run.max(1);
            lines.extend((row..row + shown).map(Line::Row));
            row += shown;
        }
    }
    lines
}

/// Rows as one line, with their top tokens, the most frequent first.
fn fold(document: &Document, rows: Range<usize>, at: Range<usize>) -> Line {
    let sites = &document.trajectory.rows[rows.clone()];
    let mut tokens: Vec<(u32, usize)> = Vec::new();
    for reading in sites.iter().flat_map(|row| &row.readings[at.clone()]) {
        let id = reading.top1().id;
        match tokens.iter_mut().find(|(other, _)| *other == id) {
            Some((_, count)) => *count += 1,
            None => tokens.push((id, 1)),
        }
    }
    tokens.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let punctuation = |&(id, _): &(u32, usize)| document.tokens.bytes(id).is_some_and(|b| is_punctuation(&b));
    let kind = match tokens.iter().all(punctuation) {
        true => "punctuation",
        false => "no words",
    };
    let labels: Vec<String> = (tokens.iter())
        .map(|&(id, _)| quoted(&document.tokens.label(id)))
        .collect();
    Line::Folded {
        label: format!("{}–{}", sites[0].site, sites[sites.len() - 1].site),
        said: format!("{kind}: {}", labels.join(" ")),
    }
}

/// Whether any rows are folded.
pub fn any_folded(lines: &[Line]) -> bool {
    lines.iter().any(|line| matches!(line, Line::Folded { .. }))
}
