//! What is taken along: the command that gives a view, and files.

use std::path::PathBuf;

use super::Explorer;
use crate::error::Result;
use crate::explore::command;
use crate::explore::line::Line;
use crate::explore::reader::Ask;
use crate::explore::state::{Open, Purpose};
use crate::report::Format;

impl Explorer<'_> {
    pub(super) fn show_command(&mut self) -> Result<()> {
        let Some(asked) = &self.asked[self.here()] else {
            return Ok(());
        };
        let command = command::command(&self.state, &asked.prompt, asked.by_ids, &self.setup.options);
        self.screen.tell(&command::clipboard(&command))?;
        self.state.open = Open::Command(command);
        Ok(())
    }

    pub(super) fn write(&mut self, file: String, replace: bool) {
        let path = PathBuf::from(&file);
        let Some(format) = Format::of_ending(&path) else {
            self.state.say(
                "Its ending names the format: .html, .svg, .png, .pdf, .json, .jsonl, .csv or .md.",
                true,
            );
            self.state.open = Open::Input(Purpose::Write(false), Line::new(file));
            return;
        };
        if !replace && path.exists() {
            self.state
                .say("There is such a file: Enter replaces it, Esc keeps it.", true);
            self.state.open = Open::Input(Purpose::Write(true), Line::new(file));
            return;
        }
        self.state.say(format!("writing {file} …"), false);
        let run = command::run(&self.state, self.setup.run, &self.setup.options, path, format);
        let Some(asked) = &self.asked[self.here()] else {
            return;
        };
        self.asker.ask(Ask::Write {
            which: self.here(),
            run: Box::new(run),
            prompt: asked.prompt.clone(),
            file,
        });
    }
}
