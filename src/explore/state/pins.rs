//! Pinned tokens: their lines are drawn, and colours may be of one.

use super::{Effect, Focus, MOST_PINS, Side, State};
use crate::text::targets::Target;

impl State {
    /// The token that colours are of, where one is pinned.
    pub fn color_target(&self) -> Option<&Target> {
        self.side.color_target()
    }

    /// What the lines are of: the pinned tokens, or else those that lead at some layer at the cursor's position.
    pub fn followed(&self) -> Vec<Target> {
        if !self.side.pins.is_empty() {
            return self.side.pins.clone();
        }
        let Some(picture) = &self.side.picture else {
            return Vec::new();
        };
        let leading = picture.leading(self.cursor.at).into_iter().take(MOST_PINS);
        leading.map(|id| self.side.target(id)).collect()
    }

    /// Pins a token, or selects it where it is pinned; on both sides where they have the same tokens.
    pub fn pin_target(&mut self, target: Target) -> Option<Effect> {
        if let Some(pinned) = self.side.pins.iter().position(|pin| pin.ids == target.ids) {
            self.each_side_of_these_tokens(|side| side.pin = pinned);
            self.say(format!("{} is pinned already.", target.name), false);
            return None;
        }
        if self.side.pins.len() == MOST_PINS {
            self.say(
                format!("{MOST_PINS} tokens are pinned: unpin one first (x)."),
                true,
            );
            return None;
        }
        let ids = target.ids.clone();
        self.each_side_of_these_tokens(|side| {
            side.pins.push(target.clone());
            side.pin = side.pins.len() - 1;
        });
        Some(Effect::Follow(ids))
    }

    /// Pins the selected token: of the list, or the cell's first.
    pub(in crate::explore) fn pin_selected(&mut self) -> Option<Effect> {
        let nth = match self.focus {
            Focus::Top => self.candidate,
            Focus::Grid | Focus::Pins => 0,
        };
        let id = self.top().get(nth)?.id;
        let target = self.side.target(id);
        self.pin_target(target)
    }

    /// Selects the pinned token `by` further down.
    pub(in crate::explore) fn select_pin(&mut self, by: isize) {
        self.each_side_of_these_tokens(|side| {
            let last = side.pins.len().saturating_sub(1);
            side.pin = side.pin.saturating_add_signed(by).min(last);
        });
    }

    /// Unpins the selected token.
    pub(in crate::explore) fn unpin(&mut self) {
        self.each_side_of_these_tokens(|side| {
            if side.pin < side.pins.len() {
                side.pins.remove(side.pin);
                side.pin = side.pin.min(side.pins.len().saturating_sub(1));
            }
        });
        if self.side.pins.is_empty() && self.focus == Focus::Pins {
            self.focus = Focus::Grid;
        }
    }

    /// Does something to the side of the cursor, and to the other if its tokens are the same.
    fn each_side_of_these_tokens(&mut self, change: impl Fn(&mut Side)) {
        change(&mut self.side);
        if let Some(beside) = &mut self.beside
            && beside.same_vocabulary
        {
            change(&mut beside.side);
        }
    }
}
