//! All the places that a run's results go to, each in its own format.

use std::path::Path;

use anyhow::Result;
use logit_lens::analysis::statistics::Statistics;
use logit_lens::error::Error;
use logit_lens::lens::Layers;
use logit_lens::model::Card;
use logit_lens::report::{Content, Document, Format, Presentation, Report, Sheet};
use logit_lens::run::{Destination, Run, Task};

use super::draft::place;
use super::output::Output;

/// Every output of a run, opened before any work is done.
pub struct Sinks(Vec<Sink>);

struct Sink {
    output: Output,
    format: &'static Format,
    report: Box<dyn Report>,
    statistics: Statistics,
    /// Whether it gets a document for each token that is generated, rather than one for each prompt.
    streams: bool,
}

impl Sinks {
    /// Opens the outputs of a run.
    ///
    /// # Errors
    /// A path that cannot be written to, or a format that has no place there.
    pub fn open(run: &Run) -> Result<Self> {
        let mut sinks = Vec::new();
        for Destination { path, format } in &run.outputs {
            let is_one = run.task == Task::CompareMany && format.draws_charts();
            if format.single && run.presentation.many && !is_one {
                return Err(Error::usage(
                    format!(
                        "--format {} shows one prompt, and there are several.",
                        format.name
                    ),
                    "Give one prompt, or a format that holds many: json, jsonl, csv, markdown.",
                )
                .into());
            }
            let output = Output::open(path.as_deref())?;
            if format.content == Content::Binary && output.is_terminal() {
                return Err(Error::usage(
                    format!("A {} is no text for a terminal.", format.name),
                    format!("Write it to a file: -o lens.{}", format.name),
                )
                .into());
            }
            let presentation = Presentation {
                brief: run.is_brief(),
                bands: run.selection.top_k.is_some(),
                top_k: run.top_k(),
                // Rows that were asked for are shown.
                fold_rows: output.is_terminal()
                    && !run.presentation.all_rows
                    && run.selection.layers == Layers::default(),
                ..output.presentation(&run.presentation)
            };
            sinks.push(Sink {
                report: (format.report)(&presentation),
                statistics: run.statistics(format),
                streams: run.encoding.generate.is_some() && run.task == Task::Read && format.streams(),
                output,
                format,
            });
        }
        Ok(Self(sinks))
    }

    /// Refuses outputs that would take the place of a file that the run reads.
    ///
    /// # Errors
    /// An output that is one of `inputs`.
    pub fn spare<'a>(&self, inputs: impl Iterator<Item = &'a Path>) -> Result<()> {
        for input in inputs {
            let taken = |sink: &Sink| sink.output.path().is_some_and(|path| place(path) == place(input));
            if self.0.iter().any(taken) {
                return Err(Error::usage(
                    format!(
                        "{} is read by this run, and its results would take its place.",
                        input.display()
                    ),
                    "Give --output another name.",
                )
                .into());
            }
        }
        Ok(())
    }

    /// Whether some output gets a document for each token that is generated.
    pub fn stream(&self) -> bool {
        self.0.iter().any(|sink| sink.streams)
    }

    /// Writes the document of a prompt, wherever it is not there token by token. What it says of statistics is each
    /// output's own to say.
    pub fn document(&mut self, document: &Document) -> Result<()> {
        self.documents(document, false)
    }

    /// Writes the document of a token that was generated, where there is one for each.
    pub fn token(&mut self, document: &Document) -> Result<()> {
        self.documents(document, true)
    }

    fn documents(&mut self, document: &Document, streams: bool) -> Result<()> {
        let mut sinks = self.0.iter_mut().filter(|sink| sink.streams == streams);
        sinks.try_for_each(|sink| {
            let document = Document {
                statistics: &sink.statistics,
                ..*document
            };
            let report = &mut sink.report;
            sink.output
                .write(sink.format.content, |out| report.document(&document, out))
        })
    }

    /// Writes a sheet everywhere.
    pub fn sheet(&mut self, sheet: &Sheet) -> Result<()> {
        self.each(|sink| {
            let report = &mut sink.report;
            sink.output
                .write(sink.format.content, |out| report.sheet(sheet, out))
        })
    }

    /// Writes what a model is.
    pub fn card(&mut self, card: &Card) -> Result<()> {
        self.each(|sink| {
            let report = &mut sink.report;
            sink.output
                .write(sink.format.content, |out| report.card(card, out))
        })
    }

    fn each(&mut self, write: impl Fn(&mut Sink) -> Result<()>) -> Result<()> {
        self.0.iter_mut().try_for_each(write)
    }

    /// What a reader should know of the documents written.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|sink| sink.report.remark())
    }

    /// Ends the documents, and lets the files appear.
    pub fn finish_documents(mut self) -> Result<()> {
        self.each(|sink| {
            let report = &mut sink.report;
            sink.output.write(sink.format.content, |out| report.end(out))
        })?;
        self.finish()
    }

    /// Lets the files appear.
    pub fn finish(self) -> Result<()> {
        for sink in self.0 {
            sink.output.finish()?;
        }
        Ok(())
    }
}
