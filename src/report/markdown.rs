//! Markdown: the tables for people, for an issue or a notebook.

use std::io::{self, Write};

use super::batch::{Answer, Tally};
use super::only_words::{top_label, top_tokens};
use super::sheet::markdown_cell;
use super::text::{percent, plain};
use super::words::{capital, difference_heading, lens_name, side_by_side, story};
use super::{Cell, Content, Document, Format, Report, Result, Setting, Sheet};
use crate::analysis::statistics::{Statistic, Statistics};
use crate::lens::{Follow, Row, Track};
use crate::text::targets::Target;

/// Tables.
pub const MARKDOWN: Format = Format {
    name: "markdown",
    aliases: &["md"],
    help: "Tables for a notebook or an issue",
    endings: &["md", "markdown"],
    content: Content::Text,
    single: false,
    reads: true,
    reads_all_positions: |_| false,
    follow: |_| Follow::Nothing,
    statistics: |_| Statistics::none(),
    settings: |presentation| match presentation.brief {
        true => Setting::BRIEF,
        false => &[
            Setting::TopK,
            Setting::Statistics,
            Setting::Track,
            Setting::Against,
            Setting::Words,
            Setting::EachPrompt,
        ],
    },
    sheets: true,
    report: |presentation| {
        Box::new(Markdown {
            each: presentation.each,
            words: presentation.words,
            brief: presentation.brief,
            tally: Tally::default(),
            begun: false,
            is_explained: false,
        })
    },
};

struct Markdown {
    /// Whether several positions come as a table each, not as a grid.
    each: bool,
    /// Whether tokens that are no words are hidden.
    words: bool,
    /// Whether each prompt is a row, since there are many.
    brief: bool,
    tally: Tally,
    begun: bool,
    /// Whether it was said what `resid_mid` is.
    is_explained: bool,
}

impl Report for Markdown {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()> {
        if self.brief {
            return Ok(self.row(document, out)?);
        }
        if self.begun {
            writeln!(out)?;
        }
        self.begun = true;
        let trajectory = document.trajectory;
        let cell =
            |text: &str| markdown_cell(&crate::text::tokens::visible(text.as_bytes()).replace('␣', " "));
        let id = document.id.map_or(String::new(), |id| format!("{}: ", cell(id)));
        writeln!(
            out,
            "**{}{}** · {}\n",
            id,
            cell(&trajectory.prompt.text),
            cell(&document.card.name)
        )?;
        let positions = trajectory.positions.len();
        if positions > 1 && !self.each {
            for (nth, document) in of_each_lens(document).enumerate() {
                heading_of_lens(&document, nth > 0, out)?;
                grids(&document, self.words, out)?;
            }
            writeln!(out, "\n{}", markdown_cell(&story(document, positions - 1)))?;
            return Ok(self.explain(document, out)?);
        }
        for at in 0..positions {
            if positions > 1 {
                let position = trajectory.positions[at];
                let token = document.tokens.label(trajectory.prompt.ids[position]);
                writeln!(out, "After position {position}, {}\n", markdown_cell(&token))?;
            }
            for (nth, document) in of_each_lens(document).enumerate() {
                heading_of_lens(&document, nth > 0, out)?;
                one_position(&document, at, self.words).markdown(out)?;
            }
            writeln!(out, "\n{}", markdown_cell(&story(document, at)))?;
        }
        Ok(self.explain(document, out)?)
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        match self.tally.sentence() {
            Some(sentence) => Ok(writeln!(out, "\n{sentence}")?),
            None => Ok(()),
        }
    }

    fn sheet(&mut self, sheet: &Sheet, out: &mut dyn Write) -> Result<()> {
        Ok(sheet.markdown(out)?)
    }
}

impl Markdown {
    /// Says once what `resid_mid` is, where that needs saying.
    fn explain(&mut self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let sites = document.trajectory.rows.iter().map(|row| row.site);
        match side_by_side(document.card, sites).filter(|_| !self.is_explained) {
            Some(note) => {
                self.is_explained = true;
                writeln!(out, "\n{}", markdown_cell(&note))
            }
            None => Ok(()),
        }
    }

    /// One of many prompts as a row, before the first the heading.
    fn row(&mut self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        if !self.begun {
            writeln!(out, "{}\n", markdown_cell(&plain(&document.card.name)))?;
            writeln!(out, "| prompt | target | prob | rank | output | settles at |")?;
            writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
        }
        self.begun = true;
        let answer = Answer::of(document);
        self.tally.add(&answer);
        let none = || "–".to_string();
        let (prob, rank) = answer.value.unzip();
        let (label, output) = &answer.output;
        let cells = [
            answer.prompt,
            answer.target.unwrap_or_else(none),
            prob.map_or_else(none, percent),
            rank.map_or_else(none, |rank| rank.to_string()),
            format!("{label} {}", percent(*output)),
            answer.settles_at.map_or_else(none, |layer| layer.to_string()),
        ];
        writeln!(out, "| {} |", cells.map(|cell| markdown_cell(&cell)).join(" | "))
    }
}

/// The document of each lens by itself.
fn of_each_lens<'a>(document: &'a Document<'a>) -> impl Iterator<Item = Document<'a>> {
    (document.trajectory.of_each_lens()).map(|trajectory| Document {
        trajectory,
        ..*document
    })
}

/// The name of a table's lens, where it is not the logit lens alone.
fn heading_of_lens(document: &Document, again: bool, out: &mut dyn Write) -> io::Result<()> {
    let trajectory = document.trajectory;
    let before = if again { "\n" } else { "" };
    let is_named = again || trajectory.lens.artefact().is_some() || !trajectory.others.is_empty();
    match is_named {
        true => writeln!(
            out,
            "{before}{} lens\n",
            capital(lens_name(trajectory.lens.name()))
        ),
        false => Ok(()),
    }
}

/// Layers down, the likeliest tokens across, then targets and statistics.
fn one_position(document: &Document, at: usize, words: bool) -> Sheet {
    let trajectory = document.trajectory;
    let tops = |row: &Row| top_tokens(document, &row.readings[at], words).len();
    let k = trajectory.rows.iter().map(tops).max();
    let mut columns = vec!["layer".to_string()];
    columns.extend((1..=k.unwrap_or(0)).map(|nth| match nth {
        2.. if words => "next word".to_string(),
        _ => nth.to_string(),
    }));
    for target in &trajectory.targets {
        columns.extend(["prob", "logprob", "logit", "rank"].map(|n| format!("{} {n}", target.name)));
        for track in tokens_in_turn(document, target, at) {
            let label = document.tokens.label(track.id);
            columns.extend(["logprob", "rank"].map(|n| format!("{}: {label} {n}", target.name)));
        }
        columns.extend((document.against).map(|a| format!("{} − {}", target.name, a.name)));
    }
    columns.extend(document.statistics.iter().map(|s| s.name().to_string()));
    let rows = trajectory.rows.iter().enumerate().map(|(i, row)| {
        let reading = &row.readings[at];
        let mut cells = vec![Cell::Text(row.site.to_string())];
        let tops = top_tokens(document, reading, words);
        cells.extend((0..k.unwrap_or(0)).map(|nth| match tops.get(nth) {
            Some(c) => Cell::Text(format!("{} {}", document.tokens.label(c.id), percent(c.prob))),
            None => Cell::Empty,
        }));
        for target in &trajectory.targets {
            let value = trajectory.value(target, i, at);
            cells.extend([
                value.map_or(Cell::Empty, |v| Cell::Share(v.prob)),
                Cell::maybe(value.map(|v| v.logprob)),
                Cell::maybe(value.and_then(|v| v.logit)),
                value.map_or(Cell::Empty, |v| Cell::Integer(v.rank)),
            ]);
            for track in tokens_in_turn(document, target, at) {
                cells.push(Cell::Number(track.values[i].logprob));
                cells.push(Cell::Integer(track.values[i].rank));
            }
            if let Some(against) = document.against {
                cells.push(Cell::maybe(trajectory.logit_difference(target, against, i, at)));
            }
        }
        let statistics = document.statistics.iter();
        cells.extend(statistics.map(|s| shown(s, s.of(reading, &trajectory.output[at]))));
        cells
    });
    Sheet {
        columns,
        rows: rows.collect(),
        ..Sheet::default()
    }
}

/// The tokens of a target that is several in a row.
fn tokens_in_turn<'a>(
    document: &Document<'a>,
    target: &Target,
    at: usize,
) -> impl Iterator<Item = &'a Track> {
    let continuation = document.trajectory.continuation(target, at).into_iter();
    continuation.flat_map(|continuation| &continuation.tokens)
}

/// Log-probability and rank of these tokens, layers down.
fn in_turn(document: &Document, target: &Target, at: usize) -> Sheet {
    let mut columns = vec!["layer".to_string()];
    for track in tokens_in_turn(document, target, at) {
        let label = document.tokens.label(track.id);
        columns.extend(["logprob", "rank"].map(|n| format!("{label} {n}")));
    }
    let rows = document.trajectory.rows.iter().enumerate().map(|(i, row)| {
        let values = tokens_in_turn(document, target, at).map(|track| track.values[i]);
        let values = values.flat_map(|value| [Cell::Number(value.logprob), Cell::Integer(value.rank)]);
        std::iter::once(Cell::Text(row.site.to_string()))
            .chain(values)
            .collect()
    });
    Sheet {
        columns,
        rows: rows.collect(),
        ..Sheet::default()
    }
}

/// Layers down, positions across: the likeliest token of each, then targets and statistics.
fn grids(document: &Document, words: bool, out: &mut dyn Write) -> io::Result<()> {
    let trajectory = document.trajectory;
    let top = |row: usize, at: usize| {
        let prob = trajectory.rows[row].readings[at].top1().prob;
        let label = top_label(document, row, at, words);
        Cell::Text(format!("{label} {}", percent(prob)))
    };
    grid(document, top).markdown(out)?;
    for target in &trajectory.targets {
        let value = |row: usize, at: usize| match trajectory.value(target, row, at) {
            Some(value) => Cell::Text(format!("{} #{}", percent(value.prob), value.rank)),
            None => Cell::Empty,
        };
        writeln!(out, "\n{}: probability and rank\n", markdown_cell(&target.name))?;
        grid(document, value).markdown(out)?;
        let at = trajectory.answer_position();
        if trajectory.continuation(target, at).is_some() {
            let title = format!("{}: its tokens", target.name);
            writeln!(out, "\n{}\n", markdown_cell(&title))?;
            in_turn(document, target, at).markdown(out)?;
        }
        if let Some(against) = document.against {
            let difference = |row, at| Cell::maybe(trajectory.logit_difference(target, against, row, at));
            let title = format!("{}: {}", target.name, difference_heading(target, against));
            writeln!(out, "\n{}\n", markdown_cell(&title))?;
            grid(document, difference).markdown(out)?;
        }
    }
    for statistic in document.statistics.iter() {
        let value = |row: usize, at: usize| {
            let reading = &trajectory.rows[row].readings[at];
            shown(statistic, statistic.of(reading, &trajectory.output[at]))
        };
        writeln!(out, "\n{}\n", markdown_cell(statistic.name()))?;
        grid(document, value).markdown(out)?;
    }
    Ok(())
}

fn shown(statistic: Statistic, value: Option<f64>) -> Cell {
    match (statistic, value) {
        (Statistic::Agrees, Some(x)) => Cell::Text(if x == 1. { "yes" } else { "no" }.to_string()),
        (_, value) => Cell::maybe(value),
    }
}

fn grid(document: &Document, cell: impl Fn(usize, usize) -> Cell) -> Sheet {
    let trajectory = document.trajectory;
    let mut columns = vec!["layer".to_string()];
    columns.extend(trajectory.positions.iter().map(|&position| {
        let token = document.tokens.label(trajectory.prompt.ids[position]);
        format!("{position} {token}")
    }));
    let rows = trajectory.rows.iter().enumerate().map(|(i, row)| {
        let cells = (0..trajectory.positions.len()).map(|at| cell(i, at));
        std::iter::once(Cell::Text(row.site.to_string()))
            .chain(cells)
            .collect()
    });
    Sheet {
        columns,
        rows: rows.collect(),
        ..Sheet::default()
    }
}
