//! The options as a description of the run: behind this, nothing knows of a command line.

use std::path::Path;

use logit_lens::error::Result;
use logit_lens::model::LoadOptions;
use logit_lens::run::{Chat, Encoding, Prompts, Run, Selection, Task};
use logit_lens::source::HubOptions;
use logit_lens::text::prompts::{Item, What};

use super::Args;

impl Args {
    /// The run that the options describe.
    ///
    /// # Errors
    /// Options that do not go together.
    pub fn run(&self) -> Result<Run> {
        if self.has_no_prompt() && !self.names_a_model() && !self.families {
            return Err(Self::no_prompt());
        }
        let models = self.models()?;
        let task = self.task(models.len());
        let prompts = self.prompts();
        let several = match &prompts {
            Prompts::Given(items) => items.len() > 1,
            Prompts::File(_) | Prompts::Stdin => true,
        };
        let mut presentation = self.presentation();
        presentation.many = several && task != Task::Compare;
        let run = Run {
            models,
            hub: self.hub(),
            load: LoadOptions {
                device: self.device,
                dtype: self.dtype.requested(),
                headers_only: matches!(task, Task::Card | Task::Tokens) && self.generate.is_none(),
            },
            prompts,
            encoding: Encoding {
                bos: self.bos.into(),
                chat: self.chat.then(|| Chat {
                    system: self.system.clone(),
                }),
                generate: self.generate,
            },
            task,
            selection: Selection {
                layers: self.layers.clone(),
                points: self.points.clone().unwrap_or_default(),
                positions: self.positions.clone(),
                top_k: self.top_k,
                track: self.track.clone(),
                against: self.against.clone(),
                statistics: self.stats.clone(),
            },
            outputs: self.destinations()?,
            presentation,
            unusable_targets: self.targets.into(),
            verify: self.verify,
            quiet: self.quiet,
        };
        self.options.check(&run)?;
        Ok(run)
    }

    fn task(&self, models: usize) -> Task {
        match self {
            Self { families: true, .. } => Task::Families,
            Self { explore: true, .. } => Task::Explore,
            _ if self.has_no_prompt() => Task::Card,
            _ if self.compare || models > 1 => Task::Compare,
            Self { tokens: true, .. } => Task::Tokens,
            Self { summary: true, .. } => Task::Summary,
            _ => Task::Read,
        }
    }

    fn prompts(&self) -> Prompts {
        if !self.ids.is_empty() {
            return Prompts::Given(vec![Item::new(What::Ids(self.ids.clone()))]);
        }
        match self.prompts.as_deref() {
            Some(path) if path == Path::new("-") => Prompts::Stdin,
            Some(path) => Prompts::File(path.to_path_buf()),
            None => Prompts::Given(self.items()),
        }
    }

    fn items(&self) -> Vec<Item> {
        let several = self.given.len() > 1;
        let item = |(i, text): (usize, &String)| Item {
            origin: several.then(|| format!("prompt {}", i + 1)),
            ..Item::new(What::Text(text.clone()))
        };
        self.given.iter().enumerate().map(item).collect()
    }

    fn hub(&self) -> HubOptions {
        HubOptions {
            revision: self.revision.clone(),
            offline: self.offline,
            update: self.update,
            progress: !self.quiet,
            ..HubOptions::default()
        }
    }
}
