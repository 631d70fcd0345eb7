//! A template is a program of somebody else's: it is given so many steps, so much time and so much
//! memory.

use std::time::Duration;

use minijinja::Value;

use super::environment::environment;
use super::source::translate;
use super::{Answer, refusal};
use crate::error::{Error, Result};
use crate::machine::limits::{Limits, within};

/// Steps that a template may take: hundreds of times what a conversation of two messages needs.
pub const FUEL: u64 = 200_000;
/// The stack is for values in values and calls in calls, each of which takes a call of ours.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    memory: 1 << 30,
    stack: 256 << 20,
};
/// Bytes of the text that it makes: more than any context holds.
const LONGEST: usize = 4 << 20;
/// The widest indentation or column that a template may ask for.
const WIDEST: usize = 1000;

/// Renders `source` within the limits.
///
/// # Errors
/// A template that fails, or goes beyond a limit.
pub fn render(source: String, values: Value) -> Result<String> {
    let rendered = within(LIMITS, move || {
        let text = environment()
            .render_str(&translate(&source), values)
            .map_err(|e| e.to_string())?;
        match text.len() > LONGEST {
            true => Err(format!("it writes more than {} MB", LONGEST >> 20)),
            false => Ok(text),
        }
    });
    rendered.map_err(|problem| {
        Error::failed(
            format!("The model's chat template cannot be followed: {problem}."),
            "Leave out --system if the template has no place for it, or write the prompt without --chat.",
        )
    })
}

/// A width in columns; a negative one is none.
///
/// # Errors
/// One beyond [`WIDEST`], or no number.
pub fn width(value: &Value) -> Answer<usize> {
    let wanted = i64::try_from(value.clone())?;
    match usize::try_from(wanted).unwrap_or(0) {
        width if width > WIDEST => Err(refusal(format!("{width} columns are too wide"))),
        width => Ok(width),
    }
}

/// A width in a format is at most [`WIDEST`], and written in it rather than among its arguments.
pub fn check_format(text: &str) -> Answer<()> {
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    let wide = numbers
        .filter(|n| !n.is_empty())
        .any(|n| !n.parse::<usize>().is_ok_and(|n| n <= WIDEST));
    if wide || text.contains('*') || text.contains(":{") {
        return Err(refusal(format!("{text:?} asks for columns that are too wide")));
    }
    Ok(())
}
