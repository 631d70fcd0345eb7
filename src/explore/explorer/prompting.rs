//! The prompt that is read: as it is typed, continued, taken back.

use std::time::Duration;

use super::{Asked, Explorer};
use crate::error::{Error, Result};
use crate::explore::command;
use crate::explore::picture::Picture;
use crate::explore::reader::Ask;
use crate::explore::state::MOST_TOP;
use crate::lens::{Follow, Positions, Request};
use crate::run::Spelling;
use crate::text::prompt::Prompt;
use crate::text::targets::{Target, TargetSpec};

/// A prompt is read again when no key came for so long.
pub(super) const REST: Duration = Duration::from_millis(150);

impl Explorer<'_> {
    /// Reads what is given at first.
    pub(super) fn begin(&mut self) {
        match self.setup.prompt.clone() {
            Some(prompt) => self.show(0, prompt, self.setup.by_ids),
            None => self.begin_list(),
        }
        if let Some(prompt) = self.setup.beside.clone() {
            self.show_beside(prompt, self.setup.by_ids);
        }
    }

    /// The number of the side that the cursor is in.
    pub(super) fn here(&self) -> usize {
        self.state.side.which
    }

    /// Reads the text that was typed; of two models, in both.
    pub(super) fn read_edited(&mut self) {
        let Some((text, _)) = self.edited.take() else {
            return;
        };
        let sides = match self.setup.second.is_some() && self.state.beside.is_some() {
            true => vec![0, 1],
            false => vec![self.here()],
        };
        for which in sides {
            match (self.setup.source(which).encode)(&text) {
                Ok(prompt) => {
                    self.state.message = None;
                    self.show(which, prompt, false);
                }
                Err(error) => self.state.say(error.to_string(), true),
            }
        }
    }

    /// Makes `prompt` the one that is read and shown on a side.
    pub(super) fn show(&mut self, which: usize, prompt: Prompt, by_ids: bool) {
        let continued = &prompt.ids[prompt.ids.len() - prompt.generated..];
        let tokens = &self.setup.source(which).model.tokens;
        let continuation = continued.iter().map(|&id| tokens.text(id));
        let text = format!("{}{}", prompt.asked(), continuation.collect::<String>());
        if let Some(side) = self.state.side_of(which) {
            side.prompt = text;
        }
        self.asked[which] = Some(Asked {
            prompt,
            by_ids,
            number: 0,
            is_awaited: true,
            next: None,
        });
        self.read(which);
    }

    /// Reads the prompt with the token that the model would say; of two models, in both.
    pub(super) fn go_on(&mut self) {
        let here = self.here();
        let Some(asked) = &self.asked[here] else {
            return;
        };
        let picture = self.state.side.picture.as_ref();
        let is_shown = |picture: &&Picture| picture.prompt.ids == asked.prompt.ids;
        let output = picture
            .filter(is_shown)
            .and_then(|picture| picture.output(picture.positions() - 1));
        let Some(next) = output.map(|output| output.top1().id) else {
            return self.state.say("What comes next is not read yet.", false);
        };
        for which in self.sides_of_one_prompt() {
            let Some(asked) = &self.asked[which] else {
                continue;
            };
            let (mut longer, by_ids) = (asked.prompt.clone(), asked.by_ids);
            longer.ids.push(next);
            longer.generated += 1;
            let context = self.setup.source(which).model.card.context;
            if let Some(context) = context.filter(|&most| longer.ids.len() > most) {
                let problem = format!("The model's context holds {context} tokens.");
                return self.state.say(problem, true);
            }
            self.show(which, longer, by_ids);
        }
    }

    /// Reads the prompt without its last token; of two models, in both.
    pub(super) fn take_back(&mut self) {
        for which in self.sides_of_one_prompt() {
            let Some(asked) = &self.asked[which] else {
                continue;
            };
            let (mut shorter, mut by_ids) = (asked.prompt.clone(), asked.by_ids);
            shorter.ids.pop();
            if shorter.ids.is_empty() {
                return self.state.say("The prompt has one token: e edits it.", true);
            }
            let shorter = match shorter.generated {
                0 => {
                    by_ids = true;
                    self.setup.source(which).model.prompt_of_ids(shorter.ids)
                }
                n => Ok(Prompt {
                    generated: n - 1,
                    ..shorter
                }),
            };
            match shorter {
                Ok(prompt) => self.show(which, prompt, by_ids),
                Err(error) => return self.state.say(error.to_string(), true),
            }
        }
    }

    /// The side of the cursor; both where they are two models of the same tokens with one prompt.
    fn sides_of_one_prompt(&self) -> Vec<usize> {
        let ids = |which: usize| self.asked[which].as_ref().map(|asked| &asked.prompt.ids);
        let same_tokens = (self.state.beside.as_ref()).is_some_and(|beside| beside.same_vocabulary);
        match self.setup.second.is_some() && same_tokens && ids(0) == ids(1) {
            true => vec![0, 1],
            false => vec![self.here()],
        }
    }

    /// Asks for every prompt anew, at the point and through the lens that are chosen.
    pub(super) fn read_all(&mut self) {
        (0..2).for_each(|which| self.read(which));
    }

    /// Asks for the prompt of a side at the point that is chosen; the picture that is there stays until it comes.
    fn read(&mut self, which: usize) {
        let request = self.request(which);
        let Some(asked) = &mut self.asked[which] else {
            return;
        };
        self.number += 1;
        asked.number = self.number;
        asked.next = None;
        asked.is_awaited = true;
        let id = (which, self.number);
        self.asker.shared.want(id);
        let last = asked.prompt.ids.len() - 1;
        let cursor = self.state.cursor.at;
        let picture = self.state.side.picture.as_ref();
        // Aligned from the end, both are looked at as far from it.
        let from_end = picture.map_or(0, |picture| (picture.positions() - 1).saturating_sub(cursor));
        let is_here = self.state.side.which == which;
        let near = match is_here && from_end > 0 {
            true => cursor - picture.map_or(0, Picture::before).min(cursor),
            false => last.saturating_sub(from_end),
        };
        let pins = self.state.side_of(which).map(|side| side.pins.clone());
        self.asker.ask(Ask::Read {
            id,
            prompt: asked.prompt.clone(),
            request: Box::new(request),
            wanted: pins.into_iter().flatten().flat_map(|pin| pin.ids).collect(),
            near: near.min(last),
            seen: usize::from(self.state.layout().grid.width) / 8,
        });
    }

    pub(super) fn request(&self, which: usize) -> Request {
        let request = &self.setup.source(which).request;
        let lens = request.lenses.get(self.state.view.lens);
        Request {
            lenses: lens.cloned().into_iter().collect(),
            points: command::points(self.state.view.point),
            positions: Positions::all(),
            top_k: MOST_TOP,
            follow: Follow::Nothing,
            keep_rows: false,
            distances: false,
            lens_kl: false,
            ..request.clone()
        }
    }

    pub(super) fn resolve(&self, text: &str) -> Result<Target> {
        let spec: TargetSpec = text
            .parse()
            .map_err(|error: String| Error::usage(format!("{error}."), "Type a token."))?;
        let target = Spelling::Whole.resolve(&spec, self.setup.source(self.here()).model)?;
        match target.sequence {
            false => Ok(target),
            true => Err(Error::usage(
                format!("{text:?} is {} tokens, not one.", target.ids.len()),
                "Type one: a line is one token's.",
            )),
        }
    }
}
