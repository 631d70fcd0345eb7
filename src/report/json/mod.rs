//! JSON: documents that programs read, written as they are made.

mod assertions;
mod baseline;
mod build;
mod document;
mod earlier;
mod schema;
mod sequence;
mod statistics;
mod writer;

use std::io::Write;

use super::{Content, Document, Format, Presentation, Report, Result, Setting, Sheet};
use crate::analysis::statistics::Statistics;
use crate::lens::Follow;

pub use baseline::{Baseline, Move, Quantity, Tolerance};
pub use build::Detail;
pub use document::{
    Assertion, ByLayer, ByPosition, EmbedReadings, EmbedTarget, Engine, FittedOn, Layers, LensMeta,
    LensReadings, Measure, Meta, PointReadings, Readings, Row, SCHEMA_VERSION, SuddenChange, Target,
    TargetToken, Targets, Top, Track,
};
pub use earlier::{EarlierPrompt, earlier_prompts};
pub use schema::SCHEMA;
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
    reads: true,
    reads_all_positions: |_| false,
    follow: |presentation| match presentation.lean {
        true => Follow::Nothing,
        false => Follow::TopK,
    },
    statistics: |presentation| match presentation.lean {
        true => Statistics::none(),
        false => Statistics::default(),
    },
    settings: |_| {
        &[
            Setting::TopK,
            Setting::Statistics,
            Setting::Track,
            Setting::Against,
            Setting::Lean,
        ]
    },
    sheets: true,
    report: |presentation| Box::new(Json::new(presentation)),
};

/// A document a line.
pub const JSONL: Format = Format {
    name: "jsonl",
    aliases: &["ndjson"],
    help: "A JSON document a line, as each prompt is done",
    endings: &["jsonl", "ndjson"],
    report: |presentation| {
        Box::new(Lines {
            lean: presentation.lean,
        })
    },
    ..JSON
};

/// Significant digits of the numbers of a lean document.
const LEAN_DIGITS: usize = 6;

/// Writes the document of one prompt's readings: all of them, or the top tokens in fewer digits.
fn readings(document: &Document, lean: bool, layout: Layout, out: &mut dyn Write) -> std::io::Result<()> {
    if !lean {
        return write(&Readings::new(document, Detail::Full), layout, out);
    }
    let layout = Layout {
        digits: Some(LEAN_DIGITS),
        ..layout
    };
    write(&Readings::new(document, Detail::Lean), layout, out)
}

struct Json {
    lean: bool,
    array: bool,
    begun: bool,
}

impl Json {
    fn new(presentation: &Presentation) -> Self {
        Self {
            lean: presentation.lean,
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
        readings(document, self.lean, Layout::LINES, out)?;
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

struct Lines {
    lean: bool,
}

impl Report for Lines {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()> {
        readings(document, self.lean, Layout::ONE_LINE, out)?;
        Ok(writeln!(out)?)
    }

    fn sheet(&mut self, sheet: &Sheet, out: &mut dyn Write) -> Result<()> {
        Ok(sheet.json_lines(out)?)
    }
}
