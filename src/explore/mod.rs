//! The terminal explorer (`lens --explore`): the heatmap of a prompt with a cursor in it, the top tokens of the
//! cell there, and the lines of pinned tokens across layers.
//!
//! [`keys`] is the one table of what is pressed. A key changes the [`state`], which knows nothing of terminals
//! or models, and [`screen`] draws from it. The loop (`explorer`) is all that waits: for keys, and for the thread
//! of [`reader`], which reads what is seen first.

pub mod command;
mod events;
mod explorer;
mod grid;
pub mod keys;
pub mod layout;
pub mod line;
pub mod picture;
mod press;
pub mod reader;
pub mod screen;
pub mod state;
mod terminal;

use std::sync::mpsc::channel;

use crate::error::Result;
use crate::lens::Request;
use crate::model::Model;
use crate::run::Run;
use crate::text::prompt::Prompt;
use crate::text::prompts::Item;
use crate::text::targets::Target;

use command::Options;
use events::{Happening, listen, no_thread};
use explorer::{Asker, Explorer};
use reader::{Reader, Shared, Writer};
use screen::Colors;
use state::{Entry, View};

pub use terminal::give_back;

/// A model, and how prompts are read in it.
pub struct Source<'a> {
    pub model: &'a Model,
    /// What is read of a prompt, but for points and positions.
    pub request: Request,
    /// The tokens of a text, as the run makes them.
    pub encode: &'a dyn Fn(&str) -> Result<Prompt>,
}

/// What is explored.
pub struct Setup<'a> {
    pub first: Source<'a>,
    /// Another model, for what stands beside; without it both are of the first.
    pub second: Option<Source<'a>>,
    /// The prompt; without one there is a list.
    pub prompt: Option<Prompt>,
    /// What stands beside it at first.
    pub beside: Option<Prompt>,
    /// The prompts to go through, with what is known of each.
    pub list: Vec<(Item, Entry)>,
    /// The tokens of a prompt of the list, in the model of one of two sides.
    pub of_item: &'a dyn Fn(usize, &Item) -> Result<Prompt>,
    /// How it looks at first.
    pub view: View,
    /// The tokens pinned at first.
    pub pins: Vec<Target>,
    pub colors: Colors,
    /// The run that it was asked for with, of which files are written.
    pub run: &'a Run,
    /// The options that the command of a view needs too.
    pub options: Options,
    /// Whether the prompt was given as tokens, not as text.
    pub by_ids: bool,
    /// Reads a prompt as a run asks for it, and writes its outputs; by the model of one of two sides.
    pub write: Writer<'a>,
}

impl<'a> Setup<'a> {
    /// The model of one of two sides, and how it reads.
    fn source(&self, which: usize) -> &Source<'a> {
        match &self.second {
            Some(second) if which == 1 => second,
            _ => &self.first,
        }
    }
}

/// Shows the explorer on the terminal until it is left.
///
/// # Errors
/// A terminal that cannot be drawn on. What is wrong with a prompt is said on the screen.
pub fn explore(setup: &Setup) -> Result<()> {
    let (to_reader, asks) = channel();
    let (to_loop, events) = channel();
    let shared = Shared::default();
    std::thread::scope(|scope| {
        let answers = to_loop.clone();
        let (write, shared) = (setup.write, &shared);
        let models = [0, 1].map(|which| setup.source(which).model);
        let reader = std::thread::Builder::new().spawn_scoped(scope, move || {
            // The loop may have ended already.
            let answer = move |answer| _ = answers.send(Happening::Answer(answer));
            Reader::new(models, write, shared, &answer).run(&asks);
        });
        reader.map_err(|error| no_thread(&error))?;
        let mut explorer = Explorer::new(setup, Asker::new(to_reader, shared))?;
        listen(to_loop)?;
        explorer.run(&events)
    })
}
