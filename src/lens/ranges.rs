//! Lists of indices and ranges, as options write them: the one grammar of `--layers` and `--positions`.

use std::collections::BTreeSet;

use crate::error::{Error, Result};

/// A comma-separated list of indices (`3`, `-1` or `last`), ranges with both ends (`8-11`, `-4--1`,
/// `24-`), slices as in Python (`2:7`, `-6:`, `:4`), strides (`every:4`, which keeps the last) and `all`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges(Vec<Range>);

/// One item of the list; what counts from the end is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    Index(i64),
    /// Both ends included, and both there.
    Inclusive(i64, i64),
    /// The end excluded; what is beyond the ends is cut off.
    Slice(Option<i64>, Option<i64>),
    Every(usize),
}

/// What indices count, for messages.
pub struct Counted {
    /// Its name: `layer`.
    pub name: &'static str,
    /// What has them: `the model`.
    pub owner: &'static str,
    /// What it has as many of: `layer`.
    pub unit: &'static str,
}

impl Range {
    /// Everything.
    pub const ALL: Self = Self::Slice(None, None);

    /// What `item` says; `None` if it says nothing.
    pub fn parse(item: &str) -> Option<Self> {
        if item == "all" {
            return Some(Self::ALL);
        }
        if let Some(step) = item.strip_prefix("every:") {
            return step.parse().ok().filter(|&step| step > 0).map(Self::Every);
        }
        if let Some((start, end)) = item.split_once(':') {
            return Some(Self::Slice(bound(start)?, bound(end)?));
        }
        // A dash after the first character separates; one at the beginning of a number is its sign.
        let mut dashes = item.char_indices().skip(1).filter(|&(_, c)| c == '-');
        match dashes.next() {
            None => index(item).map(Self::Index),
            Some((at, _)) => {
                let last = match &item[at + 1..] {
                    "" => -1,
                    last => index(last)?,
                };
                Some(Self::Inclusive(index(&item[..at])?, last))
            }
        }
    }
}

fn index(text: &str) -> Option<i64> {
    match text {
        "last" => Some(-1),
        _ => text.parse().ok(),
    }
}

/// A bound of a slice: `Some(None)` for one that is left open.
fn bound(text: &str) -> Option<Option<i64>> {
    match text {
        "" => Some(None),
        _ => index(text).map(Some),
    }
}

impl FromIterator<Range> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl Ranges {
    /// Whether `range` is one of the items.
    pub fn has(&self, range: Range) -> bool {
        self.0.contains(&range)
    }

    /// The indices chosen of `count`, rising; there may be none.
    ///
    /// # Errors
    /// An index or an end of an inclusive range that is not there, or such a range that runs backwards.
    pub fn resolve(&self, count: usize, counted: &Counted) -> Result<Vec<usize>> {
        let mut chosen = BTreeSet::new();
        for item in &self.0 {
            match *item {
                Range::Index(index) => {
                    chosen.insert(counted.index(index, count)?);
                }
                Range::Inclusive(first, last) => {
                    let (start, end) = (counted.index(first, count)?, counted.index(last, count)?);
                    if start > end {
                        return Err(Error::usage(
                            format!("The {}s {first} to {last} run backwards.", counted.name),
                            format!("Write the lower {} first.", counted.name),
                        ));
                    }
                    chosen.extend(start..=end);
                }
                Range::Slice(start, end) => {
                    let start = start.map_or(0, |s| clamp(s, count));
                    let end = end.map_or(count, |e| clamp(e, count));
                    chosen.extend(start..end);
                }
                Range::Every(step) => {
                    chosen.extend((0..count).step_by(step));
                    chosen.extend(count.checked_sub(1));
                }
            }
        }
        Ok(chosen.into_iter().collect())
    }
}

impl Counted {
    fn index(&self, index: i64, count: usize) -> Result<usize> {
        match from_start(index, count) {
            there if (0..count as i64).contains(&there) => Ok(there as usize),
            _ => {
                let name = self.name;
                Err(Error::usage(
                    format!(
                        "There is no {name} {index}: {} has {}.",
                        self.owner,
                        self.many(count)
                    ),
                    match count.checked_sub(1) {
                        Some(last) => {
                            format!("The {name}s are numbered 0 to {last}, or -{count} to -1 from the end.")
                        }
                        None => format!("Give it a {}.", self.unit),
                    },
                ))
            }
        }
    }

    /// The error for a choice that is empty.
    pub fn none_chosen(&self, count: usize) -> Error {
        let last = count.saturating_sub(1);
        Error::usage(
            format!("--{}s chooses none of {}.", self.name, self.many(count)),
            format!("They are numbered 0 to {last}; START:END leaves out END, START-END includes it."),
        )
    }

    /// `count` with the unit, in the plural where it is not one.
    fn many(&self, count: usize) -> String {
        format!("{count} {}{}", self.unit, if count == 1 { "" } else { "s" })
    }
}

fn from_start(index: i64, count: usize) -> i64 {
    match index < 0 {
        true => index.saturating_add(count as i64),
        false => index,
    }
}

/// A bound of a slice, as Python takes it.
fn clamp(bound: i64, count: usize) -> usize {
    from_start(bound, count).clamp(0, count as i64) as usize
}
