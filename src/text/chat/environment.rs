//! Jinja as `transformers` sets it up (`_compile_jinja_template` in its chat_template_utils.py).

use minijinja::value::{Rest, ValueKind};
use minijinja::{AutoEscape, Environment, FormatStyle, Output, State, Value};
use minijinja_contrib::globals::{cycler, joiner};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::limits::FUEL;
use super::namespace::Namespace;
use super::source::{SET, TUPLE};
use super::tuple::Tuple;
use super::{Answer, filters, python, refusal, strings};

/// An environment that has Jinja's own filters, tests and functions, and `transformers`'.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(print);
    environment.set_unknown_method_callback(method);
    environment.add_function("raise_exception", |message: String| -> Answer<Value> {
        Err(refusal(message))
    });
    environment.add_function("strftime_now", now);
    environment.add_function("namespace", Namespace::create);
    environment.add_function(SET, |target: &Value, name: &str, value: &Value| {
        Namespace::set(target, name, value)
    });
    environment.add_function(TUPLE, |items: &Value| Tuple::of(items));
    environment.add_function("cycler", |items: Rest<Value>| cycler(items.0));
    environment.add_function("joiner", joiner);
    environment.remove_global("debug");
    filters::add(&mut environment);
    environment
}

/// What `{{ value }}` writes.
fn print(out: &mut Output, state: &State, value: &Value) -> Answer<()> {
    match value.kind() {
        ValueKind::Invalid => minijinja::escape_formatter(out, state, value),
        _ => out
            .write_str(&python::str(value)?)
            .map_err(|_| refusal("it cannot be written".to_string())),
    }
}

fn now(format: &str) -> Answer<String> {
    let mut now = String::new();
    let written = chrono::Local::now().format(format).write_to(&mut now);
    written.map_err(|_| refusal(format!("{format:?} is no format of a date")))?;
    Ok(now)
}

/// The methods of Python's values.
fn method(state: &State, value: &Value, name: &str, arguments: &[Value]) -> Answer<Value> {
    if let Some(text) = value.as_str() {
        if name == "format" {
            return filters::format(FormatStyle::StrFormat, text, arguments);
        }
        if let Some(answer) = strings::method(text, name, arguments)? {
            return Ok(answer);
        }
    }
    match (value.kind(), name, arguments) {
        (ValueKind::Seq | ValueKind::Map, "copy", []) => Ok(value.clone()),
        (ValueKind::Seq, "index", [item]) => {
            let at = value.try_iter()?.position(|other| other == *item);
            at.map(Value::from)
                .ok_or_else(|| refusal("the item is not in the list".to_string()))
        }
        (ValueKind::Map, "items", []) => Tuple::pairs(value).map(Value::from),
        _ => unknown_method_callback(state, value, name, arguments),
    }
}
