//! JSON: documents that programs read, written as they are made.

mod build;
mod document;
mod schema;
mod sequence;
mod statistics;
mod writer;

use std::io::Write;

use super::{Content, Document, Format, Presentation, Report, Result, Setting, Sheet};
use crate::analysis::statistics::Statistics;
use crate::lens::Follow;

pub use build::Detail;
pub use document::{
    ByLayer, ByPosition, EmbedReadings, EmbedTarget, Layers, Measure, Meta, PointReadings, Readings, Row,
    SCHEMA_VERSION, SuddenChange, Target, Targets, Top, Track,
};
pub use schema::schema;
pub use sequence::{Entries, Sequence};
pub use statistics::StatisticArrays;
pub use writer::{Layout, write};

/// One document, or an array of them.
pub const JSON: Format = Format {
    name: "json",
    aliases: &[],
    help: "For programs: a logitlenskit V2 document and more, or an array of them",
    endings: &["json"],
    content: Content::Text,
    single: false,
    reads_all_positions: |_| false,
    follow: Follow::TopK,
    statistics: |_| Statistics::default(),
    settings: |_| Setting::DATA,
    sheets: true,
    report: |presentation| Box::new(Json::new(presentation)),
};

/// A document a line.
pub const JSONL: Format = Format {
    name: "jsonl",
    aliases: &["ndjson"],
    help: "A JSON document a line, as each prompt is done",
    endings: &["jsonl", "ndjson"],
    report: |_| Box::new(Lines),
    ..JSON
};

struct Json {
    array: bool,
    begun: bool,
}

impl Json {
    fn new(presentation: &Presentation) -> Self {
        Self {
            array: presentation.many,
            begun: false,
        }
    }
}

impl Report for Json {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()> {
        if self.array {
            out.write_all(if self.begun { b",\n" } else { b"[" })?;
        }
        self.begun = true;
        write(&Readings::new(document, Detail::Full), Layout::LINES, out)?;
        if !self.array {
            writeln!(out)?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        match (self.array, self.begun) {
            (true, true) => writeln!(out, "]")?,
            (true, false) => writeln!(out, "[]")?,
            (false, _) => {}
        }
        Ok(())
    }

    fn sheet(&mut self, sheet: &Sheet, out: &mut dyn Write) -> Result<()> {
        Ok(sheet.json(Layout::LINES, out)?)
    }
}

struct Lines;

impl Report for Lines {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()> {
        write(&Readings::new(document, Detail::Full), Layout::ONE_LINE, out)?;
        Ok(writeln!(out)?)
    }

    fn sheet(&mut self, sheet: &Sheet, out: &mut dyn Write) -> Result<()> {
        Ok(sheet.json_lines(out)?)
    }
}
