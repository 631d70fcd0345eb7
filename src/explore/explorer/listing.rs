//! A list of prompts: read behind what one looks at, and opened one by one.

use super::Explorer;
use crate::error::Error;
use crate::explore::reader::Ask;
use crate::explore::state::{List, MOST_PINS, Outcome};
use crate::lens::{Layers, Points, Positions, Request};
use crate::text::prompts::What;

/// So many prompts are made tokens of at once.
const AT_ONCE: usize = 64;

impl Explorer<'_> {
    /// Shows the list, and begins to read it.
    pub(super) fn begin_list(&mut self) {
        let entries = self.setup.list.iter().map(|(_, entry)| entry.clone());
        self.state.list_prompts(List::new(entries.collect()));
        self.survey();
    }

    /// Hands the reader the next prompts of which nothing is known.
    pub(super) fn survey(&mut self) {
        let mut prompts = Vec::new();
        let mut refused = Vec::new();
        while let Some((item, entry)) = self.setup.list.get(self.surveyed) {
            let nth = self.surveyed;
            self.surveyed += 1;
            if entry.outcome != Outcome::Awaited {
                continue;
            }
            match (self.setup.of_item)(0, item) {
                Ok(prompt) => prompts.push((nth, prompt)),
                Err(error) => refused.push((nth, Outcome::Refused(error.problem), None)),
            }
            if prompts.len() == AT_ONCE {
                break;
            }
        }
        if !refused.is_empty() {
            self.state.set_outcomes(refused);
        }
        if !prompts.is_empty() {
            let request = &self.setup.first.request;
            self.asker.ask(Ask::Survey {
                prompts,
                request: Box::new(Request {
                    lenses: request.lenses.iter().take(1).cloned().collect(),
                    layers: Layers::default(),
                    points: Points::default(),
                    positions: Positions::default(),
                    top_k: 1,
                    ..self.request(0)
                }),
            });
        }
    }

    /// Opens a prompt of the list in the grid, in each model, with its targets pinned.
    pub(super) fn open(&mut self, nth: usize) {
        let Some((item, _)) = self.setup.list.get(nth) else {
            return;
        };
        match self.open_item(nth) {
            Ok(()) => {
                let id = item.id.as_deref().map_or(String::new(), |id| format!(" · {id}"));
                let count = self.setup.list.len();
                self.state
                    .say(format!("prompt {} of {count}{id}", nth + 1), false);
            }
            Err(error) => {
                self.state.in_list = true;
                self.state.say(error.to_string(), true);
            }
        }
    }

    fn open_item(&mut self, nth: usize) -> Result<(), Error> {
        let (item, _) = &self.setup.list[nth];
        let by_ids = matches!(item.what, What::Ids(_));
        let prompt = (self.setup.of_item)(0, item)?;
        let given = self.setup.pins.iter().chain(&prompt.targets);
        let mut pins = Vec::new();
        for pin in given.filter(|target| !target.sequence) {
            if !pins.contains(pin) && pins.len() < MOST_PINS {
                pins.push(pin.clone());
            }
        }
        // What is still there is another prompt's.
        if let Some(side) = self.state.side_of(0) {
            side.picture = None;
            side.pin = pins.len().saturating_sub(1);
            side.pins = pins;
        }
        self.show(0, prompt, by_ids);
        if self.setup.second.is_some() {
            let prompt = (self.setup.of_item)(1, item)?;
            self.show_beside(prompt, by_ids);
        }
        Ok(())
    }
}
