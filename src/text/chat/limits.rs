//! A template is a program of somebody else's: it is given so many steps, so much time and so much
//! memory.

use std::time::Duration;

use minijinja::value::{Kwargs, Rest, StringInput, Value};
use minijinja::{Environment, ErrorKind, State, filters};
use minijinja_contrib::pycompat::unknown_method_callback;

use crate::error::{Error, Result};
use crate::machine::limits::{Limits, within};

/// Steps that a template may take: hundreds of times what a conversation of two messages needs.
const FUEL: u64 = 200_000;
/// The stack is for values in values, which as many steps may make and each of which is freed in a
/// call of its own.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    memory: 1 << 30,
    stack: 256 << 20,
};
/// Bytes of the text that it makes: more than any context holds.
const LONGEST: usize = 4 << 20;
/// The widest indentation or column that a template may ask for.
const WIDEST: usize = 1000;

type Answer = std::result::Result<Value, minijinja::Error>;

/// Renders `source` within the limits.
///
/// # Errors
/// A template that fails, or goes beyond a limit.
pub fn render(source: String, values: Value) -> Result<String> {
    let rendered = within(LIMITS, move || {
        let text = environment()
            .render_str(&source, values)
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

/// Jinja as `transformers` sets it up.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_unknown_method_callback(method);
    environment.add_function("raise_exception", |message: String| -> Answer {
        Err(refusal(message))
    });
    environment.add_function("strftime_now", |format: String| -> Answer {
        let mut now = String::new();
        let written = chrono::Local::now().format(&format).write_to(&mut now);
        written.map_err(|_| refusal(format!("{format:?} is no format of a date")))?;
        Ok(now.into())
    });
    // What makes long texts of few steps is watched.
    environment.add_filter("indent", indent);
    environment.add_filter("tojson", tojson);
    environment.add_filter("format", format);
    environment
}

fn indent(
    text: StringInput<'_>,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    more: Kwargs,
) -> Answer {
    bounded(width)?;
    bounded(more.peek("width")?)?;
    filters::indent(text, width, first, blank, more)
}

fn tojson(value: &Value, indent: Option<Value>, more: Kwargs) -> Answer {
    let width = |value: Option<Value>| value.and_then(|value| usize::try_from(value).ok());
    bounded(width(indent.clone()))?;
    bounded(width(more.peek("indent")?))?;
    filters::tojson(value, indent, more)
}

fn format(state: &State, format: &Value, values: Rest<Value>) -> Answer {
    bounded_format(format)?;
    filters::format(state, format, values)
}

/// The methods of Python's values.
fn method(state: &State, value: &Value, name: &str, args: &[Value]) -> Answer {
    if name == "format" {
        bounded_format(value)?;
    }
    unknown_method_callback(state, value, name, args)
}

fn bounded(width: Option<usize>) -> std::result::Result<(), minijinja::Error> {
    match width {
        Some(width) if width > WIDEST => Err(refusal(format!("{width} is too wide an indentation"))),
        _ => Ok(()),
    }
}

/// A width in a format is at most [`WIDEST`], and written in it rather than among its arguments.
fn bounded_format(format: &Value) -> std::result::Result<(), minijinja::Error> {
    let text = format.as_str().unwrap_or_default();
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    let wide = numbers
        .filter(|n| !n.is_empty())
        .any(|n| !n.parse::<usize>().is_ok_and(|n| n <= WIDEST));
    if wide || text.contains('*') || text.contains(":{") {
        return Err(refusal(format!("{text:?} asks for too wide a column")));
    }
    Ok(())
}

fn refusal(message: String) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, message)
}
