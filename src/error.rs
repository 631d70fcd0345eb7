//! What went wrong, for a person: one sentence for the problem, one for the remedy.

use std::fmt;

/// Every fallible function of the library returns this.
pub type Result<T> = std::result::Result<T, Error>;

/// Whether the command was wrong or the work failed; the exit code follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request itself cannot be carried out as written (exit code 2).
    Usage,
    /// The request is sound, but carrying it out failed (exit code 1).
    Failed,
}

/// A problem and its remedy, each one whole sentence without a trailing newline.
#[derive(Debug, Clone)]
pub struct Error {
    pub kind: Kind,
    pub problem: String,
    pub remedy: String,
}

impl Error {
    /// The work failed: a file is missing, a checkpoint is not what it should be, no network.
    pub fn failed(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            kind: Kind::Failed,
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// The command line asks for something that does not exist or does not fit together.
    pub fn usage(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            kind: Kind::Usage,
            ..Self::failed(problem, remedy)
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.problem, self.remedy)
    }
}

impl std::error::Error for Error {}

/// candle's errors come from arithmetic on shapes that were checked at loading, or from a device.
impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Error::failed(
            format!("The computation failed: {}.", words(&error)),
            "If it ran on a GPU, try --device cpu; otherwise this is a defect worth reporting.",
        )
    }
}

/// What candle says, without the backtrace that it adds when `RUST_BACKTRACE` is set.
pub(crate) fn words(error: &candle_core::Error) -> String {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => words(inner),
        _ => error.to_string(),
    }
}

/// How much alike two names are of which one may be the other misspelt, from 0 to 1: a letter or two of ten.
const ALIKE: f64 = 0.9;

/// How much alike two names are, where one may be the other misspelt.
pub(crate) fn likeness(a: &str, b: &str) -> Option<f64> {
    let alike = strsim::jaro_winkler(&a.to_lowercase(), &b.to_lowercase());
    Some(alike).filter(|&alike| alike > ALIKE)
}

/// ` (did you mean NAME?)`, where one of `names` is so near to `name` that it may have been meant.
pub(crate) fn meant(name: &str, names: &[&str]) -> String {
    let near = names
        .iter()
        .filter_map(|near| Some((likeness(name, near)?, near)));
    match near.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
        Some((_, near)) => format!(" (did you mean {near}?)"),
        None => String::new(),
    }
}

/// The most characters of a name out of a file that a message repeats.
const QUOTED: usize = 80;

/// A name out of a file as a message repeats it: its beginning, of one that is longer than any real one.
pub(crate) fn cut(name: &str) -> String {
    match name.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backtrace_is_no_part_of_a_message() {
        let inner = candle_core::Error::Msg("no such shape".to_string());
        let traced = candle_core::Error::WithBacktrace {
            inner: Box::new(inner),
            backtrace: Box::new(std::backtrace::Backtrace::force_capture()),
        };
        let problem = Error::from(traced).problem;
        assert_eq!(problem, "The computation failed: no such shape.");
    }
}
