//! CSV, tidy: a row for each prompt, lens, point, layer, position and token, for data frames.
//!
//! `layer` is a whole number, and empty at the embedding, which is before every layer: in pandas it is read
//! with `dtype={"layer": "Int64"}`. A prompt's text, which may be long, is not repeated: `prompt` and `id` say
//! which it is.
//!
//! A file and a pipe get every text exactly; only a terminal gets it escaped.

use std::io::Write;

use rayon::prelude::*;

use super::{Content, Document, Format, Report, Result, Setting, Sheet};
use crate::analysis::statistics::{Statistic, Statistics};
use crate::decoder::Point;
use crate::lens::{Follow, Row, TargetValue};
use crate::readout::Reading;
use crate::text::targets::Target;
use crate::text::visible::escaped;

/// One heading above all documents.
pub const CSV: Format = Format {
    name: "csv",
    aliases: &[],
    help: "Tidy: a row for each prompt, lens, point, layer, position and token",
    endings: &["csv"],
    content: Content::Text,
    single: false,
    reads: true,
    reads_all_positions: |_| false,
    follow: |_| Follow::Nothing,
    statistics: |_| Statistics::default(),
    settings: |_| {
        &[
            Setting::TopK,
            Setting::Statistics,
            Setting::Track,
            Setting::Against,
        ]
    },
    sheets: true,
    report: |presentation| Box::new(Csv::new(presentation.terminal)),
};

struct Csv {
    for_terminal: bool,
    begun: bool,
}

const COLUMNS: [&str; 19] = [
    "prompt",
    "id",
    "model",
    "point",
    "layer",
    "position",
    "input_token",
    "rank",
    "token_id",
    "token",
    "label",
    "logit",
    "logprob",
    "prob",
    "tracked",
    "logit_difference",
    "generated",
    "settles_at",
    "lens",
];

/// Positions whose lines one thread writes.
const POSITIONS: usize = 32;

/// A token of a row, or a group of tokens by its name.
struct Said {
    id: Option<u32>,
    /// The token's text or the group's name, and the same made visible.
    name: String,
    label: String,
    rank: u64,
    /// `None` of several tokens in a row.
    logit: Option<f64>,
    logprob: f64,
    prob: f64,
    tracked: bool,
    /// How far it is above what it is compared with, in nats.
    difference: Option<f64>,
}

impl Csv {
    /// CSV that goes to a terminal, or elsewhere.
    fn new(for_terminal: bool) -> Self {
        Self {
            for_terminal,
            begun: false,
        }
    }

    /// The lines of the row `i` at some of the positions read; `settled` has of each where it settles.
    fn lines(
        &self,
        document: &Document,
        i: usize,
        row: &Row,
        positions: &[usize],
        settled: &[Option<usize>],
    ) -> Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        for &at in positions {
            for said in said(document, i, row, at) {
                let record = record(document, row, at, &said, settled[at]).into_iter();
                let record = record.map(|field| shown(field, self.for_terminal));
                csv.write_record(record).map_err(io)?;
            }
        }
        Ok(csv.into_inner().map_err(csv::IntoInnerError::into_error)?)
    }
}

impl Report for Csv {
    /// The tokens of each row are its top k, then those followed with `--track` that are not among
    /// them, then groups, which have a name and no id. Numbers are in full; what does not exist is empty.
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()> {
        if !self.begun {
            let mut csv = csv::Writer::from_writer(&mut *out);
            let statistics = document.statistics.iter().map(Statistic::name);
            csv.write_record(COLUMNS.into_iter().chain(statistics))
                .map_err(io)?;
            csv.flush()?;
            self.begun = true;
        }
        for trajectory in document.trajectory.of_each_lens() {
            let document = &Document {
                trajectory,
                ..*document
            };
            let positions: Vec<usize> = (0..trajectory.positions.len()).collect();
            let settled: Vec<Option<usize>> = positions.iter().map(|&at| trajectory.settles_at(at)).collect();
            for (i, row) in trajectory.rows.iter().enumerate() {
                // Threads write the lines of some positions each.
                let lines = |positions: &[usize]| self.lines(document, i, row, positions, &settled);
                let stretches: Vec<Vec<u8>> = (positions.par_chunks(POSITIONS))
                    .map(lines)
                    .collect::<Result<_>>()?;
                for lines in stretches {
                    out.write_all(&lines)?;
                }
            }
        }
        Ok(())
    }

    fn sheet(&mut self, sheet: &Sheet, out: &mut dyn Write) -> Result<()> {
        Ok(sheet.csv(self.for_terminal, out)?)
    }
}

fn io(error: csv::Error) -> std::io::Error {
    error.into()
}

fn record(document: &Document, row: &Row, at: usize, said: &Said, settled: Option<usize>) -> Vec<String> {
    let trajectory = document.trajectory;
    let position = trajectory.positions[at];
    let optional = |n: Option<usize>| n.map_or(String::new(), |n| n.to_string());
    let layer = (row.site.point != Point::Embed).then_some(row.site.layer);
    let mut record = vec![
        document.number.to_string(),
        document.id.unwrap_or_default().to_string(),
        document.card.name.clone(),
        row.site.point.name().to_string(),
        optional(layer),
        position.to_string(),
        document.tokens.exact(trajectory.prompt.ids[position]),
        said.rank.to_string(),
        said.id.map_or(String::new(), |id| id.to_string()),
        said.name.clone(),
        said.label.clone(),
        said.logit.map_or(String::new(), number),
        number(said.logprob),
        number(said.prob),
        said.tracked.to_string(),
        said.difference.map_or(String::new(), number),
        (position + trajectory.prompt.generated >= trajectory.prompt.ids.len()).to_string(),
        optional(settled),
        trajectory.lens.name().to_string(),
    ];
    let (reading, output) = (&row.readings[at], &trajectory.output[at]);
    record.extend(document.statistics.iter().map(|s| value(s, reading, output)));
    record
}

/// A field as it goes out: exactly, or with nothing in it that a terminal obeys.
pub fn shown(field: String, for_terminal: bool) -> String {
    match for_terminal {
        true => escaped(&field),
        false => field,
    }
}

/// A number in full, tiny ones with an exponent.
fn number(x: f64) -> String {
    format!("{x:?}")
}

fn value(statistic: Statistic, reading: &Reading, output: &Reading) -> String {
    match (statistic, statistic.of(reading, output)) {
        (_, None) => String::new(),
        (Statistic::Agrees, Some(x)) => (x == 1.).to_string(),
        (_, Some(x)) => number(x),
    }
}

/// The tokens of a target that is several in a row, by the target's name and their numbers.
fn tokens_in_turn<'a>(
    document: &'a Document,
    target: &'a Target,
    row: usize,
    at: usize,
) -> impl Iterator<Item = Said> + 'a {
    let continuation = document.trajectory.continuation(target, at).into_iter();
    let tracks = continuation.flat_map(|continuation| continuation.tokens.iter().enumerate());
    tracks.map(move |(nth, track)| {
        let value = track.values[row];
        Said {
            id: Some(track.id),
            name: format!("{}[{nth}]", target.name),
            label: format!("{}[{nth}] {}", target.name, document.tokens.label(track.id)),
            rank: value.rank,
            logit: Some(value.logit.into()),
            logprob: value.logprob,
            prob: value.prob,
            tracked: true,
            difference: None,
        }
    })
}

fn said(document: &Document, i: usize, row: &Row, at: usize) -> Vec<Said> {
    let trajectory = document.trajectory;
    let top = &row.readings[at].top;
    let single = |id: u32| trajectory.targets.iter().any(|target| target.ids == [id]);
    let other = document
        .against
        .and_then(|against| trajectory.value(against, i, at));
    let difference = |value: &TargetValue| other.map(|other| value.above(&other));
    let mut said: Vec<Said> = (top.iter())
        .map(|c| Said {
            id: Some(c.id),
            name: document.tokens.exact(c.id),
            label: document.tokens.label(c.id),
            // By definition: of equal logits none is above the other.
            rank: 1 + top.iter().filter(|other| other.logit > c.logit).count() as u64,
            logit: Some(c.logit.into()),
            logprob: c.logprob,
            prob: c.prob,
            tracked: single(c.id),
            difference: trajectory
                .value(&Target::unnamed(c.id), i, at)
                .filter(|_| single(c.id))
                .and_then(|value| difference(&value)),
        })
        .collect();
    for target in &trajectory.targets {
        let id = match target.ids.as_slice() {
            [id] => Some(*id),
            _ => None,
        };
        let there = id.is_some_and(|id| top.iter().any(|c| c.id == id));
        let Some(value) = trajectory.value(target, i, at).filter(|_| !there) else {
            continue;
        };
        said.push(Said {
            id,
            name: id.map_or(target.name.clone(), |id| document.tokens.exact(id)),
            label: id.map_or(target.name.clone(), |id| document.tokens.label(id)),
            rank: value.rank,
            logit: value.logit,
            logprob: value.logprob,
            prob: value.prob,
            tracked: true,
            difference: difference(&value),
        });
        said.extend(tokens_in_turn(document, target, i, at));
    }
    said
}
