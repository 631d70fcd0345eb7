//! A template is a program of somebody else's: it is given so many steps, so much time and so much
//! memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use minijinja::value::{Kwargs, Rest, StringInput, Value};
use minijinja::{Environment, ErrorKind, State, filters};
use minijinja_contrib::pycompat::unknown_method_callback;

use crate::error::{Error, Result};
use crate::memory;

/// Steps that a template may take: thousands of times what a conversation of two messages needs.
const FUEL: u64 = 1_000_000;
const TIME: Duration = Duration::from_secs(10);
/// Bytes that the process may grow by meanwhile.
const MEMORY: u64 = 1 << 30;
/// How often that is looked at.
const TICK: Duration = Duration::from_millis(20);
/// The widest indentation or column that a template may ask for.
const WIDEST: usize = 1000;

/// A text, or what went wrong.
type Rendered = std::result::Result<String, String>;
type Answer = std::result::Result<Value, minijinja::Error>;

/// Renders `source` within the limits.
///
/// # Errors
/// A template that fails, or goes beyond a limit.
pub fn render(source: String, values: Value) -> Result<String> {
    let (sender, receiver) = channel();
    // A template beyond its limits cannot be stopped; it is left alone, and ends with the process.
    let started = std::thread::Builder::new().spawn(move || {
        let rendered = catch_unwind(AssertUnwindSafe(|| {
            environment()
                .render_str(&source, values)
                .map_err(|e| e.to_string())
        }));
        let rendered = rendered.unwrap_or_else(|_| Err("it asks for something impossible".to_string()));
        // Nobody waits for it if it was given up.
        let _ = sender.send(rendered);
    });
    let rendered = started
        .map_err(|error| format!("the system gives it no thread: {error}"))
        .and_then(|thread| {
            let rendered = wait(&receiver)?;
            // It has sent all it had to say, so this takes no time; how it ended is in what it sent.
            let _ = thread.join();
            rendered
        });
    rendered.map_err(|problem| {
        Error::failed(
            format!("The model's chat template cannot be followed: {problem}."),
            "Leave out --system if the template has no place for it, or write the prompt without --chat.",
        )
    })
}

/// What the template's thread sends, unless it goes beyond the limits first.
fn wait(receiver: &Receiver<Rendered>) -> std::result::Result<Rendered, String> {
    let since = Instant::now();
    let before = memory::used();
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(rendered) => return Ok(rendered),
            Err(RecvTimeoutError::Disconnected) => return Err("it ended without a text".to_string()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if since.elapsed() > TIME {
            return Err(format!("it takes longer than {} seconds", TIME.as_secs()));
        }
        let grown = before
            .zip(memory::used())
            .map(|(before, now)| now.saturating_sub(before));
        if grown.is_some_and(|bytes| bytes > MEMORY) {
            return Err("it takes more than 1 GB of memory".to_string());
        }
    }
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
