//! What is said around a comparison: its lenses' files, what its columns mean, how its models differ.

use super::Compared;
use crate::analysis::compare::Comparison;
use crate::report::Document;
use crate::report::text::plain;
use crate::report::words::side_by_side;

/// The files of a lens, of each side's own where they are two.
pub(super) fn artefacts(compared: &Compared) -> Option<String> {
    let [left, right] = [&compared.left, &compared.right].map(|side| side.trajectory.lens.artefact());
    let (left, right) = (plain(&left?.name), plain(&right?.name));
    Some(match left == right {
        true => left,
        false => format!("{left} (left), {right} (right)"),
    })
}

/// What `resid_mid` is in one of the two models, where that needs saying.
pub(super) fn either_side_by_side(left: &Document, right: &Document) -> Option<String> {
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

/// What the columns mean.
pub(super) fn explanation(compared: &Compared, k: usize) -> String {
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

/// What a reader should know of the two models.
pub(super) fn notes(comparison: &Comparison) -> Vec<String> {
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
