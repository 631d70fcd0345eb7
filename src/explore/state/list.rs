//! A list of prompts to go through: what each comes to, which are seen, in which order.

use super::State;
use crate::report::text::width;

/// The prompts of a file, or of an earlier run.
#[derive(Debug, Clone, Default)]
pub struct List {
    pub entries: Vec<Entry>,
    /// Only entries with all words of it are seen.
    pub filter: String,
    pub sort: Sort,
    /// The entries that are seen, in their order.
    pub shown: Vec<usize>,
    /// The columns of the widest id, and of the widest target.
    pub widths: [usize; 2],
    /// Which of those seen is selected, and the first that is on the screen.
    pub selected: usize,
    pub above: usize,
    /// The entry whose prompt is in the grid.
    pub opened: Option<usize>,
}

/// A prompt of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: Option<String>,
    pub prompt: String,
    /// The first of its targets.
    pub target: Option<String>,
    pub outcome: Outcome,
    /// What was asserted of it and does not hold.
    pub failures: Vec<String>,
}

/// What there is to say of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is not read yet.
    Awaited,
    Read(Summary),
    /// Why it cannot be read.
    Refused(String),
}

/// What a prompt comes to at its last position.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The model's output, made visible, and its probability.
    pub output: String,
    pub output_prob: f64,
    /// The target's probability and rank there.
    pub target: Option<(f64, u64)>,
    /// The first layer from which every layer's top-1 is the output.
    pub settles: Option<usize>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// As the file has them.
    #[default]
    Given,
    /// What failed, then what ranks its target lowest, then what is least sure.
    Worst,
    /// What settles latest.
    Settles,
}

impl Sort {
    const ALL: [Self; 3] = [Self::Given, Self::Worst, Self::Settles];

    /// It in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Given => "in order",
            Self::Worst => "worst first",
            Self::Settles => "latest to settle first",
        }
    }
}

impl Entry {
    /// What it comes to, if it is read.
    pub fn summary(&self) -> Option<&Summary> {
        match &self.outcome {
            Outcome::Read(summary) => Some(summary),
            Outcome::Awaited | Outcome::Refused(_) => None,
        }
    }

    /// How bad it is, the worst with the greatest.
    fn badness(&self) -> (bool, usize, u64, f64) {
        let summary = self.summary();
        let (prob, rank) = match summary.and_then(|summary| summary.target) {
            Some((prob, rank)) => (prob, rank),
            None => (summary.map_or(1., |summary| summary.output_prob), 0),
        };
        let is_refused = matches!(self.outcome, Outcome::Refused(_));
        (is_refused, self.failures.len(), rank, 1. - prob)
    }

    /// Whether some column has every word of a filter, in lower case.
    fn has(&self, words: &[String]) -> bool {
        if words.is_empty() {
            return true;
        }
        let said = match &self.outcome {
            Outcome::Refused(why) => why.as_str(),
            Outcome::Read(summary) => summary.output.as_str(),
            Outcome::Awaited => "",
        };
        let failed = if self.failures.is_empty() { "" } else { "failed" };
        let texts = [
            self.id.as_deref().unwrap_or_default(),
            &self.prompt,
            self.target.as_deref().unwrap_or_default(),
            said,
            failed,
        ];
        let all = texts.map(str::to_lowercase);
        words
            .iter()
            .all(|word| all.iter().any(|text| text.contains(word)))
    }
}

impl List {
    /// A list of which nothing is filtered.
    pub fn new(entries: Vec<Entry>) -> Self {
        let mut list = Self {
            entries,
            ..Self::default()
        };
        list.arrange();
        list
    }

    /// Filters and sorts anew.
    fn arrange(&mut self) {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let mut shown: Vec<usize> = (0..self.entries.len())
            .filter(|&nth| self.entries[nth].has(&words))
            .collect();
        // Where they are alike, they stay in order.
        match self.sort {
            Sort::Given => {}
            Sort::Worst => shown.sort_by(|&a, &b| {
                let (a, b) = (self.entries[a].badness(), self.entries[b].badness());
                let flags = (b.0, b.1, b.2).cmp(&(a.0, a.1, a.2));
                flags.then(b.3.total_cmp(&a.3))
            }),
            Sort::Settles => shown.sort_by_key(|&nth| {
                let summary = self.entries[nth].summary();
                // What does not settle at all is the latest.
                std::cmp::Reverse(summary.map(|summary| summary.settles.unwrap_or(usize::MAX)))
            }),
        }
        self.shown = shown;
        let widest = |text: fn(&Entry) -> Option<&str>| {
            let texts = self.entries.iter().filter_map(text);
            texts.map(width).max().unwrap_or(0)
        };
        self.widths = [
            widest(|entry| entry.id.as_deref()),
            widest(|entry| entry.target.as_deref()),
        ];
    }

    /// The entry that is selected, if any is seen.
    pub fn selection(&self) -> Option<usize> {
        self.shown.get(self.selected).copied()
    }

    /// How many are read, or cannot be.
    pub fn done(&self) -> usize {
        let is_done = |entry: &&Entry| entry.outcome != Outcome::Awaited;
        self.entries.iter().filter(is_done).count()
    }

    /// Arranges it anew; what was selected stays so, but at the top one stays at the top.
    fn rearrange(&mut self) {
        let selected = self.selection().filter(|_| self.selected > 0);
        self.arrange();
        if let Some(place) = selected.and_then(|nth| self.shown.iter().position(|&other| other == nth)) {
            self.selected = place;
        }
    }
}

impl State {
    /// Goes to a list of prompts, or back to it.
    pub fn list_prompts(&mut self, list: List) {
        self.list = Some(list);
        self.in_list = true;
    }

    /// Whether keys go to the list of prompts.
    pub fn is_in_list(&self) -> bool {
        self.list.is_some() && self.in_list
    }

    /// What some prompts of the list come to, with what their targets are called.
    pub fn set_outcomes(&mut self, outcomes: Vec<(usize, Outcome, Option<String>)>) {
        let Some(list) = &mut self.list else {
            return;
        };
        for (nth, outcome, target) in outcomes {
            if let Some(entry) = list.entries.get_mut(nth) {
                entry.outcome = outcome;
                entry.target = target.or(entry.target.take());
            }
        }
        list.rearrange();
        self.settle_list();
    }

    /// Moves in the list.
    pub(in crate::explore) fn move_in_list(&mut self, by: isize) {
        if let Some(list) = &mut self.list {
            list.selected = list.selected.saturating_add_signed(by);
        }
        self.settle_list();
    }

    /// The next order, from its top.
    pub(in crate::explore) fn turn_sort(&mut self) {
        if let Some(list) = &mut self.list {
            list.sort = super::view::step(&Sort::ALL, list.sort, 1);
            list.selected = 0;
            list.arrange();
        }
        self.settle_list();
    }

    /// Sees only entries that have these words.
    pub(in crate::explore) fn filter_list(&mut self, text: &str) {
        if let Some(list) = &mut self.list {
            list.filter = text.to_string();
            list.rearrange();
        }
        self.settle_list();
    }

    /// The entry `by` further on in the list from the one in the grid, which is selected then.
    pub(in crate::explore) fn neighbour(&mut self, by: isize) -> Option<usize> {
        let list = self.list.as_mut()?;
        let here = list.shown.iter().position(|&nth| Some(nth) == list.opened)?;
        let there = here.checked_add_signed(by)?;
        let nth = *list.shown.get(there)?;
        list.selected = there;
        self.settle_list();
        Some(nth)
    }

    /// The lines of the list on the screen: all but its heading, the selected prompt and the status line.
    pub fn list_height(&self) -> usize {
        usize::from(self.lines).saturating_sub(3).max(1)
    }

    /// Scrolls so that the selected entry is seen.
    pub(super) fn settle_list(&mut self) {
        let height = self.list_height();
        if let Some(list) = &mut self.list {
            let count = list.shown.len();
            list.selected = list.selected.min(count.saturating_sub(1));
            list.above = list
                .above
                .min(list.selected)
                .max((list.selected + 1).saturating_sub(height))
                .min(count.saturating_sub(height));
        }
    }
}
