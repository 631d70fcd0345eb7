//! A page that opens anywhere: the readings, a style, a script and a plotting library in one file.
//!
//! The page is `page/`: a template with places for its parts. Everything in it that comes from a
//! model or a prompt is data in one JSON element, which the script shows as text.

use std::collections::{BTreeSet, HashSet};
use std::io::Write;

use serde::Serialize;

use super::json::{Detail, Layout, Readings, write};
use super::title::{headline, plain, short_name};
use super::{
    ColorBy, Content, Document, Format, Order, Presentation, Report, Result, Setting, Sheet, no_picture,
};
use crate::analysis::statistics::Statistics;
use crate::lens::Follow;
use crate::text::visible::is_word;

/// A page for one prompt.
pub const HTML: Format = Format {
    name: "html",
    aliases: &[],
    help: "A page to explore, in one file that fetches nothing",
    endings: &["html", "htm"],
    content: Content::Text,
    single: true,
    reads: true,
    reads_all_positions: |presentation| !presentation.lines,
    follow: |_| Follow::TopK,
    statistics: |presentation| match presentation.color_by {
        ColorBy::Statistic(statistic) => Statistics::default().with(statistic),
        ColorBy::Prob | ColorBy::Target | ColorBy::Rank => Statistics::default(),
    },
    settings: |_| {
        &[
            Setting::TopK,
            Setting::Statistics,
            Setting::Track,
            Setting::Against,
            Setting::ColorBy,
            Setting::Order,
            Setting::Picture,
            Setting::Title,
            Setting::Words,
        ]
    },
    sheets: false,
    report: |presentation| Box::new(Html::new(presentation)),
};

const TEMPLATE: &str = include_str!("page/template.html");

/// The parts of the script, in the order in which they build on one another.
const APP: [&str; 12] = [
    include_str!("page/app/text.js"),
    include_str!("page/app/color.js"),
    include_str!("page/app/data.js"),
    include_str!("page/app/state.js"),
    include_str!("page/app/scale.js"),
    include_str!("page/app/grid.js"),
    include_str!("page/app/details.js"),
    include_str!("page/app/chart.js"),
    include_str!("page/app/controls.js"),
    include_str!("page/app/sheet.js"),
    include_str!("page/app/about.js"),
    include_str!("page/app/main.js"),
];

/// How the page's data is written: with more digits than it shows, and few enough for a long prompt.
const DATA: Layout = Layout {
    digits: Some(6),
    in_script: true,
    ..Layout::ONE_LINE
};
/// Characters of a prompt in the page's title.
const TITLE: usize = 60;

struct Html {
    /// What the page shows until its reader chooses.
    by: ColorBy,
    order: Order,
    words: bool,
    title: Option<String>,
}

/// The data of a page.
#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    readings: Readings<'a>,
    /// Tokens that stand as labels in the readings, since they are no text by themselves.
    byte_labels: BTreeSet<String>,
    /// Special tokens in the readings, which are no words.
    special_tokens: BTreeSet<String>,
    /// What the model generated, as text.
    continuation: Option<String>,
    heading: Heading,
    view: View,
}

/// What stands above everything.
#[derive(Serialize)]
struct Heading {
    model: String,
    title: Option<String>,
    prompt: String,
}

/// The first view, in the words of the page's address.
#[derive(Serialize)]
struct View {
    color: String,
    order: &'static str,
    /// Whether tokens that are no words are hidden.
    words: bool,
}

impl Report for Html {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()> {
        let mut rest = TEMPLATE;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                break;
            };
            out.write_all(before.as_bytes())?;
            match name {
                "title" => out.write_all(in_html(&title(document, self.title.as_deref())).as_bytes())?,
                "style" => out.write_all(include_bytes!("page/style.css"))?,
                "uplot_css" => out.write_all(include_bytes!("page/uPlot.min.css"))?,
                "uplot_js" => out.write_all(include_bytes!("page/uPlot.iife.min.js"))?,
                "app" => out.write_all(APP.join("\n").as_bytes())?,
                "data" => write(&self.data(document), DATA, out)?,
                _ => {}
            }
            rest = after;
        }
        Ok(out.write_all(rest.as_bytes())?)
    }

    fn sheet(&mut self, _: &Sheet, _: &mut dyn Write) -> Result<()> {
        Err(no_picture(&HTML))
    }
}

impl Html {
    fn new(presentation: &Presentation) -> Self {
        Self {
            by: presentation.color_by,
            order: presentation.order,
            words: presentation.words,
            title: presentation.title.clone(),
        }
    }

    fn data<'a>(&self, document: &Document<'a>) -> Data<'a> {
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
        let ids = ids(document);
        Data {
            readings: Readings::new(document, Detail::Page),
            byte_labels: byte_labels(document, &ids),
            special_tokens: special_tokens(document, &ids),
            continuation: continuation(document),
            heading: Heading {
                model: plain(short_name(&document.card.name)),
                title: self.title.clone(),
                prompt: document.trajectory.prompt.asked().to_string(),
            },
            view: View {
                color,
                order,
                words: self.words,
            },
        }
    }
}

/// The tokens of the document.
fn ids(document: &Document) -> HashSet<u32> {
    let trajectory = document.trajectory;
    let rows = trajectory.of_each_lens().flat_map(|read| &read.rows);
    let readings = rows.flat_map(|row| &row.readings).chain(&trajectory.output);
    let top = readings.flat_map(|reading| reading.top.iter().map(|c| c.id));
    let tracked = trajectory
        .of_each_lens()
        .flat_map(|read| read.tracked.iter().flatten());
    let prompt = trajectory.prompt.ids.iter().copied();
    prompt.chain(top).chain(tracked.map(|track| track.id)).collect()
}

/// The labels of those tokens that are bytes of a split character.
fn byte_labels(document: &Document, ids: &HashSet<u32>) -> BTreeSet<String> {
    let tokens = document.tokens;
    let is_split = |id: &&u32| (tokens.bytes(**id)).is_some_and(|bytes| str::from_utf8(&bytes).is_err());
    (ids.iter().filter(is_split))
        .map(|&id| tokens.exact(id))
        .collect()
}

/// Those tokens that are no words though they have letters.
fn special_tokens(document: &Document, ids: &HashSet<u32>) -> BTreeSet<String> {
    let tokens = document.tokens;
    let has_letters = |id: &&u32| tokens.bytes(**id).is_some_and(|bytes| is_word(&bytes));
    let special = ids.iter().filter(has_letters).filter(|&&id| !tokens.is_word(id));
    special.map(|&id| tokens.exact(id)).collect()
}

fn continuation(document: &Document) -> Option<String> {
    let prompt = &document.trajectory.prompt;
    let generated = &prompt.ids[prompt.ids.len() - prompt.generated..];
    let bytes: Vec<u8> = (generated.iter())
        .flat_map(|&id| document.tokens.bytes(id).unwrap_or_default())
        .collect();
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
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

fn title(document: &Document, title: Option<&str>) -> String {
    let [first, second] = headline(document, title);
    if second.is_empty() {
        return first;
    }
    let short: String = second.trim().chars().take(TITLE).collect();
    let cut = if short.len() < second.trim().len() {
        "…"
    } else {
        ""
    };
    format!(
        "{short}{cut} – {}",
        first.replacen("Logit", "logit", 1).replacen("Tuned", "tuned", 1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_each_place_once() {
        for name in ["title", "style", "uplot_css", "uplot_js", "app", "data"] {
            assert_eq!(TEMPLATE.matches(&format!("{{{{{name}}}}}")).count(), 1, "{name}");
        }
        assert_eq!(TEMPLATE.matches("{{").count(), 6);
    }

    #[test]
    fn nothing_ends_the_script_that_holds_the_data() {
        let mut data = Vec::new();
        write(&serde_json::json!({"a": "</script>&\u{2028}"}), DATA, &mut data).unwrap();
        assert_eq!(
            String::from_utf8(data).unwrap(),
            "{\"a\": \"\\u003c/script\\u003e\\u0026\\u2028\"}"
        );
        assert_eq!(in_html("<\"&'>"), "&#60;&#34;&#38;&#39;&#62;");
    }
}
