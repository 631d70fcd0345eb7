//! The options as a description of the run: behind this, nothing knows of a command line.

use std::path::Path;
use std::time::Duration;

use logit_lens::error::{Error, Result};
use logit_lens::lens::Points;
use logit_lens::model::LoadOptions;
use logit_lens::readout::lenses::LensChoice;
use logit_lens::run::{Chat, Encoding, Prompts, Run, Selection, Spelling, Task};
use logit_lens::source::HubOptions;
use logit_lens::text::prompts::{Item, What};

use super::Args;
use super::choices::AssertFormatChoice;

impl Args {
    /// The run that the options describe.
    ///
    /// # Errors
    /// Options that do not go together.
    pub fn run(&self) -> Result<Run> {
        if self.has_no_prompt() && !self.names_a_model() && !self.other.families {
            return Err(Self::no_prompt());
        }
        let models = self.models()?;
        if self.reading.variants && self.reading.targets.takes_first_token() {
            return Err(Error::usage(
                "--variants cannot be used with --targets first-token.",
                "Leave out one of the two.",
            ));
        }
        let task = self.task(models.len());
        let prompts = self.prompts();
        let several = match &prompts {
            Prompts::Given(items) => items.len() > 1,
            Prompts::File(_) | Prompts::Stdin | Prompts::Earlier(_) => true,
        };
        let mut presentation = self.presentation();
        presentation.many = several && task != Task::Compare;
        let run = Run {
            models,
            hub: self.hub(),
            load: self.load(0, task)?,
            load_second: self.load(1, task)?,
            remote: self.computation.remote.clone(),
            timeout: self
                .computation
                .timeout
                .map_or(Run::default().timeout, Duration::from_secs),
            prompts,
            encoding: Encoding {
                bos: self.prompt.bos.into(),
                chat: self.prompt.chat.then(|| Chat {
                    system: self.prompt.system.clone(),
                }),
                generate: self.prompt.generate,
            },
            task,
            selection: Selection {
                lenses: self.reading.lenses.clone(),
                layers: self.reading.layers.clone(),
                points: self.reading.points.clone().unwrap_or_default(),
                positions: self.reading.positions.clone(),
                top_k: self.reading.top_k,
                track: self.reading.track.clone(),
                against: self.reading.against.clone(),
                statistics: self.reading.stats.clone(),
            },
            outputs: self.destinations()?,
            presentation,
            unusable_targets: self.reading.targets.into(),
            spelling: self.spelling(),
            trailing_space: self.reading.trailing_space.into(),
            verify: self.computation.verify.map(Into::into).unwrap_or_default(),
            assertions: self.assertions.clone(),
            baseline: self.check.baseline.clone(),
            tolerance: self.check.tolerance.unwrap_or_default(),
            assertion_format: self.check.assert_format.into(),
            // A document stands alone.
            quiet: self.output.quiet || self.check.assert_format == AssertFormatChoice::Junit,
        };
        self.options.check(&run)?;
        let more = run.selection.points != Points::default() || run.selection.layers.name_embed();
        if !run.reads() && more {
            return Err(Error::usage(
                "A script reads the residual stream after blocks, and no other points.",
                "Leave out --point and embed.",
            ));
        }
        if let Some(remote) = &run.remote {
            let keeps_rows = run.outputs.iter().any(|output| output.format.keeps_rows());
            let fitted = run.selection.lenses.iter().any(|lens| *lens != LensChoice::Logit);
            remote.check(
                &run.selection.points,
                run.task == Task::Compare || keeps_rows,
                fitted,
            )?;
        }
        Ok(run)
    }

    /// How the `nth` model is loaded: with the type given for it, or for both.
    fn load(&self, nth: usize, task: Task) -> Result<LoadOptions> {
        let dtype = match self.computation.dtype.as_slice() {
            [both] => both,
            [_, _] if self.model.models.len() == 2 => &self.computation.dtype[nth],
            _ => {
                return Err(Error::usage(
                    format!("--dtype names {} types.", self.computation.dtype.len()),
                    "Give one, or with two models one for each.",
                ));
            }
        };
        Ok(LoadOptions {
            device: self.computation.device,
            dtype: dtype.requested(),
            headers_only: matches!(task, Task::Card | Task::Tokens) && self.prompt.generate.is_none(),
        })
    }

    fn spelling(&self) -> Spelling {
        match (
            self.reading.variants,
            self.reading.first_token || self.reading.targets.takes_first_token(),
        ) {
            (true, _) => Spelling::Variants,
            (_, true) => Spelling::FirstToken,
            (false, false) => Spelling::Whole,
        }
    }

    fn task(&self, models: usize) -> Task {
        let (reading, tokens) = (&self.reading, self.prompt.tokens);
        let is_alone = models < 2 && !reading.compare && !reading.summary && !tokens;
        if self.other.families {
            Task::Families
        } else if reading.evaluated.is_some() && is_alone {
            Task::Evaluate
        } else if self.output.explore {
            Task::Explore
        } else if self.has_no_prompt() {
            Task::Card
        } else if models > 1 && reading.summary && !reading.compare {
            Task::CompareMany
        } else if models > 1 || reading.compare {
            Task::Compare
        } else if tokens {
            Task::Tokens
        } else if reading.summary {
            Task::Summary
        } else {
            Task::Read
        }
    }

    fn prompts(&self) -> Prompts {
        if !self.prompt.ids.is_empty() {
            return Prompts::Given(vec![Item::new(What::Ids(self.prompt.ids.clone()))]);
        }
        if let Some(path) = &self.output.load {
            return Prompts::Earlier(path.clone());
        }
        match self
            .reading
            .evaluated
            .as_deref()
            .or(self.prompt.prompts.as_deref())
        {
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
            revision: self.model.revision.clone(),
            offline: self.model.offline,
            update: self.model.update,
            progress: !self.output.quiet,
            ..HubOptions::default()
        }
    }
}
