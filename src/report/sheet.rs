//! A plain table of values, in any of the formats: what is not a trajectory is written as one.

use std::io::{self, Write};

use anstyle::{AnsiColor, Effects, Style};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::csv::shown;
use super::json::{Assertion, Layout, write};
use super::text::{bands, fit, percent, right, text_width, width, wrap};
use crate::analysis::assertions::Outcome;
use crate::decoder::Site;

const DIM: Style = Style::new().effects(Effects::DIMMED);
const BOLD: Style = Style::new().effects(Effects::BOLD);
const DIFFERENT: Style = AnsiColor::Yellow.on_default().effects(Effects::BOLD);

/// The columns between two of a table.
const GAP: usize = 2;

/// A table that is no trajectory: columns of cells for people, and the same as data for programs.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// Lines above, for people.
    pub title: Vec<String>,
    /// The columns' headings, for people.
    pub columns: Vec<String>,
    /// How many columns before the first say which row it is, and stand in every band with it.
    pub keys: usize,
    pub rows: Vec<Vec<Cell>>,
    /// Whether the text of the last column goes on in lines of its own where it does not fit, rather than
    /// being cut.
    pub wraps: bool,
    /// What it comes to, in lines below, for people.
    pub notes: Vec<String>,
    /// What the columns mean, below that.
    pub explanations: Vec<String>,
    pub data: Data,
    /// The same in parts, one for each prompt, where a format has a line for each.
    pub parts: Vec<Data>,
}

/// What a sheet holds, for programs. In JSON it is an object of `meta` and `rows`, in CSV a line a row.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Data {
    /// What the sheet is of.
    meta: Value,
    /// An object each, all with the same keys.
    rows: Vec<Value>,
    /// What assertions about it come to; `None` without.
    #[serde(skip_serializing_if = "Option::is_none")]
    assertions: Option<Vec<Assertion>>,
}

/// The JSON document of a sheet, as its schema has it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Table<M, R> {
    pub meta: M,
    pub rows: Vec<R>,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Empty,
    Text(String),
    /// A text that is not what stands on its left.
    Different(String),
    Layer(Site),
    Integer(u64),
    /// So many of so many.
    Fraction(u64, u64),
    Number(f64),
    /// Of which small values matter too.
    Divergence(f64),
    /// Between 0 and 1.
    Share(f64),
    /// The difference of two shares.
    ShareDifference(f64),
    /// A mean and its standard error.
    Mean(f64, Option<f64>),
    /// The same of what is small too.
    MeanDivergence(f64, Option<f64>),
    /// The same of shares.
    MeanShare(f64, Option<f64>),
    /// A share, and the ends of its interval.
    Interval(f64, f64, f64),
}

impl Data {
    /// The data that `table` serialises to.
    pub fn new<M: Serialize, R: Serialize>(table: &Table<M, R>) -> Self {
        // Structs of numbers, texts and lists of such: there is nothing that JSON has no form for.
        let value = |value: serde_json::Result<Value>| value.unwrap_or_default();
        Self {
            meta: value(serde_json::to_value(&table.meta)),
            rows: table
                .rows
                .iter()
                .map(|row| value(serde_json::to_value(row)))
                .collect(),
            assertions: None,
        }
    }
}

impl Data {
    fn json(&self, layout: Layout, out: &mut dyn Write) -> io::Result<()> {
        let layout = Layout {
            rows: layout.keys,
            ..layout
        };
        write(self, layout, out)?;
        writeln!(out)
    }
}

impl Cell {
    /// A number if there is one.
    pub fn maybe(value: Option<f64>) -> Self {
        value.map_or(Self::Empty, Self::Number)
    }

    /// A number if there is one, without decimals where it is whole.
    pub fn maybe_whole(value: Option<f64>) -> Self {
        match value {
            Some(x) if x.fract() == 0. && (0. ..1e15).contains(&x) => Self::Integer(x as u64),
            value => Self::maybe(value),
        }
    }

    fn for_people(&self) -> String {
        let error = |se: &Option<f64>, scale: f64, digits: usize| {
            se.map_or(String::new(), |se| format!(" ±{:.digits$}", scale * se))
        };
        match self {
            Self::Empty => "–".to_string(),
            Self::Text(text) => text.clone(),
            Self::Different(text) => format!("{text} ≠"),
            Self::Layer(site) => site.to_string(),
            Self::Integer(n) => n.to_string(),
            Self::Fraction(count, of) => format!("{count}/{of}"),
            // Nothing is a little less than nothing.
            Self::Number(x) if x.abs() < 5e-4 => "0.000".to_string(),
            Self::Number(x) => format!("{x:.3}"),
            Self::Divergence(x) => divergence(*x),
            Self::Share(p) => percent(*p),
            Self::ShareDifference(x) => percent_points(*x),
            Self::Interval(p, low, high) => {
                format!("{:.1}% [{:.1}–{:.1}]", 100. * p, 100. * low, 100. * high)
            }
            Self::MeanDivergence(x, se) => {
                let error = se.map_or(String::new(), |se| format!(" ±{}", divergence(se)));
                format!("{}{error}", divergence(*x))
            }
            Self::Mean(x, se) => format!("{x:.3}{}", error(se, 1., 3)),
            Self::MeanShare(p, se) => format!("{:.1}%{}", 100. * p, error(se, 100., 1)),
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Different(_))
    }
}

/// Three decimals, or three digits of what is smaller than they show; an exact 0 as `0`.
fn divergence(x: f64) -> String {
    match x.abs() {
        0. => "0".to_string(),
        small if small < 0.01 => format!("{x:.2e}"),
        _ => format!("{x:.3}"),
    }
}

/// The difference of two shares in percentage points: `−77.2 pp`, `+0.04 pp`; an exact 0 as `0 pp`.
fn percent_points(difference: f64) -> String {
    let points = 100. * difference;
    let sign = if points < 0. { '−' } else { '+' };
    match points.abs() {
        0. => "0 pp".to_string(),
        small if small < 0.005 => "<0.01 pp".to_string(),
        small if small < 0.995 => format!("{sign}{small:.2} pp"),
        large => format!("{sign}{large:.1} pp"),
    }
}

impl Sheet {
    /// The same with what assertions about it come to, for programs.
    pub fn with_assertions(mut self, outcomes: &[Outcome]) -> Self {
        self.data.assertions = Assertion::all(outcomes);
        self
    }

    /// The columns that people see.
    fn shown_columns(&self) -> Vec<ShownColumn> {
        let columns = self.columns.iter().enumerate();
        let column = |(i, name): (usize, &String)| {
            let cells = self.rows.iter().map(|row| row[i].for_people());
            let different = self.rows.iter().map(|row| matches!(row[i], Cell::Different(_)));
            ShownColumn {
                cells: std::iter::once(name.clone()).chain(cells).collect(),
                different: std::iter::once(false).chain(different).collect(),
                is_text: self.rows.iter().any(|row| row[i].is_text()),
            }
        };
        columns.map(column).collect()
    }

    /// Aligned columns, for a terminal of `available` columns. Those that do not fit beside each other come
    /// in bands, each with the columns that say which row it is.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn table(&self, available: usize, out: &mut dyn Write) -> io::Result<()> {
        let running = text_width(available);
        for line in self.title.iter().flat_map(|line| wrap(line, running)) {
            writeln!(out, "{line}")?;
        }
        let columns = self.shown_columns();
        let keys = (self.keys + 1).min(columns.len());
        let widest = |column: &ShownColumn| column.cells.iter().map(|cell| width(cell)).max().unwrap_or(0);
        // The keys stand in every band, so that others have room beside them.
        let whole = columns[..keys].iter().map(&widest).sum::<usize>() + GAP * keys.saturating_sub(1);
        let room_of_a_key = match whole <= available / 2 {
            true => whole,
            false => (available / 2 / keys.max(1)).saturating_sub(GAP).max(1),
        };
        let widths: Vec<usize> = (columns.iter().enumerate())
            .map(|(nth, column)| match nth < keys {
                true => widest(column).min(room_of_a_key),
                false => widest(column),
            })
            .collect();
        let label = widths[..keys].iter().sum::<usize>() + GAP * keys.saturating_sub(1);
        let room = available.saturating_sub(label + GAP).max(1);
        let others: Vec<usize> = widths[keys..].iter().map(|&columns| columns.min(room)).collect();
        for (nth, band) in bands(&others, label, GAP, available).into_iter().enumerate() {
            if nth > 0 {
                writeln!(out)?;
            }
            let shown = (0..keys).map(|key| (&columns[key], widths[key]));
            let shown = shown.chain(band.map(|i| (&columns[keys + i], others[i])));
            let shown: Vec<(&ShownColumn, usize)> = shown.collect();
            for line in 0..=self.rows.len() {
                let mut cells: Vec<String> = shown
                    .iter()
                    .map(|(column, columns)| column.cell(line, *columns))
                    .collect();
                let last = shown.last().filter(|_| self.wraps);
                let mut rest = last
                    .map(|(last, columns)| wrap(&last.cells[line], *columns))
                    .unwrap_or_default()
                    .into_iter();
                if let Some(first) = rest.next() {
                    cells.pop();
                    cells.push(first);
                }
                let style = if line == 0 { DIM } else { Style::new() };
                let cells = cells.join(&" ".repeat(GAP));
                writeln!(out, "{style}{}{style:#}", cells.trim_end())?;
                for more in rest {
                    writeln!(out, "{}{more}", " ".repeat(label + GAP))?;
                }
            }
        }
        for (lines, style) in [(&self.notes, BOLD), (&self.explanations, DIM)] {
            for line in lines.iter().flat_map(|line| wrap(line, running)) {
                writeln!(out, "{style}{line}{style:#}")?;
            }
        }
        Ok(())
    }

    /// A table of Markdown.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let title: Vec<&String> = self.title.iter().filter(|line| !line.is_empty()).collect();
        for line in &title {
            let item = if title.len() > 1 { "- " } else { "" };
            writeln!(out, "{item}{}", markdown_cell(line))?;
        }
        if !title.is_empty() {
            writeln!(out)?;
        }
        let columns = self.shown_columns();
        for line in 0..=self.rows.len() {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| markdown_cell(&column.cells[line]))
                .collect();
            writeln!(out, "| {} |", cells.join(" | "))?;
            if line == 0 {
                let rule: Vec<&str> = columns.iter().map(|_| "---").collect();
                writeln!(out, "| {} |", rule.join(" | "))?;
            }
        }
        for line in self.notes.iter().chain(&self.explanations) {
            writeln!(out, "\n{}", markdown_cell(line))?;
        }
        Ok(())
    }

    /// A row a line, numbers in full. What lies deeper in a row has its path as its column's name.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn csv(&self, for_terminal: bool, out: &mut dyn Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        for (i, row) in self.data.rows.iter().enumerate() {
            let fields = fields(row);
            if i == 0 {
                csv.write_record(fields.iter().map(|(name, _)| shown(name.clone(), for_terminal)))?;
            }
            csv.write_record(fields.into_iter().map(|(_, value)| shown(value, for_terminal)))?;
        }
        csv.flush()
    }

    /// An object with `meta`, and `rows` as a list of objects, laid out by `layout`.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn json(&self, layout: Layout, out: &mut dyn Write) -> io::Result<()> {
        self.data.json(layout, out)
    }

    /// The same in a line, or a line for each of its parts.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn json_lines(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut parts = match self.parts.as_slice() {
            [] => std::slice::from_ref(&self.data),
            parts => parts,
        }
        .iter();
        parts.try_for_each(|part| part.json(Layout::ONE_LINE, out))
    }
}

/// The fields of a row by name, deeper ones by their path; an item of a list goes by its own `name`.
fn fields(row: &Value) -> Vec<(String, String)> {
    fn walk(path: &str, value: &Value, fields: &mut Vec<(String, String)>) {
        let join = |key: &str| match path {
            "" => key.to_string(),
            _ => format!("{path}_{key}"),
        };
        match value {
            Value::Object(object) => {
                let inner = object.iter().filter(|(key, _)| *key != "name");
                inner.for_each(|(key, value)| walk(&join(key), value, fields));
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    let name = item["name"]
                        .as_str()
                        .map_or_else(|| join(&i.to_string()), str::to_string);
                    walk(&name, item, fields);
                }
            }
            Value::Null => fields.push((path.to_string(), String::new())),
            Value::String(text) => fields.push((path.to_string(), text.clone())),
            other => fields.push((path.to_string(), other.to_string())),
        }
    }
    let mut found = Vec::new();
    walk("", row, &mut found);
    found
}

/// A column as text, its heading first.
struct ShownColumn {
    cells: Vec<String>,
    /// Whether each is not what stands on its left.
    different: Vec<bool>,
    /// Text stands at the left of its column, numbers at the right.
    is_text: bool,
}

impl ShownColumn {
    /// A cell in exactly `columns` columns.
    fn cell(&self, line: usize, columns: usize) -> String {
        let align = if self.is_text { fit } else { right };
        let cell = align(&self.cells[line], columns);
        if !self.different[line] {
            return cell;
        }
        let text = cell.trim_end();
        let padding = &cell[text.len()..];
        format!("{DIFFERENT}{text}{DIFFERENT:#}{padding}")
    }
}

/// Text that Markdown shows as it is, in a cell of a table.
pub fn markdown_cell(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '|' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '&' | '~' | '$'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(write: impl Fn(&Sheet, &mut dyn Write) -> io::Result<()>) -> String {
        let sheet = Sheet {
            columns: vec!["layer".to_string(), "prob".to_string()],
            rows: vec![
                vec![
                    Cell::Text("a|\"b".to_string()),
                    Cell::MeanShare(0.25, Some(0.125)),
                ],
                vec![Cell::Empty, Cell::MeanShare(1., None)],
            ],
            data: Data::new(&Table {
                meta: json!({}),
                rows: vec![
                    json!({"layer": "a|\"b", "prob": {"mean": 0.25, "se": 0.125}, "of": [{"name": "x", "n": 3}]}),
                    json!({"layer": null, "prob": {"mean": 1.0, "se": null}, "of": [{"name": "x", "n": 1}]}),
                ],
            }),
            ..Sheet::default()
        };
        let mut out = Vec::new();
        write(&sheet, &mut out).unwrap();
        let plain = anstream::adapter::strip_bytes(&out).into_vec();
        String::from_utf8(plain).unwrap()
    }

    #[test]
    fn a_sheet_is_the_same_in_every_format() {
        assert_eq!(
            written(|sheet, out| sheet.csv(false, out)),
            "layer,prob_mean,prob_se,x_n\n\"a|\"\"b\",0.25,0.125,3\n,1.0,,1\n"
        );
        assert_eq!(
            written(|sheet, out| sheet.json(Layout::ONE_LINE, out)),
            "{\"meta\": {}, \"rows\": [{\"layer\":\"a|\\\"b\",\"prob\":{\"mean\":0.25,\"se\":0.125},\
             \"of\":[{\"name\":\"x\",\"n\":3}]}, {\"layer\":null,\"prob\":{\"mean\":1.0,\"se\":null},\
             \"of\":[{\"name\":\"x\",\"n\":1}]}]}\n"
        );
        assert_eq!(
            written(|sheet, out| sheet.markdown(out)),
            "| layer | prob |\n| --- | --- |\n| a\\|\"b | 25.0% ±12.5 |\n| – | 100.0% |\n"
        );
        assert_eq!(
            written(|sheet, out| sheet.table(80, out)),
            "layer         prob\na|\"b   25.0% ±12.5\n–           100.0%\n"
        );
    }

    #[test]
    fn small_differences_are_seen_and_none_is_none() {
        let cells = [
            (Cell::Divergence(0.), "0"),
            (Cell::Divergence(6.1234e-5), "6.12e-5"),
            (Cell::Divergence(10.3412), "10.341"),
            (Cell::ShareDifference(-0.77234), "−77.2 pp"),
            (Cell::ShareDifference(4e-4), "+0.04 pp"),
            (Cell::ShareDifference(-1e-9), "<0.01 pp"),
            (Cell::ShareDifference(0.), "0 pp"),
        ];
        for (cell, text) in cells {
            assert_eq!(cell.for_people(), text);
        }
    }

    #[test]
    fn the_keys_of_a_row_stand_in_every_band() {
        let cell = |text: &str| Cell::Text(text.to_string());
        let sheet = Sheet {
            columns: ["at", "layer", "left", "right"].map(str::to_string).to_vec(),
            keys: 1,
            rows: vec![vec![
                cell("x"),
                Cell::Integer(7),
                cell("Paris"),
                Cell::Different("Rome".to_string()),
            ]],
            ..Sheet::default()
        };
        let mut out = Vec::new();
        sheet.table(20, &mut out).unwrap();
        let plain = String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap();
        let bands = "at  layer  left\nx       7  Paris\n\nat  layer  right\nx       7  Rome ≠\n";
        assert_eq!(plain, bands);
    }

    #[test]
    fn a_sheet_of_many_rows_is_csv_in_one_pass() {
        const ROWS: u64 = 300_000;
        let sheet = Sheet {
            data: Data::new(&Table {
                meta: json!({}),
                rows: (0..ROWS)
                    .map(|i| json!({"position": i, "token": "a\u{1b}"}))
                    .collect(),
            }),
            ..Sheet::default()
        };
        let lines = |for_terminal: bool| {
            let mut out = Vec::new();
            sheet.csv(for_terminal, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(lines(false).lines().count() as u64, 1 + ROWS);
        assert!(lines(false).ends_with(",a\u{1b}\n"));
        assert!(lines(true).ends_with(",a\\u{1b}\n"));
    }
}
