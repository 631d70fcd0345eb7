//! Pinned tokens: their lines are drawn, and colours may be of one.

use super::{Effect, Focus, MOST_PINS, State};
use crate::explore::picture::label;
use crate::text::targets::Target;

impl State {
    /// The token that colours are of, where one is pinned.
    pub fn color_target(&self) -> Option<&Target> {
        self.pins.get(self.pin)
    }

    /// What the lines are of: the pinned tokens, or else those that lead at some layer at the cursor's position.
    pub fn followed(&self) -> Vec<Target> {
        if !self.pins.is_empty() {
            return self.pins.clone();
        }
        let Some(picture) = &self.picture else {
            return Vec::new();
        };
        let leading = picture.leading(self.cursor.at).into_iter().take(MOST_PINS);
        leading.map(|id| self.target(id)).collect()
    }

    fn target(&self, id: u32) -> Target {
        Target {
            name: label(&self.names, id).to_string(),
            ids: vec![id],
            other_form: None,
            sequence: false,
        }
    }

    /// Pins a token, or selects it where it is pinned.
    pub fn pin_target(&mut self, target: Target) -> Option<Effect> {
        if let Some(pinned) = self.pins.iter().position(|pin| pin.ids == target.ids) {
            self.pin = pinned;
            self.say(format!("{} is pinned already.", target.name), false);
            return None;
        }
        if self.pins.len() == MOST_PINS {
            self.say(
                format!("{MOST_PINS} tokens are pinned: unpin one first (x)."),
                true,
            );
            return None;
        }
        let ids = target.ids.clone();
        self.pins.push(target);
        self.pin = self.pins.len() - 1;
        Some(Effect::Follow(ids))
    }

    /// Pins the selected token: of the list, or the cell's first.
    pub(in crate::explore) fn pin_selected(&mut self) -> Option<Effect> {
        let nth = match self.focus {
            Focus::Top => self.candidate,
            Focus::Grid | Focus::Pins => 0,
        };
        let id = self.top().get(nth)?.id;
        let target = self.target(id);
        self.pin_target(target)
    }

    /// Unpins the selected token.
    pub(in crate::explore) fn unpin(&mut self) {
        if self.pin < self.pins.len() {
            self.pins.remove(self.pin);
            self.pin = self.pin.min(self.pins.len().saturating_sub(1));
        }
        if self.pins.is_empty() && self.focus == Focus::Pins {
            self.focus = Focus::Grid;
        }
    }
}
