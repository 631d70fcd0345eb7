//! How the readings are looked at.

use super::{Difference, State};
use crate::analysis::statistics::Statistic;
use crate::decoder::Point;
use crate::report::{ColorBy, Order};

/// What `c` goes through.
const COLORS: [ColorBy; 5] = [
    ColorBy::Prob,
    ColorBy::Target,
    ColorBy::Rank,
    ColorBy::Statistic(Statistic::Entropy),
    ColorBy::Statistic(Statistic::ForwardKl),
];
/// What `p` goes through.
const POINTS: [Point; 4] = [Point::ResidPost, Point::ResidMid, Point::AttnOut, Point::MlpOut];

/// How the readings are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub color_by: ColorBy,
    pub order: Order,
    /// Whether rows without words are folded.
    pub fold: bool,
    /// Whether top tokens that are no words are hidden.
    pub words: bool,
    /// How many top tokens are listed.
    pub top_k: usize,
    pub point: Point,
    /// Which of the lenses that are loaded.
    pub lens: usize,
    /// Colours are of how far two sides are apart.
    pub difference: Option<Difference>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            color_by: ColorBy::Prob,
            order: Order::default(),
            fold: false,
            words: false,
            top_k: 10,
            point: Point::ResidPost,
            lens: 0,
            difference: None,
        }
    }
}

impl State {
    /// Goes `by` steps through what colours say.
    pub(in crate::explore) fn turn_color(&mut self, by: isize) {
        // The difference gives way to the colours there were.
        if self.view.difference.take().is_some() {
            return;
        }
        self.view.color_by = step(&COLORS, self.view.color_by, by);
    }

    /// Goes to the next point.
    pub(in crate::explore) fn turn_point(&mut self) {
        self.view.point = step(&POINTS, self.view.point, 1);
    }

    /// Goes to the next lens; whether there is another.
    pub(in crate::explore) fn turn_lens(&mut self) -> bool {
        if self.lenses.len() < 2 {
            self.say("One lens is loaded; --lens logit,tuned loads two.", true);
            return false;
        }
        self.view.lens = (self.view.lens + 1) % self.lenses.len();
        true
    }
}

/// The member of `all` that is `by` steps after `current`, in a circle.
pub(super) fn step<T: Copy + PartialEq>(all: &[T], current: T, by: isize) -> T {
    let at = all.iter().position(|&other| other == current).unwrap_or(0);
    all[(at as isize + by).rem_euclid(all.len() as isize) as usize]
}
