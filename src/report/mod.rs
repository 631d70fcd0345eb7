//! Trajectories made into something to look at or to compute with, one format a file.

mod batch;
pub(crate) mod braille;
mod chart;
mod compare_many;
mod comparison;
mod csv;
mod drawing;
mod evaluation;
mod families;
mod followed;
pub(crate) mod heatmap;
mod html;
pub mod json;
mod markdown;
mod only_words;
pub(crate) mod plot;
mod rows;
mod script;
mod sheet;
mod summary;
mod table;
pub(crate) mod text;
pub(crate) mod title;
mod tokens;
mod words;

use std::io::{self, Write};
use std::path::Path;

use crate::analysis::assertions::Outcome;
use crate::analysis::statistics::Statistics;
use crate::error::Error;
use crate::lens::{Follow, Trajectory};
use crate::model::Card;
use crate::text::targets::Target;
use crate::text::tokens::Tokens;

pub use compare_many::{ModelComparisonDocument, model_comparison};
pub use comparison::{Compared, ComparisonDocument, compared};
pub use evaluation::{EvaluationDocument, Protocol, evaluation};
pub use families::{FamiliesDocument, families};
pub use heatmap::{ColorBy, Depth, Order, Rgb, Scale};
pub use sheet::{Cell, Data, Sheet};
pub use summary::{SummaryDocument, summary};
pub use table::{CardDocument, TABLE, card_sheet};
pub use text::{UNBOUNDED, wrap};
pub use tokens::{TokensDocument, tokenisation};
pub use words::lens_name;

/// One prompt's readings with all that is needed to present them.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    pub card: &'a Card,
    pub tokens: &'a Tokens,
    pub trajectory: &'a Trajectory,
    /// The statistics to show.
    pub statistics: &'a Statistics,
    /// What the targets' logits are compared with.
    pub against: Option<&'a Target>,
    /// What the assertions come to.
    pub assertions: &'a [Outcome],
    /// The prompt's number in the run, from 0, and what its file calls it.
    pub number: usize,
    pub id: Option<&'a str>,
}

/// A format: what a run has to know of it before anything is read, and how it is written.
pub struct Format {
    /// Its name as an option, and other names that it goes by.
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// What it is, for the help.
    pub help: &'static str,
    /// The endings of files that are written in it, without the dot.
    pub endings: &'static [&'static str],
    pub content: Content,
    /// Whether a file holds one document and no more.
    pub single: bool,
    /// Whether it shows readings; for one that does not, nothing is computed.
    pub reads: bool,
    /// Whether it shows all positions unless told otherwise.
    pub reads_all_positions: fn(&Presentation) -> bool,
    /// The tokens it needs to be followed.
    pub follow: fn(&Presentation) -> Follow,
    /// The statistics that it shows where none are named.
    pub statistics: fn(&Presentation) -> Statistics,
    /// The choices that change what it shows of a prompt's readings.
    pub settings: fn(&Presentation) -> &'static [Setting],
    /// Whether it can show a table that is no trajectory: a summary, a comparison, tokens, a card.
    pub sheets: bool,
    /// A report in this format.
    pub report: fn(&Presentation) -> Box<dyn Report>,
}

/// Every format.
pub const FORMATS: [&Format; 13] = [
    &table::TABLE,
    &json::JSON,
    &json::JSONL,
    &csv::CSV,
    &markdown::MARKDOWN,
    &heatmap::HEATMAP,
    &plot::PLOT,
    &drawing::SVG,
    &drawing::PNG,
    &drawing::PDF,
    &html::HTML,
    &script::SCRIPT,
    &rows::ROWS,
];

impl Format {
    /// The format that is called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        let is_called = |format: &&&Self| format.name == name || format.aliases.contains(&name);
        FORMATS.iter().find(is_called).copied()
    }

    /// The format that a file's ending names, in capitals or not.
    pub fn of_ending(path: &Path) -> Option<&'static Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        let has_it = |format: &&&Self| format.endings.contains(&ending.as_str());
        FORMATS.iter().find(has_it).copied()
    }

    /// Whether it shows the rows of the residual stream themselves.
    pub fn keeps_rows(&self) -> bool {
        self.is(&rows::ROWS)
    }

    /// Whether it has a document for each token that is generated, as soon as that is there.
    pub fn streams(&self) -> bool {
        self.is(&json::JSONL)
    }

    /// Whether it draws what a sheet has to draw.
    pub fn draws_charts(&self) -> bool {
        [&plot::PLOT, &drawing::SVG, &drawing::PNG, &drawing::PDF]
            .iter()
            .any(|format| self.is(format))
    }

    /// Whether the two are one.
    pub fn is(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A choice that some formats have a use for and others have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// How many top tokens there are.
    TopK,
    /// The statistics to show.
    Statistics,
    /// The tokens to track.
    Track,
    /// What the tracked tokens' logits are compared with.
    Against,
    /// What colours show.
    ColorBy,
    /// The order of the layers.
    Order,
    /// Whether pictures show the heatmap or lines across layers.
    Picture,
    /// A picture's title.
    Title,
    /// Whether tokens that are no words are hidden.
    Words,
    /// Whether rows are folded on a terminal.
    AllRows,
    /// Whether each of many prompts gets tables of its own.
    EachPrompt,
    /// Whether documents for programs have the top tokens only, in fewer digits.
    Lean,
}

impl Setting {
    /// What a line for each of many prompts shows.
    const BRIEF: &'static [Self] = &[Self::Track, Self::EachPrompt];
    /// What a heatmap shows.
    const HEATMAP: &'static [Self] = &[Self::ColorBy, Self::Order, Self::Picture, Self::Words];
    /// The same where a tracked token has the colours.
    const HEATMAP_OF_TARGET: &'static [Self] = &[
        Self::ColorBy,
        Self::Order,
        Self::Picture,
        Self::Words,
        Self::Track,
    ];
    /// What a drawn heatmap shows.
    const DRAWING: &'static [Self] = &[
        Self::ColorBy,
        Self::Order,
        Self::Picture,
        Self::Words,
        Self::Title,
    ];
    /// The same where a tracked token has the colours.
    const DRAWING_OF_TARGET: &'static [Self] = &[
        Self::ColorBy,
        Self::Order,
        Self::Picture,
        Self::Words,
        Self::Title,
        Self::Track,
    ];
}

/// What a format's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Text with colours, which are left out where they would not be seen.
    Styled,
    /// Text for programs, exactly as it is.
    Text,
    /// No text: nothing for a terminal.
    Binary,
}

/// How results are to look.
#[derive(Debug, Clone)]
pub struct Presentation {
    /// The columns that tables may take; [`UNBOUNDED`] where there is no limit.
    pub width: usize,
    /// Whether it is a terminal, which obeys some characters.
    pub terminal: bool,
    pub colors: Depth,
    /// What the colours of a heatmap say.
    pub color_by: ColorBy,
    /// The order of the layers in a picture.
    pub order: Order,
    /// Whether several positions come as a table each, not as a grid.
    pub each: bool,
    /// Whether top tokens that do not fit beside each other come in bands below; else they are counted.
    pub bands: bool,
    /// Whether a table leaves out runs of rows that hold no words.
    pub fold_rows: bool,
    /// Whether pictures show lines across layers, not the heatmap.
    pub lines: bool,
    /// Whether there may be several documents.
    pub many: bool,
    /// Whether each of many prompts gets tables of its own, not a line.
    pub each_prompt: bool,
    /// Whether each prompt has a line only, since there are many.
    pub brief: bool,
    /// Whether all rows are shown, also those of which a terminal shows a summary.
    pub all_rows: bool,
    /// Whether tokens that are no words are hidden.
    pub words: bool,
    /// Whether documents for programs have the top tokens only, in fewer digits.
    pub lean: bool,
    /// The title of a picture or a page; `None` for the model and the prompt.
    pub title: Option<String>,
    /// The number of top tokens asked for.
    pub top_k: usize,
}

/// A hundred columns without colours, for one document.
impl Default for Presentation {
    fn default() -> Self {
        Self {
            width: 100,
            terminal: false,
            colors: Depth::Shades,
            color_by: ColorBy::Prob,
            order: Order::default(),
            each: false,
            bands: false,
            fold_rows: false,
            lines: false,
            many: false,
            each_prompt: false,
            brief: false,
            all_rows: false,
            words: false,
            lean: false,
            title: None,
            top_k: 5,
        }
    }
}

/// What writes documents in one format, one after another.
pub trait Report {
    /// Writes one document, whole.
    ///
    /// # Errors
    /// A document that the format cannot show, or an output that does not take it.
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()>;

    /// Writes what stands after the last document.
    ///
    /// # Errors
    /// An output that does not take it.
    fn end(&mut self, _out: &mut dyn Write) -> Result<()> {
        Ok(())
    }

    /// Writes a table that is no trajectory: a summary, a comparison.
    ///
    /// # Errors
    /// A format that has no form for one, or an output that does not take it.
    fn sheet(&mut self, sheet: &Sheet, out: &mut dyn Write) -> Result<()>;

    /// Writes what a model is.
    ///
    /// # Errors
    /// As [`Report::sheet`].
    fn card(&mut self, card: &Card, out: &mut dyn Write) -> Result<()> {
        self.sheet(&card_sheet(card), out)
    }

    /// What a reader should know of what was written, and cannot see in it.
    fn remark(&self) -> Option<String> {
        None
    }
}

/// Why a report was not written.
#[derive(Debug)]
pub enum Failure {
    /// Its output does not take it.
    Output(io::Error),
    /// It cannot be made.
    Report(Error),
}

/// What writing a report comes to.
pub type Result<T> = std::result::Result<T, Failure>;

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Report(error)
    }
}

/// The error for a table in a format that is a picture.
fn no_picture(format: &Format) -> Failure {
    Failure::Report(Error::usage(
        format!(
            "--format {} shows readings of a prompt, not a plain table.",
            format.name
        ),
        "Choose table, json, jsonl, csv or markdown.",
    ))
}
