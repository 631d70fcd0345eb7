//! A second prompt, or the same in a second model, beside the first: aligned from the end, and how far apart the
//! two are.

use std::collections::HashMap;

use super::{Cursor, Effect, Focus, Side, State};
use crate::analysis::compare::layer_beside;
use crate::analysis::divergence::Divergence;
use crate::analysis::statistics::Statistic;
use crate::decoder::{Point, Site};
use crate::explore::grid;
use crate::explore::picture::{Picture, label};
use crate::readout::Candidate;
use crate::report::ColorBy;

/// The other of two sides.
#[derive(Debug, Clone)]
pub struct Beside {
    pub side: Side,
    /// Whether an id is the same token on both sides, so that distributions can be compared.
    pub same_vocabulary: bool,
    /// How far the readings are apart, by the distance of a position from the end (1 is the last), one for each
    /// row of the first side.
    pub gaps: HashMap<usize, Vec<Option<Divergence>>>,
}

/// How the difference of two readings is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// KL(first‖second), in nats.
    Kl,
    /// Total variation.
    Tv,
    /// The share of the top tokens that only one has.
    Top,
}

/// How many top tokens of either reading are held beside each other.
const TOP: usize = 10;

impl Difference {
    const ALL: [Self; 3] = [Self::Kl, Self::Tv, Self::Top];

    /// Its name in the status line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kl => "KL apart",
            Self::Tv => "TV apart",
            Self::Top => "top tokens apart",
        }
    }

    /// What its colours say.
    pub fn title(self) -> String {
        match self {
            Self::Kl => "KL from the first to the second (nats)".to_string(),
            Self::Tv => "total variation between the two".to_string(),
            Self::Top => format!("share of the top {TOP} that only one has"),
        }
    }

    /// The statistic whose scale it has.
    pub fn scale(self) -> ColorBy {
        match self {
            Self::Kl => ColorBy::Statistic(Statistic::ForwardKl),
            Self::Tv | Self::Top => ColorBy::Statistic(Statistic::Tv),
        }
    }

    /// Whether it takes a pass through the vocabulary.
    fn is_measured(self) -> bool {
        self != Self::Top
    }
}

impl State {
    /// Puts a second prompt beside, in a model whose tokens are the same or others.
    pub fn set_beside(&mut self, model: String, prompt: String, same_vocabulary: bool) {
        let mut side = Side::new(1, model, prompt);
        if same_vocabulary {
            side.pins = self.side.pins.clone();
            side.pin = self.side.pin;
        }
        self.beside = Some(Beside {
            side,
            same_vocabulary,
            gaps: HashMap::new(),
        });
    }

    /// Takes the second away.
    pub(in crate::explore) fn leave_beside(&mut self) {
        if self.side.which == 1 {
            self.swap_sides();
        }
        self.beside = None;
        self.view.difference = None;
        self.focus = Focus::Grid;
        self.align();
    }

    /// The side `which`, if it is there.
    pub fn side_of(&mut self, which: usize) -> Option<&mut Side> {
        match self.side.which == which {
            true => Some(&mut self.side),
            false => self.beside.as_mut().map(|beside| &mut beside.side),
        }
    }

    /// The two sides, the first of them first; the second only where there are two.
    pub fn sides(&self) -> (&Side, Option<&Side>) {
        match &self.beside {
            Some(beside) if self.side.which == 1 => (&beside.side, Some(&self.side)),
            Some(beside) => (&self.side, Some(&beside.side)),
            None => (&self.side, None),
        }
    }

    /// The cursor goes to the same cell on the other side.
    pub(in crate::explore) fn swap_sides(&mut self) {
        if let Some(beside) = &mut self.beside {
            std::mem::swap(&mut self.side, &mut beside.side);
            self.candidate = 0;
        }
    }

    /// Aligns the two, positions from the end and layers by their relative depth; the cursor stays on its token.
    pub(super) fn align(&mut self) {
        let was_before = self.side.picture.as_ref().map_or(0, Picture::before);
        if let Some(beside) = &mut self.beside {
            beside.gaps.clear();
        }
        let (left, right) = match &mut self.beside {
            Some(beside) if self.side.which == 1 => (&mut beside.side.picture, &mut self.side.picture),
            Some(beside) => (&mut self.side.picture, &mut beside.side.picture),
            None => (&mut self.side.picture, &mut None),
        };
        match (left, right) {
            (Some(left), Some(right)) => {
                let lengths = [left.heads.len(), right.heads.len()];
                let all = lengths[0].max(lengths[1]);
                let lines = lines_beside(left, right);
                left.place(all - lengths[0], (0..left.sites.len()).map(Some).collect());
                right.place(all - lengths[1], lines);
            }
            (Some(one), None) | (None, Some(one)) => {
                one.place(0, (0..one.sites.len()).map(Some).collect());
            }
            (None, None) => {}
        }
        let is_before = self.side.picture.as_ref().map_or(0, Picture::before);
        self.cursor.at = (self.cursor.at + is_before).saturating_sub(was_before);
    }

    /// Goes to the next way to tell the difference, and after the last back to the colours there were.
    pub(in crate::explore) fn turn_difference(&mut self) -> Option<Effect> {
        let Some(beside) = &self.beside else {
            self.say("There is one prompt; a puts a second beside it.", true);
            return None;
        };
        let all = Difference::ALL.into_iter();
        let can = all.filter(|difference| beside.same_vocabulary || !difference.is_measured());
        let all: Vec<Difference> = can.collect();
        let next = match self.view.difference {
            None => 0,
            Some(now) => 1 + all.iter().position(|&other| other == now).unwrap_or(0),
        };
        self.view.difference = all.get(next).copied();
        let is_measured = self.view.difference.is_some_and(Difference::is_measured);
        Some(Effect::Measure(is_measured))
    }

    /// How far the two readings of a cell are apart, as the difference is told; `None` while it is not measured.
    pub fn gap(&self, difference: Difference, row: usize, at: usize) -> Option<f64> {
        let beside = self.beside.as_ref()?;
        let measured = || {
            let from_end = self.side.picture.as_ref()?.positions().checked_sub(at)?;
            *beside.gaps.get(&from_end)?.get(row)?
        };
        match difference {
            Difference::Kl => measured().map(|gap| gap.kl),
            Difference::Tv => measured().map(|gap| gap.tv),
            Difference::Top => {
                let one = self.side.picture.as_ref()?.reading(row, at)?.top.iter().take(TOP);
                let other = beside
                    .side
                    .picture
                    .as_ref()?
                    .reading(row, at)?
                    .top
                    .iter()
                    .take(TOP);
                let is_same = |a: &Candidate, b: &Candidate| match beside.same_vocabulary {
                    true => a.id == b.id,
                    false => label(&self.side.names, a.id) == label(&beside.side.names, b.id),
                };
                let count = one.len().max(1);
                let shared = one.filter(|a| other.clone().any(|b| is_same(a, b))).count();
                Some(1. - shared as f64 / count as f64)
            }
        }
    }

    /// The cells whose top tokens are not the same on both sides, those the furthest apart first.
    pub(super) fn differing(&self, difference: Difference) -> Vec<Cursor> {
        let Some((beside, picture)) = self.beside.as_ref().zip(self.side.picture.as_ref()) else {
            return Vec::new();
        };
        let mut cells = Vec::new();
        for row in (0..picture.rows()).filter(|&row| grid::in_block(picture, row)) {
            for at in 0..picture.positions() {
                let tops = (self.side.top1(row, at), beside.side.top1(row, at));
                if let (Some(one), Some(other)) = tops
                    && one != other
                    && let Some(gap) = self.gap(difference, row, at)
                {
                    cells.push((gap, Cursor { row, at }));
                }
            }
        }
        cells.sort_by(|a, b| b.0.total_cmp(&a.0));
        cells.into_iter().map(|(_, cursor)| cursor).collect()
    }
}

/// For each row of `left`, the row of `right` at the same point whose layer has the same relative depth.
pub fn lines_beside(left: &Picture, right: &Picture) -> Vec<Option<usize>> {
    let depths = [left.layers, right.layers];
    rows_beside(&left.sites, &right.sites, depths)
}

/// The same of rows alone, in models of so many layers.
pub fn rows_beside(left: &[Site], right: &[Site], [deep, other]: [usize; 2]) -> Vec<Option<usize>> {
    let beside = |site: &Site| match site.point {
        Point::Embed => *site,
        point => Site {
            layer: layer_beside(site.layer, deep, other),
            point,
        },
    };
    let row = |site: &Site| right.iter().position(|own| *own == beside(site));
    left.iter().map(row).collect()
}
