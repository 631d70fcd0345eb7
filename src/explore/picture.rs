//! The readings of one prompt as they come in, and what is asked of a cell.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::analysis::statistics::Statistic;
use crate::decoder::{Point, Site};
use crate::lens::{TargetValue, Trajectory};
use crate::readout::{Reading, Tracked};
use crate::report::ColorBy;
use crate::report::text::width;
use crate::text::prompt::Prompt;
use crate::text::targets::Target;

/// A token of the vocabulary for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The token made visible.
    pub label: String,
    /// Whether it is or holds a word.
    pub is_word: bool,
}

/// The names of the tokens that were met.
pub type Names = HashMap<u32, Name>;

/// Layers × positions of one prompt, of which some positions may not be read yet.
#[derive(Debug, Clone)]
pub struct Picture {
    pub prompt: Prompt,
    /// The rows, in the order in which they come to be in the model.
    pub sites: Vec<Site>,
    /// The prompt's tokens, made visible.
    pub heads: Vec<String>,
    /// The number of the model's layers.
    pub layers: usize,
    columns: Vec<Option<Column>>,
    /// Beside a longer prompt: how many of its positions come before the first of this one.
    before: usize,
    /// Which row stands on which line, that is beside which row of another model; each on its own where there
    /// is none. From here on a row is one of these lines, and a position one of the longer prompt's.
    lines: Vec<Option<usize>>,
}

/// A position that was read.
#[derive(Debug, Clone)]
struct Column {
    band: Arc<Trajectory>,
    /// Its place in the band.
    nth: usize,
    /// The columns that the widest top token takes.
    width: usize,
    /// The tokens followed, each with a value for each row.
    tracks: HashMap<u32, Vec<Tracked>>,
}

/// What stands for a token without a name.
const NAMELESS: &str = "?";

/// A token's label.
pub fn label(names: &Names, id: u32) -> &str {
    names.get(&id).map_or(NAMELESS, |name| &name.label)
}

impl Picture {
    /// A picture of which nothing is read.
    pub fn new(prompt: Prompt, sites: Vec<Site>, heads: Vec<String>, layers: usize) -> Self {
        Self {
            columns: vec![None; heads.len()],
            prompt,
            lines: (0..sites.len()).map(Some).collect(),
            sites,
            heads,
            layers,
            before: 0,
        }
    }

    /// Puts it beside another: so many positions after the other's first, its rows on these lines.
    pub fn place(&mut self, before: usize, lines: Vec<Option<usize>>) {
        (self.before, self.lines) = (before, lines);
    }

    /// How many positions another has before its first.
    pub fn before(&self) -> usize {
        self.before
    }

    /// The number of rows, those of the other included that it has none beside.
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// Where a row is in the model.
    pub fn site(&self, row: usize) -> Option<Site> {
        Some(self.sites[self.own(row)?])
    }

    fn own(&self, row: usize) -> Option<usize> {
        *self.lines.get(row)?
    }

    /// The prompt's token at a position, made visible.
    pub fn head(&self, at: usize) -> &str {
        let own = at.checked_sub(self.before);
        own.and_then(|own| self.heads.get(own)).map_or("", String::as_str)
    }

    /// The number of positions.
    pub fn positions(&self) -> usize {
        self.before + self.columns.len()
    }

    /// Whether every position is read.
    pub fn is_whole(&self) -> bool {
        self.columns.iter().all(Option::is_some)
    }

    /// Whether a position is read.
    pub fn is_read(&self, at: usize) -> bool {
        self.column(at).is_some()
    }

    /// Whether a position is one of its own, and not read yet.
    pub fn is_awaited(&self, at: usize) -> bool {
        at >= self.before && !self.is_read(at)
    }

    fn column(&self, at: usize) -> Option<&Column> {
        self.columns.get(at.checked_sub(self.before)?)?.as_ref()
    }

    /// Takes in the readings of its own positions `band`.
    pub fn add(&mut self, band: Range<usize>, read: Arc<Trajectory>, names: &Names) {
        for (nth, at) in band.enumerate() {
            let tops = read.rows.iter().map(|row| row.readings[nth].top1().id);
            let widest = tops.map(|id| width(label(names, id))).max();
            if let Some(column) = self.columns.get_mut(at) {
                *column = Some(Column {
                    band: Arc::clone(&read),
                    nth,
                    width: widest.unwrap_or(0),
                    tracks: HashMap::new(),
                });
            }
        }
    }

    /// Takes in the tokens followed at its own positions `band`, `[position][row][token]`.
    pub fn add_tracks(&mut self, band: Range<usize>, values: Vec<Vec<Vec<Tracked>>>) {
        for (at, rows) in band.zip(values) {
            let Some(Some(column)) = self.columns.get_mut(at) else {
                continue;
            };
            let tokens = rows.first().map_or(0, Vec::len);
            for nth in 0..tokens {
                let track: Vec<Tracked> = rows.iter().map(|row| row[nth]).collect();
                column.tracks.insert(track[0].id, track);
            }
        }
    }

    /// The columns that the labels at a position take, its head among them.
    pub fn width(&self, at: usize) -> usize {
        let head = width(self.head(at));
        self.column(at).map_or(head, |column| column.width.max(head))
    }

    /// The reading of a cell, if it is there.
    pub fn reading(&self, row: usize, at: usize) -> Option<&Reading> {
        let column = self.column(at)?;
        column.band.rows.get(self.own(row)?)?.readings.get(column.nth)
    }

    /// The model's output at a position.
    pub fn output(&self, at: usize) -> Option<&Reading> {
        let column = self.column(at)?;
        column.band.output.get(column.nth)
    }

    /// Whether a cell's top-1 is the model's output at its position.
    pub fn agrees(&self, row: usize, at: usize) -> bool {
        let ids = [self.reading(row, at), self.output(at)].map(|r| r.map(|r| r.top1().id));
        ids[0].is_some() && ids[0] == ids[1]
    }

    /// The layer at which the prediction at a position settles ([`Trajectory::settles_at`]).
    pub fn settles_at(&self, at: usize) -> Option<usize> {
        let column = self.column(at)?;
        column.band.settles_at(column.nth)
    }

    /// What a token comes to in a cell: as it was followed, or, of a top token, as it was read.
    pub fn tracked(&self, id: u32, row: usize, at: usize) -> Option<Tracked> {
        let column = self.column(at)?;
        if let Some(track) = column.tracks.get(&id) {
            return track.get(self.own(row)?).copied();
        }
        let top = &self.reading(row, at)?.top;
        let candidate = top.iter().find(|candidate| candidate.id == id)?;
        let above = top.iter().filter(|other| other.logit > candidate.logit);
        Some(Tracked {
            id,
            logit: candidate.logit,
            logprob: candidate.logprob,
            prob: candidate.prob,
            rank: 1 + above.count() as u64,
        })
    }

    /// What a target comes to in a cell: the sum over its tokens; `None` while one is not followed.
    pub fn value(&self, target: &Target, row: usize, at: usize) -> Option<TargetValue> {
        let values: Option<Vec<Tracked>> = (target.ids.iter()).map(|&id| self.tracked(id, row, at)).collect();
        let values = values?;
        let first = values.first()?;
        let prob: f64 = values.iter().map(|value| value.prob).sum();
        Some(TargetValue {
            logit: Some(match values.len() {
                1 => f64::from(first.logit),
                _ => prob.ln() + self.reading(row, at)?.log_sum_exp,
            }),
            logprob: match values.len() {
                1 => first.logprob,
                _ => prob.ln(),
            },
            prob,
            rank: values.iter().map(|value| value.rank).min().unwrap_or(0),
        })
    }

    /// What a cell's colour says; `target` for those of a token, without one the output's.
    pub fn color_value(&self, by: ColorBy, target: Option<&Target>, row: usize, at: usize) -> Option<f64> {
        let reading = self.reading(row, at)?;
        let followed = || match target {
            Some(target) => self.value(target, row, at),
            None => {
                let value = self.tracked(self.output(at)?.top1().id, row, at)?;
                Some(TargetValue {
                    logit: Some(f64::from(value.logit)),
                    logprob: value.logprob,
                    prob: value.prob,
                    rank: value.rank,
                })
            }
        };
        match by {
            ColorBy::Prob => Some(reading.top1().prob),
            ColorBy::Target => followed().map(|value| value.prob),
            ColorBy::Rank => followed().map(|value| value.rank as f64),
            ColorBy::Statistic(Statistic::Agrees) => None,
            ColorBy::Statistic(statistic) => statistic.of(reading, self.output(at)?),
        }
    }

    /// The tokens that lead at some layer at a position, those of the highest probability first: what there is
    /// to follow where nothing is pinned.
    pub fn leading(&self, at: usize) -> Vec<u32> {
        let in_blocks = |&row: &usize| self.site(row).is_some_and(|site| site.point != Point::Embed);
        let mut best: Vec<(u32, f64)> = Vec::new();
        for row in (0..self.rows()).filter(in_blocks) {
            let Some(top) = self.reading(row, at).map(Reading::top1) else {
                continue;
            };
            match best.iter_mut().find(|(id, _)| *id == top.id) {
                Some((_, prob)) => *prob = prob.max(top.prob),
                None => best.push((top.id, top.prob)),
            }
        }
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        best.into_iter().map(|(id, _)| id).collect()
    }
}
