//! A page that opens anywhere: the readings, a style, a script and a plotting library in one file.
//!
//! The page is `page/`: a template with places for its parts. Everything in it that comes from a
//! model or a prompt is data in one JSON element, which the script shows as text.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{ColorBy, Document, Order, Report};

const TEMPLATE: &str = include_str!("page/template.html");

/// The parts of the script, in the order in which they build on one another.
const APP: [&str; 11] = [
    include_str!("page/app/text.js"),
    include_str!("page/app/color.js"),
    include_str!("page/app/data.js"),
    include_str!("page/app/state.js"),
    include_str!("page/app/scale.js"),
    include_str!("page/app/grid.js"),
    include_str!("page/app/details.js"),
    include_str!("page/app/chart.js"),
    include_str!("page/app/controls.js"),
    include_str!("page/app/about.js"),
    include_str!("page/app/main.js"),
];

/// What the page can do without: what follows from the rest, and what it does not show.
const LEFT_OUT: [&str; 3] = ["tracked", "topk_logits", "topk_logprobs"];
/// More digits than a page shows, and few enough for a long prompt.
const DIGITS: usize = 6;
/// Characters of a prompt in the page's title.
const TITLE: usize = 60;

/// The HTML format: a page for one prompt.
pub struct Html {
    /// What the page shows until its reader chooses.
    pub by: ColorBy,
    pub order: Order,
}

impl Report for Html {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let fields = super::json::fields(document).into_iter();
        let fields = fields.map(|(key, value)| (key.to_string(), value));
        let data = slim(fields.chain([("view".to_string(), self.view(document))]));
        let data = in_a_script(&super::json::escape(&data.to_string()));
        let title = in_html(&title(document));
        let app = APP.join("\n");
        let mut rest = TEMPLATE;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                break;
            };
            let part = match name {
                "title" => &title,
                "style" => include_str!("page/style.css"),
                "uplot_css" => include_str!("page/uPlot.min.css"),
                "uplot_js" => include_str!("page/uPlot.iife.min.js"),
                "app" => &app,
                "data" => &data,
                _ => "",
            };
            write!(out, "{before}{part}")?;
            rest = after;
        }
        out.write_all(rest.as_bytes())
    }
}

impl Html {
    /// The first view, in the words of the page's address.
    fn view(&self, document: &Document) -> Value {
        let tracked = !document.trajectory.targets.is_empty();
        let color = match self.by {
            ColorBy::Target if tracked => "p:t0".to_string(),
            ColorBy::Rank if tracked => "r:t0".to_string(),
            ColorBy::Statistic(statistic) => format!("s:{}", statistic.name()),
            ColorBy::Prob | ColorBy::Target | ColorBy::Rank => "prob".to_string(),
        };
        let order = match self.order {
            Order::Up => "up",
            Order::Down => "down",
        };
        json!({ "color": color, "order": order })
    }
}

/// The document's fields without what the page leaves out, numbers rounded.
fn slim(fields: impl Iterator<Item = (String, Value)>) -> Value {
    let kept = fields.filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    let slimmed = kept.map(|(name, value)| {
        let value = match name.as_str() {
            "tracked_ids" => without_logits(value),
            _ => value,
        };
        (name, round(value))
    });
    Value::Object(slimmed.collect())
}

/// The tracks of each position, by id, without their logits.
fn without_logits(mut positions: Value) -> Value {
    let tracks = positions.as_array_mut().into_iter().flatten();
    for track in tracks.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        if let Some(track) = track.as_object_mut() {
            track.shift_remove("logits");
        }
    }
    positions
}

fn round(value: Value) -> Value {
    match value {
        Value::Object(fields) => slim(fields.into_iter()),
        Value::Array(items) => items.into_iter().map(round).collect(),
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map_or(Value::Null, |x| Value::from(rounded(x)))
        }
        other => other,
    }
}

/// `x` to so many significant digits.
fn rounded(x: f64) -> f64 {
    if x == 0. || !x.is_finite() {
        return x;
    }
    // By way of the decimal text, which is the number meant.
    format!("{x:.*e}", DIGITS - 1).parse().unwrap_or(x)
}

/// JSON that ends no script and is no line's end in one.
fn in_a_script(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            _ => out.push(c),
        }
    }
    out
}

fn in_html(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '"' | '\'' => out.push_str(&format!("&#{};", c as u32)),
            _ => out.push(c),
        }
    }
    out
}

fn title(document: &Document) -> String {
    let visible = |text: &str| crate::text::tokens::visible(text.as_bytes()).replace('␣', " ");
    let prompt = visible(document.trajectory.prompt.text.trim());
    let short: String = prompt.chars().take(TITLE).collect();
    let cut = if short.len() < prompt.len() { "…" } else { "" };
    format!("{short}{cut} – logit lens of {}", visible(&document.card.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_what_a_page_shows() {
        for (x, expected) in [
            (0.123456789, 0.123457),
            (1234567.8, 1234570.),
            (-2e-9, -2e-9),
            (0., 0.),
        ] {
            assert_eq!(rounded(x), expected);
        }
    }

    #[test]
    fn the_template_has_each_place_once() {
        for name in ["title", "style", "uplot_css", "uplot_js", "app", "data"] {
            assert_eq!(TEMPLATE.matches(&format!("{{{{{name}}}}}")).count(), 1, "{name}");
        }
        assert_eq!(TEMPLATE.matches("{{").count(), 6);
    }

    #[test]
    fn nothing_ends_the_script_that_holds_the_data() {
        assert_eq!(
            in_a_script("\"</script>&\u{2028}\""),
            "\"\\u003c/script\\u003e\\u0026\\u2028\""
        );
        assert_eq!(in_html("<\"&'>"), "&#60;&#34;&#38;&#39;&#62;");
    }
}
