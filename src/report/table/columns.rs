//! The rows at one position: label, candidates, statistics.

use std::io::{self, Write};

use anstyle::Style;

use super::rows::Line;
use super::{ANSWER, BOLD, DIM, WIDEST};
use crate::analysis::statistics::Statistic;
use crate::report::Document;
use crate::report::only_words::top_tokens;
use crate::report::text::{bands, cut, decimal, fit, percent, right, width};

/// The columns between two candidates, and those of a probability.
const GAP: usize = 3;
const PERCENT: usize = 6;
/// In a narrow terminal a token is cut down to this.
const NARROWEST: usize = 8;

/// What may be shown of the top tokens.
#[derive(Debug, Clone, Copy)]
pub struct Tops {
    /// Whether those that do not fit beside each other come in bands below; else they are left out and
    /// counted.
    pub bands: bool,
    /// Whether tokens after the first are left out that are no words.
    pub words: bool,
}

/// How wide the parts of the rows are, in one or more blocks below each other.
pub struct Columns {
    label: usize,
    /// Between two columns.
    gap: usize,
    pub blocks: Vec<Block>,
    /// How many candidates are not shown.
    hidden: usize,
    words: bool,
}

/// Columns that stand beside each other.
#[derive(Default)]
pub struct Block {
    /// The candidates, by their place from 0, each with the columns of its token.
    tokens: Vec<(usize, usize)>,
    statistics: Vec<Statistic>,
}

impl Columns {
    /// Columns as wide as their tokens need. In a narrow terminal tokens are cut first, then the least
    /// likely candidates and the last statistics go below.
    pub fn plan(document: &Document, at: usize, tops: Tops, available: usize) -> Self {
        let rows = &document.trajectory.rows;
        let label = rows.iter().map(|row| row.site.to_string().len()).chain([5]).max();
        let label = label.unwrap_or(5);
        // A terminal too narrow for a row's parts has less between them, then less of the label.
        let narrowest = NARROWEST + 1 + PERCENT;
        let gap = if label + GAP + narrowest > available {
            1
        } else {
            GAP
        };
        let label = label.min(available.saturating_sub(gap + narrowest).max(5));
        let natural = natural_widths(document, at, tops.words);
        let (beside, below) =
            split_statistics(document, available.saturating_sub(label + gap + narrowest), gap);
        let statistics = beside.iter().map(|&s| gap + columns_of(s)).sum::<usize>();
        let room = available.saturating_sub(label + statistics);
        let tokens = fitting(&natural, gap, room);
        let shown = tokens.len();
        let mut columns = Self {
            label,
            gap,
            blocks: vec![Block {
                tokens: tokens.into_iter().enumerate().collect(),
                statistics: beside,
            }],
            hidden: if tops.bands { 0 } else { natural.len() - shown },
            words: tops.words,
        };
        if tops.bands {
            columns.add_tokens(&natural, shown, available);
        }
        columns.add_statistics(&below, available);
        columns
    }

    /// Blocks of the candidates from the `from`th on.
    fn add_tokens(&mut self, natural: &[usize], from: usize, available: usize) {
        let room = available
            .saturating_sub(self.label + self.gap + 1 + PERCENT)
            .max(1);
        let tokens: Vec<usize> = natural[from..]
            .iter()
            .map(|&token| token.min(WIDEST).min(room))
            .collect();
        let widths: Vec<usize> = tokens.iter().map(|token| token + 1 + PERCENT).collect();
        for band in bands(&widths, self.label, self.gap, available) {
            self.blocks.push(Block {
                tokens: band.map(|i| (from + i, tokens[i])).collect(),
                ..Block::default()
            });
        }
    }

    /// Blocks of statistics.
    fn add_statistics(&mut self, statistics: &[Statistic], available: usize) {
        let widths: Vec<usize> = statistics.iter().map(|&s| columns_of(s)).collect();
        for band in bands(&widths, self.label, self.gap, available) {
            self.blocks.push(Block {
                statistics: statistics[band].to_vec(),
                ..Block::default()
            });
        }
    }

    /// The columns of a whole row of a block.
    pub fn total(&self, block: &Block) -> usize {
        let tokens = block
            .tokens
            .iter()
            .map(|(_, token)| self.gap + token + 1 + PERCENT);
        let statistics = block.statistics.iter().map(|&s| self.gap + columns_of(s));
        self.label + tokens.chain(statistics).sum::<usize>()
    }

    pub fn heading(&self, block: &Block) -> String {
        let mut line = format!("{:>1$}", "layer", self.label);
        for &(nth, token) in &block.tokens {
            let name = match nth {
                1.. if self.words => "next word".to_string(),
                _ => format!("top {}", nth + 1),
            };
            line.push_str(&" ".repeat(self.gap));
            line.push_str(&fit(&name, token + 1 + PERCENT));
        }
        for &statistic in &block.statistics {
            line.push_str(&" ".repeat(self.gap));
            line.push_str(&right(statistic.name(), columns_of(statistic)));
        }
        line.trim_end().to_string()
    }

    /// What is said of candidates that are not shown; `None` if all are.
    pub fn hidden(&self) -> Option<String> {
        let k = self.hidden + self.blocks[0].tokens.len();
        let columns = if self.hidden == 1 { "column" } else { "columns" };
        let more = || {
            format!(
                "{} more {columns}: widen the terminal, or give -k {k} or -o FILE.",
                self.hidden
            )
        };
        (self.hidden > 0).then(more)
    }

    /// One line of a block: a row, or the rows folded.
    pub fn line(
        &self,
        document: &Document,
        block: &Block,
        line: &Line,
        at: usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match line {
            Line::Row(row) => self.row(document, block, *row, at, out),
            Line::Folded { label, said } => {
                let said = cut(
                    said,
                    self.total(block)
                        .saturating_sub(width(label).max(self.label) + self.gap),
                );
                writeln!(
                    out,
                    "{DIM}{label:>0$}{1:2$}{said}{DIM:#}",
                    self.label, "", self.gap
                )
            }
        }
    }

    fn row(
        &self,
        document: &Document,
        block: &Block,
        row: usize,
        at: usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let row = &document.trajectory.rows[row];
        let output = &document.trajectory.output[at];
        let answer = output.top1();
        let style = match row.site.is_output(document.card.layers) {
            true => BOLD,
            false => DIM,
        };
        let gap = self.gap;
        let site = right(&row.site.to_string(), self.label);
        write!(out, "{style}{site}{style:#}")?;
        let reading = &row.readings[at];
        let tops = top_tokens(document, reading, self.words);
        for &(nth, columns) in &block.tokens {
            let Some(candidate) = tops.get(nth) else {
                write!(out, "{:1$}", "", gap + columns + 1 + PERCENT)?;
                continue;
            };
            let token = fit(&document.tokens.label(candidate.id), columns);
            let token_style = match nth {
                _ if candidate.id == answer.id => ANSWER,
                0 => Style::new(),
                _ => DIM,
            };
            let percent = percent(candidate.prob);
            write!(
                out,
                "{:gap$}{token_style}{token}{token_style:#} {DIM}{percent:>PERCENT$}{DIM:#}",
                ""
            )?;
        }
        for &statistic in &block.statistics {
            let value = shown(statistic, statistic.of(reading, output));
            write!(out, "{:gap$}{}", "", right(&value, columns_of(statistic)))?;
        }
        writeln!(out)
    }
}

/// For each candidate, the columns of its widest token.
fn natural_widths(document: &Document, at: usize, words: bool) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in &document.trajectory.rows {
        let tops = top_tokens(document, &row.readings[at], words);
        widths.resize(widths.len().max(tops.len()), 2);
        for (widest, candidate) in widths.iter_mut().zip(tops) {
            *widest = (*widest).max(width(&document.tokens.label(candidate.id)));
        }
    }
    widths
}

/// The statistics that fit in `room` columns, and the others.
fn split_statistics(document: &Document, mut room: usize, gap: usize) -> (Vec<Statistic>, Vec<Statistic>) {
    let mut beside: Vec<Statistic> = document.statistics.iter().collect();
    let fits = |&&statistic: &&Statistic| {
        let needed = gap + columns_of(statistic);
        let fits = needed <= room;
        room = room.saturating_sub(needed);
        fits
    };
    let below = beside.split_off(beside.iter().take_while(fits).count());
    (beside, below)
}

/// As many tokens as fit in `room` columns, those that need it cut alike.
fn fitting(natural: &[usize], gap: usize, room: usize) -> Vec<usize> {
    let capped = |cap: usize, shown: usize| natural[..shown].iter().map(move |&token| token.min(cap));
    let widest = |shown: usize| (NARROWEST..=WIDEST).rev().map(move |cap| (cap, shown));
    let total = |cap, shown| {
        capped(cap, shown)
            .map(|token| gap + token + 1 + PERCENT)
            .sum::<usize>()
    };
    let found = (1..=natural.len())
        .rev()
        .flat_map(widest)
        .find(|&(cap, shown)| total(cap, shown) <= room);
    match found {
        Some((cap, shown)) => capped(cap, shown).collect(),
        None => capped(
            room.saturating_sub(gap + 1 + PERCENT).max(1),
            natural.len().min(1),
        )
        .collect(),
    }
}

/// The columns of a statistic: those of its name, or of a value.
fn columns_of(statistic: Statistic) -> usize {
    statistic.name().len().max(5)
}

/// A statistic's value as people read it.
pub fn shown(statistic: Statistic, value: Option<f64>) -> String {
    match (statistic, value) {
        (_, None) => "–".to_string(),
        (Statistic::Agrees, Some(x)) => if x == 1. { "yes" } else { "no" }.to_string(),
        (_, Some(x)) => decimal(x, 2),
    }
}
