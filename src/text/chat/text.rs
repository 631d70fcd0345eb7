//! Jinja's filters of text, where minijinja has none or another.

use minijinja::value::Kwargs;
use minijinja::{Environment, Value};

use super::limits::width;
use super::{Answer, python, refusal, strings};

/// Adds them to `environment`.
pub fn add(environment: &mut Environment) {
    environment.add_filter("indent", indent);
    environment.add_filter("trim", |text: &Value, characters: Option<&str>| {
        python::str(text).map(|text| strings::strip(&text, characters, true, true).to_string())
    });
    environment.add_filter("capitalize", |text: &Value| {
        python::str(text).map(|text| strings::capitalize(&text))
    });
    environment.add_filter("title", |text: &Value| python::str(text).map(|text| title(&text)));
    environment.add_filter("center", |text: &Value, columns: Option<Value>| {
        let columns = columns.map_or(Ok(80), |columns| width(&columns))?;
        strings::pad(&python::str(text)?, columns, " ", "center")
    });
    environment.add_filter("replace", replace);
    environment.add_filter("truncate", truncate);
    environment.add_filter("wordcount", |text: &Value| {
        let is_word = |c: char| c == '_' || c.is_alphanumeric();
        let text = python::str(text)?;
        let words = text.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        Ok::<_, minijinja::Error>(words.count())
    });
    for name in ["escape", "e", "forceescape"] {
        environment.add_filter(name, |text: &Value| python::str(text).map(|text| escape(&text)));
    }
    environment.add_filter("xmlattr", xmlattr);
}

fn replace(text: &Value, old: &Value, new: &Value, count: Option<usize>, named: Kwargs) -> Answer<String> {
    let count = count.or(named.get("count")?);
    named.assert_all_used()?;
    let [text, old, new] = [python::str(text)?, python::str(old)?, python::str(new)?];
    Ok(match count {
        Some(count) => text.replacen(&old, &new, count),
        None => text.replace(&old, &new),
    })
}

fn truncate(
    text: &Value,
    length: Option<usize>,
    cuts_words: Option<bool>,
    end: Option<&str>,
    named: Kwargs,
) -> Answer<String> {
    let length = length.or(named.get("length")?).unwrap_or(255);
    let cuts_words = cuts_words.or(named.get("killwords")?).unwrap_or(false);
    let end = end.or(named.get("end")?).unwrap_or("...");
    let leeway = named.get::<Option<usize>>("leeway")?.unwrap_or(5);
    named.assert_all_used()?;
    let text = python::str(text)?;
    let Some(kept) = length.checked_sub(end.chars().count()) else {
        return Err(refusal(format!("{end:?} is longer than {length} characters")));
    };
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let start: String = text.chars().take(kept).collect();
    let start = match start.rsplit_once(' ') {
        Some((words, _)) if !cuts_words => words,
        _ => &start,
    };
    Ok(format!("{start}{end}"))
}

/// `title` of Jinja, for which only spaces, hyphens and brackets are between words.
fn title(text: &str) -> String {
    let mut inside = false;
    let cased = text.chars().flat_map(|c| {
        let changed: Vec<char> = match inside {
            true => c.to_lowercase().collect(),
            false => c.to_uppercase().collect(),
        };
        inside = !(c.is_whitespace() || matches!(c, '-' | '(' | '{' | '[' | '<'));
        changed
    });
    cased.collect()
}

fn indent(
    text: &Value,
    columns: Option<Value>,
    first: Option<bool>,
    blank: Option<bool>,
    named: Kwargs,
) -> Answer<String> {
    let columns = columns.or(named.get("width")?).unwrap_or(Value::from(4));
    let first = first.or(named.get("first")?).unwrap_or(false);
    let blank = blank.or(named.get("blank")?).unwrap_or(false);
    named.assert_all_used()?;
    let margin = match columns.as_str() {
        Some(margin) => margin.to_string(),
        None => " ".repeat(width(&columns)?),
    };
    let text = python::str(text)? + "\n";
    let lines = strings::lines(&text, false).into_iter().enumerate();
    let lines = lines.map(
        |(i, line)| match (i == 0 && !first) || (line.is_empty() && !blank && i > 0) {
            true => line.to_string(),
            false => format!("{margin}{line}"),
        },
    );
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn xmlattr(attributes: &Value, spaced: Option<bool>) -> Answer<String> {
    let mut pairs = Vec::new();
    for key in attributes.try_iter()? {
        let value = attributes.get_item(&key)?;
        let key = python::str(&key)?;
        if key.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '=')) {
            return Err(refusal(format!("{key:?} is no name of an attribute")));
        }
        if !value.is_none() && !value.is_undefined() {
            pairs.push(format!("{}=\"{}\"", escape(&key), escape(&python::str(&value)?)));
        }
    }
    let text = pairs.join(" ");
    let space = if spaced.unwrap_or(true) && !text.is_empty() {
        " "
    } else {
        ""
    };
    Ok(format!("{space}{text}"))
}
