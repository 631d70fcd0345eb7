//! Trajectories made into something to look at or to compute with, one format a file.

mod comparison;
mod csv;
mod drawing;
mod heatmap;
mod html;
mod json;
mod markdown;
mod plot;
mod sheet;
mod summary;
mod table;
mod text;
mod tokens;
mod words;

use std::io::{self, Write};

use crate::analysis::statistics::Statistics;
use crate::lens::Trajectory;
use crate::model::Card;
use crate::text::targets::Target;
use crate::text::tokens::Tokens;

pub use comparison::{Compared, compared};
pub use csv::Csv;
pub use drawing::{Drawing, Medium};
pub use heatmap::{ColorBy, Depth, Heatmap, Order, Rgb, Scale};
pub use html::Html;
pub use json::{Json, Lines};
pub use markdown::Markdown;
pub use plot::Plot;
pub use sheet::{Cell, Column, Sheet, SheetFormat};
pub use summary::summary;
pub use table::{Table, card, card_sheet};
pub use tokens::tokenisation;

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
    /// The prompt's number in the run, from 0, and what its file calls it.
    pub number: usize,
    pub id: Option<&'a str>,
}

/// A format that documents are written in, one after another.
pub trait Report {
    /// Writes one document, whole.
    ///
    /// # Errors
    /// Those of `out` only.
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> io::Result<()>;

    /// Writes what stands after the last document.
    ///
    /// # Errors
    /// Those of `out` only.
    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// What a reader should know of what was written, and cannot see in it.
    fn remark(&self) -> Option<String> {
        None
    }
}
