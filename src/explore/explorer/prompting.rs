//! The prompt that is read: as it is typed, continued, taken back.

use std::time::Duration;

use super::Explorer;
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
    /// Reads the text that was typed.
    pub(super) fn read_edited(&mut self) {
        let Some((text, _)) = self.edited.take() else {
            return;
        };
        match (self.setup.encode)(&text) {
            Ok(prompt) => {
                self.state.message = None;
                self.by_ids = false;
                self.show(prompt);
            }
            Err(error) => self.state.say(error.to_string(), true),
        }
    }

    /// Makes `prompt` the one that is read and shown.
    fn show(&mut self, prompt: Prompt) {
        let continued = &prompt.ids[prompt.ids.len() - prompt.generated..];
        let continuation = continued.iter().map(|&id| self.setup.model.tokens.text(id));
        self.state.prompt = format!("{}{}", prompt.asked(), continuation.collect::<String>());
        self.prompt = prompt;
        self.read();
    }

    /// Reads the prompt with the token that the model would say.
    pub(super) fn go_on(&mut self) {
        let picture = self.state.picture.as_ref();
        let is_shown = |picture: &&Picture| picture.prompt.ids == self.prompt.ids;
        let output = picture
            .filter(is_shown)
            .and_then(|picture| picture.output(picture.positions() - 1));
        let Some(output) = output else {
            return self.state.say("What comes next is not read yet.", false);
        };
        let mut longer = self.prompt.clone();
        longer.ids.push(output.top1().id);
        longer.generated += 1;
        if let Some(context) = self
            .setup
            .model
            .card
            .context
            .filter(|&most| longer.ids.len() > most)
        {
            return self
                .state
                .say(format!("The model's context holds {context} tokens."), true);
        }
        self.show(longer);
    }

    /// Reads the prompt without its last token.
    pub(super) fn take_back(&mut self) {
        let mut ids = self.prompt.ids.clone();
        ids.pop();
        if ids.is_empty() {
            return self.state.say("The prompt has one token: e edits it.", true);
        }
        self.by_ids |= self.prompt.generated == 0;
        let shorter = match self.prompt.generated {
            0 => self.setup.model.prompt_of_ids(ids),
            n => Ok(Prompt {
                ids,
                generated: n - 1,
                ..self.prompt.clone()
            }),
        };
        match shorter {
            Ok(prompt) => self.show(prompt),
            Err(error) => self.state.say(error.to_string(), true),
        }
    }

    /// Asks for the prompt at the point that is chosen; the picture that is there stays until it comes.
    pub(super) fn read(&mut self) {
        self.asker.id += 1;
        self.asker.shared.want(self.asker.id);
        let positions = self.prompt.ids.len();
        let is_at_end = (self.state.picture.as_ref())
            .is_none_or(|picture| self.state.cursor.at + 1 == picture.positions());
        self.asker.ask(Ask::Read {
            id: self.asker.id,
            prompt: self.prompt.clone(),
            request: Box::new(self.request()),
            wanted: self.state.pins.iter().flat_map(|pin| pin.ids.clone()).collect(),
            near: match is_at_end {
                true => positions - 1,
                false => self.state.cursor.at.min(positions - 1),
            },
            seen: usize::from(self.state.layout().grid.width) / 8,
        });
    }

    fn request(&self) -> Request {
        let lenses = &self.setup.request.lenses;
        Request {
            lenses: lenses.get(self.state.view.lens).cloned().into_iter().collect(),
            points: command::points(self.state.view.point),
            positions: Positions::all(),
            top_k: MOST_TOP,
            follow: Follow::Nothing,
            keep_rows: false,
            distances: false,
            lens_kl: false,
            ..self.setup.request.clone()
        }
    }

    pub(super) fn resolve(&self, text: &str) -> Result<Target> {
        let spec: TargetSpec = text
            .parse()
            .map_err(|error: String| Error::usage(format!("{error}."), "Type a token."))?;
        let target = Spelling::Whole.resolve(&spec, self.setup.model)?;
        match target.sequence {
            false => Ok(target),
            true => Err(Error::usage(
                format!("{text:?} is {} tokens, not one.", target.ids.len()),
                "Type one: a line is one token's.",
            )),
        }
    }
}
