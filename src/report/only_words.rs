//! Which top tokens are shown where those that are no words are hidden. Their probabilities are as they are.

use super::Document;
use crate::readout::{Candidate, Reading};

/// In place of a token that is hidden.
const HIDDEN: &str = "·";

/// A reading's top tokens; of those after the first, only words if `words`.
pub fn top_tokens<'a>(document: &Document, reading: &'a Reading, words: bool) -> Vec<&'a Candidate> {
    let shown =
        |(nth, candidate): &(usize, &Candidate)| *nth == 0 || !words || document.tokens.is_word(candidate.id);
    let tops = reading.top.iter().enumerate().filter(shown);
    tops.map(|(_, candidate)| candidate).collect()
}

/// What a grid's cell shows of the top token in a row at the `at`th position read: its label, but if
/// `words` a dot for one that is no word. The output's row is always shown.
pub fn top_label(document: &Document, row: usize, at: usize, words: bool) -> String {
    let row = &document.trajectory.rows[row];
    let id = row.readings[at].top1().id;
    let is_kept = || row.site.is_output(document.card.layers) || document.tokens.is_word(id);
    match words && !is_kept() {
        true => HIDDEN.to_string(),
        false => document.tokens.label(id),
    }
}
