//! Finding a token: the places where it is likeliest.

use super::{Cursor, Focus, MOST_TOP, State};
use crate::explore::grid;

/// Where a token that is searched for was found, the likeliest place first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Search {
    pub text: String,
    pub hits: Vec<Cursor>,
    pub nth: usize,
}

impl State {
    /// Finds the cells among whose top tokens is one with `text` in it, the likeliest first, and goes to the
    /// first.
    pub(in crate::explore) fn find(&mut self, text: &str) {
        self.search = Search {
            text: text.to_string(),
            hits: self.hits(text),
            nth: 0,
        };
        self.go_to_hit();
    }

    /// Goes `by` places through those found.
    pub(in crate::explore) fn turn_hit(&mut self, by: isize) {
        if self.search.text.is_empty() {
            self.say("Nothing is searched for yet: / finds a token.", true);
            return;
        }
        // Others may have been read since.
        self.search.hits = self.hits(&self.search.text);
        let count = self.search.hits.len() as isize;
        if count > 0 {
            self.search.nth = (self.search.nth as isize + by).rem_euclid(count) as usize;
        }
        self.go_to_hit();
    }

    fn go_to_hit(&mut self) {
        let count = self.search.hits.len();
        match self.search.hits.get(self.search.nth) {
            Some(&hit) => {
                self.cursor = hit;
                self.focus = Focus::Grid;
                self.candidate = 0;
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
        let Some(picture) = &self.picture else {
            return Vec::new();
        };
        let text = text.to_lowercase().replace(' ', "␣");
        if text.is_empty() {
            return Vec::new();
        }
        let wanted: std::collections::HashSet<u32> = (self.names.iter())
            .filter(|(_, name)| name.label.to_lowercase().contains(&text))
            .map(|(&id, _)| id)
            .collect();
        let mut hits = Vec::new();
        for row in (0..picture.sites.len()).filter(|&row| grid::in_block(picture, row)) {
            for at in 0..picture.positions() {
                let top = picture.reading(row, at).map_or(&[][..], |reading| &reading.top);
                if let Some(found) = top.iter().find(|candidate| wanted.contains(&candidate.id)) {
                    hits.push((found.prob, Cursor { row, at }));
                }
            }
        }
        hits.sort_by(|a, b| b.0.total_cmp(&a.0));
        hits.into_iter().map(|(_, cursor)| cursor).collect()
    }
}
