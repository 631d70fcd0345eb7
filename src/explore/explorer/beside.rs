//! A second prompt, or the same in a second model, beside the first.

use super::Explorer;
use crate::analysis::compare::same_vocabulary;
use crate::explore::picture::Picture;
use crate::explore::reader::Ask;
use crate::text::prompt::Prompt;

impl Explorer<'_> {
    /// Reads a text beside what is there.
    pub(super) fn put_beside(&mut self, text: &str) {
        match (self.setup.source(1).encode)(text) {
            Ok(prompt) => self.show_beside(prompt, false),
            Err(error) => self.state.say(error.to_string(), true),
        }
    }

    /// Reads a prompt beside what is there.
    pub(super) fn show_beside(&mut self, prompt: Prompt, by_ids: bool) {
        if self.state.beside.is_none() {
            let models = [0, 1].map(|which| self.setup.source(which).model);
            let same = std::ptr::eq(models[0], models[1]) || same_vocabulary(models[0], models[1]);
            let name = models[1].card.name.clone();
            self.state.set_beside(name, prompt.asked().to_string(), same);
        }
        self.show(1, prompt, by_ids);
    }

    /// Lets go of the second.
    pub(super) fn leave_beside(&mut self) {
        self.asked[1] = None;
        self.asker.ask(Ask::Leave);
    }

    /// Has tokens followed that are pinned, wherever they are the same.
    pub(super) fn follow(&self, ids: &[u32]) {
        let same = self
            .state
            .beside
            .as_ref()
            .is_some_and(|beside| beside.same_vocabulary);
        for which in (0..2).filter(|&which| which == self.here() || same) {
            self.asker.ask(Ask::Follow(which, ids.to_vec()));
        }
    }

    /// Has what is near a position read first, on both sides.
    pub(super) fn look(&mut self, at: usize) {
        for which in 0..2 {
            let picture = self.state.side_of(which).and_then(|side| side.picture.as_ref());
            if let Some(own) = picture
                .map(Picture::before)
                .and_then(|before| at.checked_sub(before))
            {
                self.asker.ask(Ask::Look(which, own));
            }
        }
    }
}
