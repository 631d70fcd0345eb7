//! All the places that a run's results go to, each in its own format.

use std::io;
use std::path::Path;

use anyhow::Result;
use logit_lens::analysis::statistics::Statistics;
use logit_lens::error::Error;
use logit_lens::lens::Follow;
use logit_lens::model::Card;
use logit_lens::report;
use logit_lens::report::{
    Csv, Document, Heatmap, Html, Json, Lines, Markdown, Medium, Plot, Report, Sheet, SheetFormat, Table,
};

use super::args::{Args, Format};
use super::draft::place;
use super::output::Output;

/// Every output of a run, opened before any work is done.
pub struct Sinks(Vec<Sink>);

struct Sink {
    output: Output,
    format: Format,
    report: Box<dyn Report>,
    statistics: Statistics,
}

impl Sinks {
    /// Opens what the arguments name. `many` prompts make an array of a JSON output.
    ///
    /// # Errors
    /// A path that cannot be written to.
    pub fn open(args: &Args, many: bool) -> Result<Self> {
        let mut sinks = Vec::new();
        for (path, format) in args.outputs()? {
            if format.is_a_page() && many {
                return Err(Error::usage(
                    format!(
                        "--format {} shows one prompt, and there are several.",
                        format.name()
                    ),
                    "Give one prompt, or a format that holds many: json, jsonl, csv, markdown.",
                )
                .into());
            }
            let output = Output::open(path)?;
            if format.is_binary() && output.is_terminal() {
                return Err(Error::usage(
                    format!("A {} is no text for a terminal.", format.name()),
                    format!("Write it to a file: -o lens.{}", format.name()),
                )
                .into());
            }
            let report: Box<dyn Report> = match format {
                Format::Table => Box::new(Table::new(output.width(), args.each())),
                Format::Json => Box::new(Json::new(many)),
                Format::Jsonl => Box::new(Lines),
                Format::Csv => Box::new(Csv::new(output.is_terminal())),
                Format::Markdown => Box::new(Markdown::new(args.each())),
                Format::Heatmap => Box::new(Heatmap::new(
                    output.width(),
                    output.depth(args),
                    args.color_by,
                    args.order(),
                )),
                Format::Svg => args.drawing(Medium::Svg),
                Format::Png => args.drawing(Medium::Png),
                Format::Pdf => args.drawing(Medium::Pdf),
                Format::Html => Box::new(Html {
                    by: args.color_by,
                    order: args.order(),
                }),
                Format::Plot => Box::new(Plot::new(output.width())),
            };
            sinks.push(Sink {
                output,
                format,
                report,
                statistics: args.statistics(format),
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

    /// Which tokens the formats want to be followed.
    pub fn follow(&self) -> Follow {
        let wanted = self.0.iter().map(|sink| match sink.format {
            Format::Json | Format::Jsonl | Format::Html => Follow::TopK,
            Format::Heatmap | Format::Plot | Format::Svg | Format::Png | Format::Pdf => Follow::Top1,
            Format::Table | Format::Csv | Format::Markdown => Follow::Nothing,
        });
        wanted.max().unwrap_or_default()
    }

    /// Writes a document everywhere. What it says of statistics is each output's own to say.
    pub fn document(&mut self, document: &Document) -> Result<()> {
        for sink in &mut self.0 {
            let document = Document {
                statistics: &sink.statistics,
                ..*document
            };
            let mut text = Vec::new();
            sink.report.document(&document, &mut text).map_err(said)?;
            match sink.format.is_binary() {
                true => sink.output.write_bytes(&text)?,
                false => sink.output.write(&text)?,
            }
        }
        Ok(())
    }

    /// Writes a sheet everywhere.
    pub fn sheet(&mut self, sheet: &Sheet) -> Result<()> {
        for sink in &mut self.0 {
            let format = match sink.format {
                Format::Json => SheetFormat::Json,
                Format::Jsonl => SheetFormat::Lines,
                Format::Csv => SheetFormat::Csv {
                    for_terminal: sink.output.is_terminal(),
                },
                Format::Markdown => SheetFormat::Markdown,
                Format::Html | Format::Svg | Format::Png | Format::Pdf => {
                    return Err(no_picture(sink.format).into());
                }
                Format::Table | Format::Heatmap | Format::Plot => SheetFormat::Table {
                    width: sink.output.width(),
                },
            };
            let mut text = Vec::new();
            sheet.write(format, &mut text)?;
            sink.output.write(&text)?;
        }
        Ok(())
    }

    /// Writes a model's card, as text for people or as a sheet.
    pub fn card(&mut self, card: &Card) -> Result<()> {
        if let [
            Sink {
                output,
                format: Format::Table,
                ..
            },
        ] = self.0.as_mut_slice()
        {
            let mut text = Vec::new();
            report::card(card, output.width(), &mut text)?;
            return output.write(&text);
        }
        self.sheet(&report::card_sheet(card))
    }

    /// What a reader should know of the documents written.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|sink| sink.report.remark())
    }

    /// Ends the documents, and lets the files appear.
    pub fn finish_documents(mut self) -> Result<()> {
        for sink in &mut self.0 {
            let mut text = Vec::new();
            sink.report.end(&mut text)?;
            sink.output.write(&text)?;
        }
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

/// An error that a report has words for, behind the one of writing.
fn said(error: io::Error) -> anyhow::Error {
    let own = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match own {
        Some(own) => own.clone().into(),
        None => error.into(),
    }
}

fn no_picture(format: Format) -> Error {
    Error::usage(
        format!(
            "There is no {} of what was asked for, which is a plain table.",
            format.name()
        ),
        "Choose table, json, jsonl, csv or markdown.",
    )
}
