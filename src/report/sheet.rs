//! A plain table of values, in any of the formats: what is not a trajectory is written as one.

use std::io::{self, Write};

use anstyle::{Effects, Style};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::csv::shown;
use super::json::{Layout, write};
use super::text::{bands, fit, percent, right, text_width, width, wrap};

const DIM: Style = Style::new().effects(Effects::DIMMED);
const BOLD: Style = Style::new().effects(Effects::BOLD);

/// A table that is no trajectory: columns of cells for people, and the same as data for programs.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// Lines above, for people.
    pub title: Vec<String>,
    /// The columns' headings, for people.
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
    /// Lines below, for people.
    pub notes: Vec<String>,
    pub data: Data,
}

/// What a sheet holds, for programs. In JSON it is an object of `meta` and `rows`, in CSV a line a row.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Data {
    /// What the sheet is of.
    meta: Value,
    /// An object each, all with the same keys.
    rows: Vec<Value>,
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
    Integer(u64),
    Number(f64),
    /// Between 0 and 1.
    Share(f64),
    /// A mean and its standard error.
    Mean(f64, Option<f64>),
    /// The same of shares.
    MeanShare(f64, Option<f64>),
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
        }
    }
}

impl Cell {
    /// A number if there is one.
    pub fn maybe(value: Option<f64>) -> Self {
        value.map_or(Self::Empty, Self::Number)
    }

    fn for_people(&self) -> String {
        let error = |se: &Option<f64>, scale: f64, digits: usize| {
            se.map_or(String::new(), |se| format!(" ±{:.digits$}", scale * se))
        };
        match self {
            Self::Empty => "–".to_string(),
            Self::Text(text) => text.clone(),
            Self::Integer(n) => n.to_string(),
            // Nothing is a little less than nothing.
            Self::Number(x) if x.abs() < 5e-4 => "0.000".to_string(),
            Self::Number(x) => format!("{x:.3}"),
            Self::Share(p) => percent(*p),
            Self::Mean(x, se) => format!("{x:.3}{}", error(se, 1., 3)),
            Self::MeanShare(p, se) => format!("{:.1}%{}", 100. * p, error(se, 100., 1)),
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

impl Sheet {
    /// The columns that people see.
    fn shown_columns(&self) -> Vec<ShownColumn> {
        let columns = self.columns.iter().enumerate();
        let column = |(i, name): (usize, &String)| {
            let cells = self.rows.iter().map(|row| row[i].for_people());
            ShownColumn {
                cells: std::iter::once(name.clone()).chain(cells).collect(),
                is_text: self.rows.iter().any(|row| row[i].is_text()),
            }
        };
        columns.map(column).collect()
    }

    /// Aligned columns, for a terminal of `available` columns. Those that do not fit beside each other come
    /// in bands, each with the first column.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn table(&self, available: usize, out: &mut dyn Write) -> io::Result<()> {
        const GAP: usize = 2;
        for line in self
            .title
            .iter()
            .flat_map(|line| wrap(line, text_width(available)))
        {
            writeln!(out, "{line}")?;
        }
        let columns = self.shown_columns();
        let widest = |column: &ShownColumn| column.cells.iter().map(|cell| width(cell)).max().unwrap_or(0);
        // The first column stands in every band, so that others have room beside it.
        let first = columns.first().map_or(0, widest).min((available / 2).max(1));
        let room = available.saturating_sub(first + GAP).max(1);
        let aligned: Vec<Vec<String>> = (columns.iter())
            .enumerate()
            .map(|(nth, column)| {
                let columns = if nth == 0 { first } else { widest(column).min(room) };
                let align = if column.is_text { fit } else { right };
                column.cells.iter().map(|cell| align(cell, columns)).collect()
            })
            .collect();
        let Some((label, others)) = aligned.split_first() else {
            return Ok(());
        };
        let widths: Vec<usize> = others.iter().map(|column| width(&column[0])).collect();
        let bands = bands(&widths, width(&label[0]), GAP, available);
        for (nth, band) in bands.into_iter().enumerate() {
            if nth > 0 {
                writeln!(out)?;
            }
            for (line, label) in label.iter().enumerate() {
                let cells = others[band.clone()].iter().map(|column| &column[line]);
                let cells: Vec<&str> = std::iter::once(label).chain(cells).map(String::as_str).collect();
                let style = if line == 0 { DIM } else { Style::new() };
                let cells = cells.join(&" ".repeat(GAP));
                writeln!(out, "{style}{}{style:#}", cells.trim_end())?;
            }
        }
        for line in self
            .notes
            .iter()
            .flat_map(|line| wrap(line, text_width(available)))
        {
            writeln!(out, "{BOLD}{line}{BOLD:#}")?;
        }
        Ok(())
    }

    /// A table of Markdown.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        for line in &self.title {
            writeln!(out, "{}\n", markdown_cell(line))?;
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
        for line in &self.notes {
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
        let layout = Layout {
            rows: layout.keys,
            ..layout
        };
        write(&self.data, layout, out)?;
        writeln!(out)
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
    /// Text stands at the left of its column, numbers at the right.
    is_text: bool,
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
