//! JSON: a logitlenskit V2 document with what V2 lacks beside it.
//!
//! The V2 part is read by logitlenskit's widget as it is. It is keyed by token text and has no
//! ids; the additions are keyed by id, at full precision. Every array over positions has one entry
//! for each token of the prompt, so that an index is always a position; where a position was not
//! read, the entry is empty (`[]`, `{}`) or `null`.

use std::io::{self, Write};

use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Document, Report};
use crate::analysis::statistics::Statistic;
use crate::decoder::Point;
use crate::lens::{Row, TargetValue, Track};
use crate::readout::{Reading, Tracked};
use crate::text::targets::Target;
use crate::text::visible::is_hidden;

/// The JSON format: one document, or an array of them.
pub struct Json {
    array: bool,
    begun: bool,
}

impl Json {
    /// One document alone, or with `array` any number of them in an array.
    pub fn new(array: bool) -> Self {
        Self { array, begun: false }
    }
}

impl Report for Json {
    /// A key of the document a line, so that a diff or an eye finds its way.
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        if self.array {
            out.write_all(if self.begun { b",\n" } else { b"[" })?;
        }
        self.begun = true;
        write(document, ",\n ", out)?;
        if self.array { Ok(()) } else { writeln!(out) }
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match (self.array, self.begun) {
            (true, true) => writeln!(out, "]"),
            (true, false) => writeln!(out, "[]"),
            (false, _) => Ok(()),
        }
    }
}

/// JSON Lines: a document a line.
pub struct Lines;

impl Report for Lines {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        write(document, ", ", out)?;
        writeln!(out)
    }
}

fn write(document: &Document, separator: &str, out: &mut dyn Write) -> io::Result<()> {
    for (i, (key, value)) in fields(document).iter().enumerate() {
        let open = if i == 0 { "{" } else { separator };
        write!(out, "{open}\"{key}\": {}", escape(&value.to_string()))?;
    }
    out.write_all(b"}")
}

/// JSON need not escape what a terminal obeys (DEL, the C1 controls) or what does not show and turns
/// text around; nothing outside its strings is any of these.
pub fn escape(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match is_invisible(c) {
            true => {
                let units = c.encode_utf16(&mut [0; 2]).to_vec();
                out.extend(units.into_iter().map(|unit| format!("\\u{unit:04x}")));
            }
            false => out.push(c),
        }
    }
    out
}

/// Controls past ASCII's first, and what else does not show.
fn is_invisible(c: char) -> bool {
    c == '\u{7f}' || !c.is_ascii() && is_hidden(c)
}

pub fn fields(document: &Document) -> Vec<(&'static str, Value)> {
    let trajectory = document.trajectory;
    let prompt = &trajectory.prompt;
    let text = |&id: &u32| document.tokens.text(id);
    let mut fields = vec![("meta", meta(document))];
    fields.extend(document.id.map(|id| ("id", json!(id))));
    let mut layers = at_point(document, Point::ResidPost);
    fields.extend(layers.shift_remove("layers").map(|layers| ("layers", layers)));
    fields.extend([
        ("input", prompt.ids.iter().map(text).collect()),
        ("input_ids", json!(prompt.ids)),
    ]);
    if prompt.generated > 0 {
        fields.push(("generated", json!(prompt.generated)));
    }
    if trajectory.positions.len() < prompt.ids.len() {
        fields.push(("positions", json!(trajectory.positions)));
    }
    fields.extend(layers);
    let each: Vec<usize> = (0..trajectory.positions.len()).collect();
    let per_position =
        |part: &dyn Fn(usize) -> Value, unread: Value| by_position(document, &each, |&at| part(at), &unread);
    fields.extend([
        (
            "followed_ids",
            per_position(&|at| followed(document, at), json!([])),
        ),
        (
            "settles_at",
            per_position(&|at| json!(trajectory.settles_at(at)), Value::Null),
        ),
        (
            "leads_first_at",
            per_position(&|at| json!(trajectory.leads_first_at(at)), Value::Null),
        ),
        (
            "sudden_change",
            per_position(&|at| sudden_change(document, at), Value::Null),
        ),
    ]);
    if !trajectory.targets.is_empty() {
        fields.push(("targets", targets(document, Point::ResidPost)));
    }
    let others = [Point::AttnOut, Point::ResidMid, Point::MlpOut];
    let points: Map<String, Value> = (others.iter())
        .filter(|&&point| trajectory.at_point(point).next().is_some())
        .map(|&point| {
            let mut fields = at_point(document, point);
            if !trajectory.targets.is_empty() {
                fields.insert("targets", targets(document, point));
            }
            let fields = (fields.into_iter()).map(|(key, value)| (key.to_string(), value));
            (point.name().to_string(), Value::Object(fields.collect()))
        })
        .collect();
    if !points.is_empty() {
        fields.push(("points", Value::Object(points)));
    }
    if let Some((_, embed)) = trajectory.at_point(Point::Embed).next() {
        let mut embed = one_row(document, &embed.readings);
        if !trajectory.targets.is_empty() {
            embed["targets"] = targets(document, Point::Embed);
        }
        fields.push(("embed", embed));
    }
    fields.push(("output", one_row(document, &trajectory.output)));
    fields
}

/// All that is read at one point of the blocks, layer by layer.
fn at_point(document: &Document, point: Point) -> Fields {
    let trajectory = document.trajectory;
    let rows: Vec<(usize, &Row)> = trajectory.at_point(point).collect();
    let by_layer = |part: &dyn Fn(&Reading, &Reading) -> Value, unread: Value| -> Value {
        let row = |&(_, row): &(usize, &Row)| readings(document, &row.readings, part, &unread);
        rows.iter().map(row).collect()
    };
    let top =
        |part: fn(&Document, &Reading) -> Value| by_layer(&|reading, _| part(document, reading), json!([]));
    let mut fields = Fields::new();
    fields.insert("layers", rows.iter().map(|(_, row)| row.site.layer).collect());
    for (key, part) in TOP {
        fields.insert(key, top(part));
    }
    for statistic in document.statistics.iter() {
        let value = by_layer(&|reading, output| number(statistic, reading, output), Value::Null);
        fields.insert(statistic.name(), value);
    }
    let indices: Vec<usize> = rows.iter().map(|&(i, _)| i).collect();
    let tracks = |part: fn(&Document, &[usize], &[&Track]) -> Value| {
        let part = |tracks: &Vec<Track>| {
            let asked: Vec<&Track> = tracks
                .iter()
                .filter(|track| is_asked_for(document, track.id))
                .collect();
            part(document, &indices, &asked)
        };
        by_position(document, &trajectory.tracked, part, &json!({}))
    };
    fields.insert("tracked", tracks(tracked));
    fields.insert("tracked_ids", tracks(tracked_ids));
    fields
}

/// Keys in their order.
type Fields = indexmap::IndexMap<&'static str, Value>;

/// Whether a token is followed for its own sake: for being a target or among the top somewhere, not
/// only for targets to be compared with.
fn is_asked_for(document: &Document, id: u32) -> bool {
    let trajectory = document.trajectory;
    let beside = |target: &Target| target.other_form == Some(id);
    let compared = document.against.is_some_and(|against| against.ids.contains(&id));
    if !compared && !trajectory.targets.iter().any(beside) {
        return true;
    }
    let readings = trajectory.rows.iter().flat_map(|row| &row.readings);
    trajectory.targets.iter().any(|target| target.ids.contains(&id))
        || readings.flat_map(|reading| &reading.top).any(|c| c.id == id)
}

/// The parts of a reading's top tokens, by key.
type Part = fn(&Document, &Reading) -> Value;
const TOP: [(&str, Part); 5] = [
    ("topk", tokens),
    ("topk_ids", ids),
    ("topk_probs", probs),
    ("topk_logprobs", logprobs),
    ("topk_logits", logits),
];

/// The ids of the tokens to plot at a position: those asked for, or those that lead somewhere.
fn followed(document: &Document, at: usize) -> Value {
    let targets = document.trajectory.targets_at(at, document.tokens);
    targets.into_iter().flat_map(|target| target.ids).collect()
}

fn sudden_change(document: &Document, at: usize) -> Value {
    let change = document.trajectory.sudden_change(at);
    change.map_or(Value::Null, |c| json!({"layer": c.layer, "drop": c.drop}))
}

/// The targets asked for, each with its values `[layer][position]` at one point; at the embedding,
/// which has no layers, `[position]`.
fn targets(document: &Document, point: Point) -> Value {
    let trajectory = document.trajectory;
    let rows: Vec<usize> = trajectory.at_point(point).map(|(i, _)| i).collect();
    let each: Vec<usize> = (0..trajectory.positions.len()).collect();
    let by_layer = |part: &dyn Fn(usize, usize) -> Value| -> Value {
        let row = |&row: &usize| by_position(document, &each, |&at| part(row, at), &Value::Null);
        match point {
            Point::Embed => rows.first().map_or(Value::Null, row),
            _ => rows.iter().map(row).collect(),
        }
    };
    let of = |target: &Target| {
        let value = |part: fn(TargetValue) -> Value| {
            by_layer(&|row, at| trajectory.value(target, row, at).map_or(Value::Null, part))
        };
        let texts: Vec<String> = target.ids.iter().map(|&id| document.tokens.text(id)).collect();
        let mut fields = json!({
            "name": target.name,
            "ids": target.ids,
            "tokens": texts,
            "probs": value(|v| json!(v.prob)),
            "logprobs": value(|v| json!(v.logprob)),
            "logits": value(|v| json!(v.logit)),
            "ranks": value(|v| json!(v.rank)),
        });
        if let Some(against) = document.against {
            let lead = |row: usize, at: usize| {
                let other = trajectory.value(against, row, at)?;
                Some(trajectory.value(target, row, at)?.logit - other.logit)
            };
            fields["against"] = json!(against.name);
            fields["logit_difference"] = by_layer(&|row, at| json!(lead(row, at)));
        }
        fields
    };
    trajectory.targets.iter().map(of).collect()
}

fn number(statistic: Statistic, reading: &Reading, output: &Reading) -> Value {
    match (statistic, statistic.of(reading, output)) {
        (Statistic::Agrees, Some(agrees)) => json!(agrees == 1.),
        (_, value) => json!(value),
    }
}

/// What it takes to make the figure again.
fn meta(document: &Document) -> Value {
    #[derive(Serialize)]
    struct Meta<'a> {
        version: u32,
        timestamp: String,
        model: &'a str,
        revision: Option<&'a str>,
        prompt: &'a str,
        tool: &'a str,
        tool_version: &'a str,
        family: &'a str,
        parameters: u64,
        n_layers: usize,
        vocabulary: usize,
        device: &'a str,
        dtype: String,
        file_dtype: String,
        compute_dtype: String,
        layer_convention: &'a str,
        rank_base: u32,
        log_base: &'a str,
    }
    let card = document.card;
    json!(Meta {
        version: 2,
        timestamp: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
        model: &card.name,
        revision: card.revision.as_deref(),
        prompt: &document.trajectory.prompt.text,
        tool: "lens",
        tool_version: env!("CARGO_PKG_VERSION"),
        family: &card.family,
        parameters: card.parameters,
        n_layers: card.layers,
        vocabulary: card.vocabulary,
        device: &card.device,
        dtype: card.held.to_string(),
        file_dtype: card.stored.to_string(),
        compute_dtype: card.computed.to_string(),
        layer_convention: "layer i is the output of block i; embed is the residual stream before block 0",
        rank_base: 1,
        log_base: "e",
    })
}

/// One entry for each token of the prompt: `part` of its item where the position was read.
fn by_position<T>(document: &Document, items: &[T], part: impl Fn(&T) -> Value, unread: &Value) -> Value {
    let trajectory = document.trajectory;
    let mut entries = vec![unread.clone(); trajectory.prompt.ids.len()];
    for (&position, item) in trajectory.positions.iter().zip(items) {
        entries[position] = part(item);
    }
    Value::Array(entries)
}

/// One entry for each token of the prompt: `part` of its reading and of the output there.
fn readings(
    document: &Document,
    readings: &[Reading],
    part: &dyn Fn(&Reading, &Reading) -> Value,
    unread: &Value,
) -> Value {
    let both: Vec<(&Reading, &Reading)> = readings.iter().zip(&document.trajectory.output).collect();
    by_position(document, &both, |(reading, output)| part(reading, output), unread)
}

/// A row outside the layers, with the keys of the document but no layer axis.
fn one_row(document: &Document, row: &[Reading]) -> Value {
    let mut fields = Map::new();
    for (key, part) in TOP {
        let value = readings(document, row, &|reading, _| part(document, reading), &json!([]));
        fields.insert(key.to_string(), value);
    }
    for statistic in document.statistics.iter() {
        let value = |reading: &Reading, output: &Reading| number(statistic, reading, output);
        let value = readings(document, row, &value, &Value::Null);
        fields.insert(statistic.name().to_string(), value);
    }
    Value::Object(fields)
}

fn tokens(document: &Document, reading: &Reading) -> Value {
    reading.top.iter().map(|c| document.tokens.text(c.id)).collect()
}

fn ids(_: &Document, reading: &Reading) -> Value {
    reading.top.iter().map(|c| c.id).collect()
}

fn probs(_: &Document, reading: &Reading) -> Value {
    reading.top.iter().map(|c| c.prob).collect()
}

fn logprobs(_: &Document, reading: &Reading) -> Value {
    reading.top.iter().map(|c| c.logprob).collect()
}

fn logits(_: &Document, reading: &Reading) -> Value {
    reading.top.iter().map(|c| c.logit).collect()
}

/// V2's trajectories: probability by layer, keyed by text, likeliest first. Of two ids with one
/// text, the likelier.
fn tracked(document: &Document, rows: &[usize], tracks: &[&Track]) -> Value {
    let mut by_text = Map::new();
    for track in tracks {
        let probs = rows.iter().map(|&row| track.values[row].prob).collect();
        by_text.entry(document.tokens.text(track.id)).or_insert(probs);
    }
    Value::Object(by_text)
}

/// The same by id, with logits and ranks.
fn tracked_ids(document: &Document, rows: &[usize], tracks: &[&Track]) -> Value {
    let by_id = tracks.iter().map(|track| {
        let values: Vec<&Tracked> = rows.iter().map(|&row| &track.values[row]).collect();
        let by_id = json!({
            "token": document.tokens.text(track.id),
            "probs": values.iter().map(|v| v.prob).collect::<Vec<_>>(),
            "logits": values.iter().map(|v| v.logit).collect::<Vec<_>>(),
            "ranks": values.iter().map(|v| v.rank).collect::<Vec<_>>(),
        });
        (track.id.to_string(), by_id)
    });
    Value::Object(by_id.collect())
}
