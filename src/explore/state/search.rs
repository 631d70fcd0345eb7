//! Finding places: where a token is likeliest, where two sides differ.

use super::{Cursor, Difference, Focus, MOST_TOP, State};
use crate::explore::grid;

/// Where a token that is searched for was found, the likeliest place first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Search {
    pub text: String,
    /// What it is of instead: the difference of two sides.
    pub of: Option<Difference>,
    pub hits: Vec<Cursor>,
    pub nth: usize,
}

impl State {
    /// Finds the cells among whose top tokens is one with `text` in it, the likeliest first, and goes to the
    /// first.
    pub(in crate::explore) fn find(&mut self, text: &str) {
        self.search = Search {
            text: text.to_string(),
            of: None,
            hits: self.hits(text),
            nth: 0,
        };
        self.go_to_hit();
    }

    /// Goes `by` places through those found, or through those where the two sides differ.
    pub(in crate::explore) fn turn_hit(&mut self, by: isize) {
        if self.view.difference.is_some() {
            return self.turn_differing(by);
        }
        if self.search.text.is_empty() {
            self.say("Nothing is searched for yet: / finds a token.", true);
            return;
        }
        // Others may have been read since.
        self.search.hits = self.hits(&self.search.text);
        self.turn(by);
        self.go_to_hit();
    }

    /// Goes `by` places through those where the two sides differ, the first time to the first.
    fn turn_differing(&mut self, by: isize) {
        let Some(difference) = self.view.difference else {
            return;
        };
        let is_new = self.search.of != Some(difference);
        self.search = Search {
            of: Some(difference),
            hits: self.differing(difference),
            nth: if is_new { 0 } else { self.search.nth },
            text: String::new(),
        };
        if !is_new {
            self.turn(by);
        }
        match self.search.hits.get(self.search.nth) {
            Some(&hit) => {
                let (nth, count) = (self.search.nth + 1, self.search.hits.len());
                self.go_to(hit);
                self.say(
                    format!("place {nth} of {count} where the top tokens differ"),
                    false,
                );
            }
            None => self.say("The top tokens are the same wherever both are read.", false),
        }
    }

    fn turn(&mut self, by: isize) {
        let count = self.search.hits.len() as isize;
        if count > 0 {
            self.search.nth = (self.search.nth as isize + by).rem_euclid(count) as usize;
        }
    }

    fn go_to(&mut self, hit: Cursor) {
        self.cursor = hit;
        self.focus = Focus::Grid;
        self.candidate = 0;
    }

    fn go_to_hit(&mut self) {
        let count = self.search.hits.len();
        match self.search.hits.get(self.search.nth) {
            Some(&hit) => {
                self.go_to(hit);
                self.say(
                    format!("place {} of {count}, by probability", self.search.nth + 1),
                    false,
                );
            }
            None if self.search.text.is_empty() => self.message = None,
            None => self.say(
                format!("Not among the {MOST_TOP} likeliest of any cell; t follows any token."),
                true,
            ),
        }
    }

    fn hits(&self, text: &str) -> Vec<Cursor> {
        let Some(picture) = &self.side.picture else {
            return Vec::new();
        };
        let text = text.to_lowercase().replace(' ', "␣");
        if text.is_empty() {
            return Vec::new();
        }
        // By id: a cell has tens of tokens, and a prompt tens of thousands of cells.
        let count = self.side.names.keys().max().map_or(0, |&id| id as usize + 1);
        let mut wanted = vec![false; count];
        for (&id, name) in &self.side.names {
            wanted[id as usize] = name.label.to_lowercase().contains(&text);
        }
        let mut hits = Vec::new();
        for row in (0..picture.rows()).filter(|&row| grid::in_block(picture, row)) {
            for at in 0..picture.positions() {
                let top = picture.reading(row, at).map_or(&[][..], |reading| &reading.top);
                if let Some(found) = top
                    .iter()
                    .find(|candidate| wanted.get(candidate.id as usize) == Some(&true))
                {
                    hits.push((found.prob, Cursor { row, at }));
                }
            }
        }
        hits.sort_by(|a, b| b.0.total_cmp(&a.0));
        hits.into_iter().map(|(_, cursor)| cursor).collect()
    }
}
