//! Jinja's filters and tests, where minijinja has none or another.

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, FormatStyle, State, Value, format_filter};

use super::json::tojson;
use super::limits::check_format;
use super::source::{PERCENT, STR};
use super::tuple::Tuple;
use super::{Answer, python, refusal, text};

/// Adds them to `environment`.
pub fn add(environment: &mut Environment) {
    environment.add_filter("tojson", |value: &Value, arguments: Rest<Value>| {
        tojson(value, &arguments)
    });
    for name in ["string", STR] {
        environment.add_filter(name, |value: &Value| python::str(value));
    }
    for name in ["format", PERCENT] {
        environment.add_filter(name, |text: &Value, values: Rest<Value>| {
            format(FormatStyle::Printf, &python::str(text)?, &values)
        });
    }
    for name in ["length", "count"] {
        environment.add_filter(name, |value: &Value| match value.is_undefined() {
            true => Ok(0),
            false => minijinja::filters::length(value),
        });
    }
    environment.add_filter("items", |value: &Value| match value.kind() {
        ValueKind::Undefined => Ok(Vec::new()),
        ValueKind::Map => Tuple::pairs(value),
        other => Err(refusal(format!("{other} has no items"))),
    });
    environment.add_filter("dictsort", |mapping: &Value, named: Kwargs| {
        let pairs = minijinja::filters::dictsort(mapping, named)?;
        pairs
            .try_iter()?
            .map(|pair| Tuple::of(&pair))
            .collect::<Answer<Vec<_>>>()
    });
    environment.add_filter("join", join);
    environment.add_filter("sum", sum);
    environment.add_filter("int", int);
    environment.add_filter("float", float);
    environment.add_filter("round", round);
    text::add(environment);
    // Those that Jinja has not, or has otherwise.
    for name in ["split", "lines", "bool", "chain", "zip", "pprint", "attr"] {
        environment.remove_filter(name);
    }
    environment.add_test("callable", |value: &Value| {
        value.kind() == ValueKind::Plain || is_macro(value)
    });
    for name in ["sequence", "iterable"] {
        environment.add_test(name, |value: &Value| {
            !matches!(
                value.kind(),
                ValueKind::None | ValueKind::Bool | ValueKind::Number | ValueKind::Plain
            )
        });
    }
    environment.add_test("number", |value: &Value| {
        matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
    });
}

/// Whether `value` is a macro, which has items as a mapping has.
pub fn is_macro(value: &Value) -> bool {
    let object = value.as_object();
    object.is_some_and(|object| object.type_name().ends_with("::Macro"))
}

/// A format filled in, in either of Python's styles.
pub fn format(style: FormatStyle, text: &str, arguments: &[Value]) -> Answer<Value> {
    check_format(text)?;
    let places = text.replace("%%", "").matches('%').count();
    if matches!(style, FormatStyle::Printf) && arguments.len() > places.max(1) {
        return Err(refusal(format!("{text:?} has no place for so many values")));
    }
    let is_plain = is_plain(text);
    let printed = |value: &Value| match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => python::str(value).map(Value::from),
        ValueKind::Number if is_plain => python::str(value).map(Value::from),
        _ => Ok(value.clone()),
    };
    let arguments = arguments.iter().map(printed).collect::<Answer<Vec<_>>>()?;
    format_filter(style, text, &arguments).map(Value::from)
}

/// Whether a format has no places but `%s` and `{}`.
fn is_plain(text: &str) -> bool {
    let mut after = text.split(['%', '{']).skip(1);
    after.all(|rest| rest.is_empty() || rest.starts_with(['s', '}']))
}

fn join(items: &Value, between: Option<&Value>, named: Kwargs) -> Answer<String> {
    let attribute: Option<&Value> = named.get("attribute")?;
    let named_between: Option<&Value> = named.get("d")?;
    named.assert_all_used()?;
    let between = between.or(named_between).map_or(Ok(String::new()), python::str)?;
    if items.is_undefined() {
        return Ok(String::new());
    }
    let mut texts = Vec::new();
    for item in items.try_iter()? {
        texts.push(match attribute {
            Some(attribute) => python::str(&item.get_item(attribute)?)?,
            None => python::str(&item)?,
        });
    }
    Ok(texts.join(&between))
}

fn sum(
    state: &State,
    items: &Value,
    attribute: Option<Value>,
    start: Option<Value>,
    named: Kwargs,
) -> Answer<Value> {
    let attribute = attribute.or(named.get("attribute")?);
    let start = start.or(named.get("start")?);
    named.assert_all_used()?;
    let mut terms: Vec<Value> = start.into_iter().collect();
    for item in items.try_iter()? {
        terms.push(match &attribute {
            Some(attribute) => item.get_item(attribute)?,
            None => item,
        });
    }
    minijinja::filters::sum(state, Value::from(terms))
}

/// `int(value)`, or the default for what is none.
fn int(
    state: &State,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    named: Kwargs,
) -> Answer<Value> {
    let default = default.or(named.get("default")?).unwrap_or(Value::from(0));
    let base = base.or(named.get("base")?).unwrap_or(10);
    named.assert_all_used()?;
    if value.is_undefined() {
        return Err(refusal("what is undefined is no number".to_string()));
    }
    if value.kind() == ValueKind::Bool {
        return Ok(Value::from(i64::from(value.is_true())));
    }
    let Some(text) = value.as_str() else {
        return Ok(match f64::try_from(value.clone()) {
            Ok(x) if !value.is_integer() && x.is_finite() => Value::from(x.trunc() as i128),
            Ok(x) if x.is_finite() => minijinja::filters::int(state, value)?,
            _ => default,
        });
    };
    let text = text.trim().replace('_', "").to_lowercase();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let prefix = match base {
        16 => "0x",
        8 => "0o",
        2 => "0b",
        _ => "",
    };
    let digits = digits.strip_prefix(prefix).unwrap_or(digits);
    if !(2..=36).contains(&base) {
        return Err(refusal(format!("{base} is no base of numbers")));
    }
    Ok(match (i128::from_str_radix(digits, base), text.parse::<f64>()) {
        (Ok(number), _) if !digits.starts_with(['+', '-']) => Value::from(sign * number),
        (_, Ok(x)) if x.is_finite() => Value::from(x.trunc() as i128),
        _ => default,
    })
}

/// `float(value)`, or the default for what is none.
fn float(value: &Value, default: Option<Value>) -> Answer<Value> {
    let default = default.unwrap_or(Value::from(0.));
    let number = match value.as_str() {
        Some(text) => text.trim().replace('_', "").parse::<f64>().ok(),
        None if value.is_undefined() => {
            return Err(refusal("what is undefined is no number".to_string()));
        }
        None => f64::try_from(value.clone()).ok(),
    };
    Ok(number.map_or(default, Value::from))
}

fn round(value: &Value, precision: Option<i32>, method: Option<&str>, named: Kwargs) -> Answer<Value> {
    let precision = precision.or(named.get("precision")?).unwrap_or(0);
    let method = method.or(named.get("method")?).unwrap_or("common");
    named.assert_all_used()?;
    let digits = usize::try_from(precision).ok().filter(|digits| *digits <= 300);
    let digits = digits.ok_or_else(|| refusal(format!("{precision} is no number of decimals")))?;
    if value.is_integer() && method == "common" {
        return Ok(value.clone());
    }
    let x = f64::try_from(value.clone())?;
    let scale = 10f64.powi(precision);
    Ok(Value::from(match method {
        // Half to even, of the number that the float is.
        "common" => format!("{x:.digits$}").parse().unwrap_or(x),
        "ceil" => (x * scale).ceil() / scale,
        "floor" => (x * scale).floor() / scale,
        other => return Err(refusal(format!("{other:?} is no way to round"))),
    }))
}
