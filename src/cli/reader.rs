//! A model with what a run asks of it: what is made of each prompt, and what is doubtful.

use anyhow::Result;
use logit_lens::engine::Engine;
use logit_lens::lens::{Request, Trajectory};
use logit_lens::model::Model;
use logit_lens::readout::lenses::PromptDoubt;
use logit_lens::run::{Run, Task};
use logit_lens::text::chat::ChatTemplate;
use logit_lens::text::prompt::Prompt;
use logit_lens::text::prompts::{Item, What};

use super::note;
use super::sinks::Sinks;
use super::targets::Targets;

/// A model with what a run asks of it.
pub struct Reader<'a> {
    pub run: &'a Run,
    pub model: &'a Model,
    /// What runs it.
    pub engine: &'a dyn Engine,
    pub template: Option<ChatTemplate>,
    pub targets: Targets,
}

impl Reader<'_> {
    /// The prompt of an item, with its targets, its continuation and what is doubtful said.
    pub fn prompt(&self, item: &Item) -> Result<Prompt> {
        let prompt = self.given(item).and_then(|prompt| self.continued(prompt));
        prompt.map_err(|error| item.locate(error).into())
    }

    /// The prompt as it is given, not continued yet.
    pub(super) fn given(&self, item: &Item) -> logit_lens::error::Result<Prompt> {
        let mut prompt = match &item.what {
            What::Ids(ids) => self.model.prompt_of_ids(ids.clone())?,
            What::Text(text) => self.prompt_of_text(text)?,
        };
        if matches!(item.what, What::Text(_)) && self.template.is_none() {
            for doubt in self.model.doubts(&prompt) {
                let place = item
                    .origin
                    .as_ref()
                    .map_or(String::new(), |origin| format!("{origin}: "));
                note(self.run, &format!("{place}{doubt}"));
            }
        }
        if self.run.task != Task::Tokens {
            self.targets.resolve(item, &mut prompt, self.model, self.run)?;
        }
        Ok(prompt)
    }

    /// The prompt with its continuation, if one is asked for.
    fn continued(&self, mut prompt: Prompt) -> logit_lens::error::Result<Prompt> {
        if let Some(count) = self.run.encoding.generate {
            prompt = self.engine.generate(&prompt, count)?;
        }
        if self.run.task != Task::Tokens {
            // Said here, where it is known which prompt it is about.
            self.run.positions().resolve(prompt.ids.len())?;
        }
        Ok(prompt)
    }

    /// What to read of every prompt, with what is doubtful of the lenses said.
    pub(super) fn request(&self, sinks: &Sinks) -> Result<Request> {
        let request = self.run.request(self.model)?;
        for lens in &request.lenses {
            if let Some(artefact) = lens.artefact() {
                sinks.spare(artefact.paths())?;
            }
            lens.doubts().iter().for_each(|doubt| note(self.run, doubt));
        }
        Ok(request)
    }

    /// Says what is doubtful of what the lenses make of a prompt, but for what is `said`.
    pub(super) fn note_lenses(&self, trajectory: &Trajectory, said: &mut Vec<PromptDoubt>) {
        let first = trajectory.prompt.ids.first();
        let begins_with_bos = self.model.bos.map(|bos| first == Some(&bos));
        for read in trajectory.of_each_lens() {
            for doubt in read.lens.doubts_of(&read.positions, begins_with_bos) {
                if !said.iter().any(|&other| doubt.is_like(other)) {
                    note(self.run, &doubt.to_string());
                    said.push(doubt);
                }
            }
        }
    }

    /// The tokens of a text, in the chat template if one is asked for.
    pub fn prompt_of_text(&self, text: &str) -> logit_lens::error::Result<Prompt> {
        let Some(template) = &self.template else {
            return self.model.prompt(text, self.run.encoding.bos);
        };
        let written = template.render(self.system(), text)?;
        Ok(Prompt {
            message: Some(text.to_string()),
            ..self.model.prompt_as_written(&written)?
        })
    }

    /// The system message of a chat.
    fn system(&self) -> Option<&str> {
        self.run.encoding.chat.as_ref()?.system.as_deref()
    }
}
