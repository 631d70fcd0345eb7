//! The rows at one position: label, candidates, statistics.

use std::io::{self, Write};

use anstyle::Style;

use super::{ANSWER, BOLD, DIM, WIDEST, is_output};
use crate::analysis::statistics::Statistic;
use crate::lens::Row;
use crate::report::Document;
use crate::report::text::{bands, fit, percent, right, width};

/// The columns between two candidates, and those of a probability.
const GAP: usize = 3;
const PERCENT: usize = 6;
/// In a narrow terminal a token is cut down to this.
const NARROWEST: usize = 8;

/// How wide the parts of a row are.
pub struct Columns {
    label: usize,
    /// Between two columns.
    gap: usize,
    /// For each candidate shown, the columns of its token.
    tokens: Vec<usize>,
    /// How many candidates did not fit.
    hidden: usize,
    statistics: Vec<Statistic>,
    /// Those that did not fit.
    below: Vec<Statistic>,
}

impl Columns {
    /// Columns as wide as their tokens need; in a narrow terminal, tokens are cut first, then the
    /// least likely candidates are left out.
    pub fn plan(document: &Document, at: usize, available: usize) -> Self {
        let rows = &document.trajectory.rows;
        let label = rows
            .iter()
            .map(|row| row.site.to_string().len())
            .chain([5])
            .max()
            .unwrap_or(5);
        // A terminal too narrow for a row's parts has less between them, then less of the label.
        let narrowest = NARROWEST + 1 + PERCENT;
        let gap = if label + GAP + narrowest > available {
            1
        } else {
            GAP
        };
        let label = label.min(available.saturating_sub(gap + narrowest).max(5));
        let k = rows
            .iter()
            .map(|row| row.readings[at].top.len())
            .max()
            .unwrap_or(0);
        let natural = |nth: usize| {
            let tokens = rows.iter().filter_map(|row| row.readings[at].top.get(nth));
            tokens
                .map(|c| width(&document.tokens.label(c.id)))
                .max()
                .unwrap_or(0)
                .max(2)
        };
        let natural: Vec<usize> = (0..k).map(natural).collect();
        let mut statistics: Vec<Statistic> = document.statistics.iter().collect();
        // The likeliest token has its place before any statistic.
        let mut room = available.saturating_sub(label + gap + narrowest);
        let beside_them = statistics.iter().take_while(|&&statistic| {
            let needed = gap + columns_of(statistic);
            let fits = needed <= room;
            room = room.saturating_sub(needed);
            fits
        });
        let below = statistics.split_off(beside_them.count());
        let beside = statistics.iter().map(|&s| gap + columns_of(s)).sum::<usize>();
        let total =
            |tokens: &[usize]| label + tokens.iter().map(|t| gap + t + 1 + PERCENT).sum::<usize>() + beside;
        let capped = |cap: usize, shown: usize| -> Vec<usize> {
            natural[..shown].iter().map(|&t| t.min(cap)).collect()
        };
        let widest = |shown: usize| (NARROWEST..=WIDEST).rev().map(move |cap| (cap, shown));
        let fitting = (1..=k)
            .rev()
            .flat_map(widest)
            .find(|&(cap, shown)| total(&capped(cap, shown)) <= available);
        let tokens = match fitting {
            Some((cap, shown)) => capped(cap, shown),
            None => capped(
                available
                    .saturating_sub(label + gap + 1 + PERCENT + beside)
                    .max(1),
                k.min(1),
            ),
        };
        let hidden = k - tokens.len();
        Self {
            label,
            gap,
            tokens,
            hidden,
            statistics,
            below,
        }
    }

    /// The statistics that did not fit beside the tokens, in bands of their own.
    pub fn rest(
        &self,
        document: &Document,
        at: usize,
        available: usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (gap, room) = (self.gap, available.saturating_sub(self.label + self.gap));
        let columns_of = |s: Statistic| columns_of(s).min(room);
        let widths: Vec<usize> = self.below.iter().map(|&s| columns_of(s)).collect();
        for band in bands(&widths, self.label, gap, available) {
            let statistics = &self.below[band];
            let line = |cell: &dyn Fn(Statistic) -> String| -> String {
                let cells = statistics.iter().map(|&s| right(&cell(s), columns_of(s)));
                cells.collect::<Vec<_>>().join(&" ".repeat(gap))
            };
            let names = line(&|s| s.name().to_string());
            writeln!(out, "\n{DIM}{:>2$}{:gap$}{names}{DIM:#}", "layer", "", self.label)?;
            for row in &document.trajectory.rows {
                let (reading, output) = (&row.readings[at], &document.trajectory.output[at]);
                let values = line(&|s| shown(s, s.of(reading, output)));
                let site = self.site(row);
                writeln!(out, "{DIM}{site}{DIM:#}{:gap$}{values}", "")?;
            }
        }
        Ok(())
    }

    /// The name of a row, at the right of its column.
    fn site(&self, row: &Row) -> String {
        right(&row.site.to_string(), self.label)
    }

    /// The columns of a whole row.
    pub fn total(&self) -> usize {
        let tokens = self.tokens.iter().map(|t| self.gap + t + 1 + PERCENT);
        let statistics = self.statistics.iter().map(|&s| self.gap + columns_of(s));
        self.label + tokens.chain(statistics).sum::<usize>()
    }

    pub fn heading(&self) -> String {
        let mut line = format!("{:>1$}", "layer", self.label);
        for (nth, tokens) in self.tokens.iter().enumerate() {
            line.push_str(&" ".repeat(self.gap));
            line.push_str(&fit(&(nth + 1).to_string(), tokens + 1 + PERCENT));
        }
        if self.hidden > 0 && self.statistics.is_empty() {
            line = format!("{} +{}", line.trim_end(), self.hidden);
        }
        for statistic in &self.statistics {
            line.push_str(&" ".repeat(self.gap));
            line.push_str(&right(statistic.name(), columns_of(*statistic)));
        }
        line.trim_end().to_string()
    }

    pub fn row(&self, document: &Document, row: &Row, at: usize, out: &mut dyn Write) -> io::Result<()> {
        let output = &document.trajectory.output[at];
        let answer = output.top1();
        let style = match is_output(row.site, document.card.layers) {
            true => BOLD,
            false => DIM,
        };
        let gap = self.gap;
        write!(out, "{style}{}{style:#}", self.site(row))?;
        let reading = &row.readings[at];
        for (nth, (candidate, &columns)) in reading.top.iter().zip(&self.tokens).enumerate() {
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
        for statistic in &self.statistics {
            let value = shown(*statistic, statistic.of(reading, output));
            write!(out, "{:gap$}{}", "", right(&value, columns_of(*statistic)))?;
        }
        writeln!(out)
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
        (_, Some(x)) => format!("{x:.2}"),
    }
}
