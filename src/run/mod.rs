//! A run as data: which models read which prompts, what is asked of them, where the results go and how
//! they look. Options on a command line become one; whatever else starts a run makes the same.

mod choices;

use std::path::PathBuf;
use std::time::Duration;

use crate::analysis::assertions::Assertion;
use crate::analysis::statistics::{Statistic, Statistics};
use crate::engine::Remote;
use crate::error::Result;
use crate::lens::{Follow, Layers, Points, Positions, Request};
use crate::model::{LoadOptions, Model};
use crate::readout::lenses::LensChoices;
use crate::report::json::Tolerance;
use crate::report::{ColorBy, Format, Presentation, TABLE};
use crate::source::{DEMO, HubOptions};
use crate::text::prompt::Bos;
use crate::text::prompts::Item;
use crate::text::targets::TargetSpec;

pub use choices::{AssertionFormat, Spelling, Task, TrailingSpace, UnusableTargets, Verify};

/// The top tokens of a row where no number is given.
const TOP_K: usize = 5;

/// The longest wait for an answer of a server, where none is given.
const TIMEOUT: Duration = Duration::from_secs(600);

/// So many prompts have tables of their own.
const FEW: usize = 3;

/// All that a run does.
#[derive(Debug, Clone)]
pub struct Run {
    /// One model, or two to compare, as [`crate::source::locate`] takes them; none for the demo model.
    pub models: Vec<String>,
    pub hub: HubOptions,
    pub load: LoadOptions,
    /// The same for the second model.
    pub load_second: LoadOptions,
    /// The server that runs the model; `None` for this machine.
    pub remote: Option<Remote>,
    /// The longest wait for an answer of the server.
    pub timeout: Duration,
    pub prompts: Prompts,
    pub encoding: Encoding,
    pub task: Task,
    pub selection: Selection,
    pub outputs: Vec<Destination>,
    /// How results look, but for the width and the colours of where they go.
    pub presentation: Presentation,
    /// What is done about a prompt's target that cannot be used.
    pub unusable_targets: UnusableTargets,
    /// What the text of a target stands for.
    pub spelling: Spelling,
    /// What an evaluation does about a prompt that ends in a space.
    pub trailing_space: TrailingSpace,
    /// Which prompts' outputs are computed a second way.
    pub verify: Verify,
    /// What has to hold of what is read.
    pub assertions: Vec<Assertion>,
    /// The JSON of an earlier run that the readings are held against, and how far they may be from it.
    pub baseline: Option<PathBuf>,
    pub tolerance: Tolerance,
    /// How assertions that do not hold are said.
    pub assertion_format: AssertionFormat,
    /// Whether nothing but errors is said beside the results.
    pub quiet: bool,
}

/// Where the prompts are.
#[derive(Debug, Clone, PartialEq)]
pub enum Prompts {
    Given(Vec<Item>),
    File(PathBuf),
    Stdin,
    /// Those of an earlier run, in the JSON that it wrote.
    Earlier(PathBuf),
}

/// How a prompt becomes tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoding {
    pub bos: Bos,
    /// The model's chat template around each prompt; `None` for the prompt as it is.
    pub chat: Option<Chat>,
    /// How many tokens the model continues each prompt by.
    pub generate: Option<usize>,
}

/// What a chat template is given beside the prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chat {
    pub system: Option<String>,
}

/// What is read of each prompt, as asked for: what is left open depends on the outputs.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    pub lenses: LensChoices,
    pub layers: Layers,
    pub points: Points,
    pub positions: Option<Positions>,
    pub top_k: Option<usize>,
    pub track: Vec<TargetSpec>,
    pub against: Option<TargetSpec>,
    pub statistics: Option<Statistics>,
}

/// Where results go, and in which format.
#[derive(Clone)]
pub struct Destination {
    /// A file; `None` for stdout.
    pub path: Option<PathBuf>,
    pub format: &'static Format,
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {:?}", self.format.name, self.path)
    }
}

/// The demo model's card as a table on stdout.
impl Default for Run {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            hub: HubOptions::default(),
            load: LoadOptions::default(),
            load_second: LoadOptions::default(),
            remote: None,
            timeout: TIMEOUT,
            prompts: Prompts::Given(Vec::new()),
            encoding: Encoding::default(),
            task: Task::Card,
            selection: Selection::default(),
            outputs: vec![Destination {
                path: None,
                format: &TABLE,
            }],
            presentation: Presentation::default(),
            unusable_targets: UnusableTargets::default(),
            spelling: Spelling::default(),
            trailing_space: TrailingSpace::default(),
            verify: Verify::default(),
            assertions: Vec::new(),
            baseline: None,
            tolerance: Tolerance::default(),
            assertion_format: AssertionFormat::default(),
            quiet: false,
        }
    }
}

impl Run {
    /// The model that reads, of two the first.
    pub fn model(&self) -> &str {
        self.models.first().map_or(DEMO, String::as_str)
    }

    /// Whether anything has to be computed for the outputs.
    pub fn reads(&self) -> bool {
        self.task != Task::Read || self.outputs.iter().any(|output| output.format.reads)
    }

    /// How many tokens each reading keeps.
    pub fn top_k(&self) -> usize {
        self.selection.top_k.unwrap_or(TOP_K)
    }

    /// The positions to read: those asked for; else all of a continuation or where a format shows the
    /// readings of all; else the last.
    pub fn positions(&self) -> Positions {
        let shows_all = |output: &Destination| (output.format.reads_all_positions)(&self.presentation);
        let drawn = self.task == Task::Read && self.outputs.iter().any(shows_all);
        match &self.selection.positions {
            Some(positions) => positions.clone(),
            None if self.encoding.generate.is_some() || drawn => Positions::all(),
            None => Positions::default(),
        }
    }

    /// Whether tables have a line for each prompt, as they do for a batch: more than a few prompts, or a file
    /// or stream of them. Not where more is asked for than a line shows.
    pub fn is_brief(&self) -> bool {
        let many = match &self.prompts {
            Prompts::Given(items) => items.len() > FEW,
            Prompts::File(_) | Prompts::Stdin | Prompts::Earlier(_) => true,
        };
        let Selection {
            points,
            positions,
            top_k,
            against,
            statistics,
            lenses,
            layers: _,
            track: _,
        } = &self.selection;
        let more = positions.is_some()
            || top_k.is_some()
            || against.is_some()
            || statistics.is_some()
            || lenses.iter().count() > 1
            || *points != Points::default()
            || self.encoding.generate.is_some()
            || self.presentation.each_prompt;
        many && !more
    }

    /// The statistics that a format shows.
    pub fn statistics(&self, format: &Format) -> Statistics {
        let chosen = self.selection.statistics.clone();
        let chosen = chosen.unwrap_or_else(|| (format.statistics)(&self.presentation));
        match self.selection.lenses.iter().count() {
            1 => chosen,
            _ => chosen.of_several_lenses(),
        }
    }

    /// What to read of every prompt.
    ///
    /// # Errors
    /// Targets that are not among the model's tokens, or a lens that is not the model's.
    pub fn request(&self, model: &Model) -> Result<Request> {
        let resolve = |spec: &TargetSpec| self.spelling.resolve(spec, model);
        let against = self.selection.against.as_ref().map(resolve);
        let asserted = self.assertions.iter().flat_map(Assertion::followed);
        let targets = self.selection.track.iter().chain(asserted).map(resolve);
        let lenses = self.selection.lenses.iter();
        Ok(Request {
            lenses: lenses
                .map(|lens| lens.load(&model.subject(), &self.hub))
                .collect::<Result<_>>()?,
            layers: self.selection.layers.clone(),
            points: self.selection.points.clone(),
            positions: self.positions(),
            top_k: self.top_k(),
            distances: self.needs_distances(),
            lens_kl: self.compares_lenses(),
            targets: targets.collect::<Result<_>>()?,
            against: against.transpose()?,
            follow: self.follow(),
            keep_rows: self.outputs.iter().any(|output| output.format.keeps_rows()),
            follow_next: self.task == Task::Summary && self.positions() != Positions::default(),
        })
    }

    /// Whether the lenses are compared, which takes a pass of its own through the vocabulary.
    fn compares_lenses(&self) -> bool {
        let shows = |output: &Destination| self.statistics(output.format).has(Statistic::LensKl);
        self.outputs.iter().any(shows) || self.assertions.iter().any(Assertion::compares_lenses)
    }

    /// The tokens that have to be followed for the outputs, or for the task.
    fn follow(&self) -> Follow {
        match self.task {
            Task::Compare | Task::CompareMany | Task::Evaluate | Task::Explore => Follow::Nothing,
            Task::Summary => Follow::Top1,
            Task::Families | Task::Card | Task::Tokens | Task::Read => {
                let formats = (self.outputs.iter()).map(|output| (output.format.follow)(&self.presentation));
                formats.max().unwrap_or_default()
            }
        }
    }

    /// Whether anything is shown that takes a pass of its own through the vocabulary.
    fn needs_distances(&self) -> bool {
        let colors = self.presentation.color_by;
        matches!(colors, ColorBy::Statistic(Statistic::Js | Statistic::Tv))
            || self.assertions.iter().any(Assertion::needs_distances)
            || (self.outputs.iter()).any(|output| self.statistics(output.format).need_distances())
    }
}
