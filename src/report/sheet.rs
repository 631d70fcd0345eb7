//! A plain table of values, in any of the formats: what is not a trajectory is written as one.

use std::io::{self, Write};

use anstyle::{Effects, Style};
use serde_json::{Map, Value, json};

use super::csv::shown;
use super::json::escape;
use super::text::{bands, fit, percent, right, width, wrap};

const DIM: Style = Style::new().effects(Effects::DIMMED);
const BOLD: Style = Style::new().effects(Effects::BOLD);

/// How a sheet is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetFormat {
    /// Aligned columns, for a terminal this wide.
    Table {
        width: usize,
    },
    Markdown,
    /// A row a line, numbers in full.
    Csv {
        for_terminal: bool,
    },
    /// An object with `meta`, and `rows` as a list of objects.
    Json,
    /// The same on one line.
    Lines,
}

/// Columns by name and rows of cells.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// Lines above, for people.
    pub title: Vec<String>,
    /// What the sheet is of, for JSON.
    pub meta: Map<String, Value>,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// Lines below, for people.
    pub notes: Vec<String>,
}

/// A column's name, and whether it is shown to people too.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub shown: bool,
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
    /// A mean and its standard error; in CSV and JSON a column and one more, `…_se`.
    Mean(f64, Option<f64>),
    /// The same of shares.
    MeanShare(f64, Option<f64>),
}

impl Column {
    /// A column that everyone sees.
    pub fn shown(name: &str) -> Self {
        Self {
            name: name.to_string(),
            shown: true,
        }
    }

    /// A column of CSV and JSON only.
    pub fn hidden(name: &str) -> Self {
        Self {
            shown: false,
            ..Self::shown(name)
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

    fn has_error(&self) -> bool {
        matches!(self, Self::Mean(..) | Self::MeanShare(..))
    }

    /// The value, and its error if it is a mean.
    fn for_programs(&self) -> (Value, Option<Value>) {
        match self {
            Self::Empty => (Value::Null, None),
            Self::Text(text) => (json!(text), None),
            Self::Integer(n) => (json!(n), None),
            Self::Number(x) | Self::Share(x) => (json!(x), None),
            Self::Mean(x, se) | Self::MeanShare(x, se) => (json!(x), Some(json!(se))),
        }
    }
}

impl Sheet {
    /// Writes the whole sheet.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn write(&self, format: SheetFormat, out: &mut dyn Write) -> io::Result<()> {
        match format {
            SheetFormat::Table { width } => self.table(width, out),
            SheetFormat::Markdown => self.markdown(out),
            SheetFormat::Csv { for_terminal } => self.csv(for_terminal, out),
            SheetFormat::Json => self.json(",\n ", out),
            SheetFormat::Lines => self.json(", ", out),
        }
    }

    /// The columns that people see.
    fn shown_columns(&self) -> Vec<ShownColumn> {
        let shown = self.columns.iter().enumerate().filter(|(_, column)| column.shown);
        shown
            .map(|(i, column)| {
                let cells = self.rows.iter().map(|row| row[i].for_people());
                ShownColumn {
                    cells: std::iter::once(column.name.clone()).chain(cells).collect(),
                    is_text: self.rows.iter().any(|row| row[i].is_text()),
                }
            })
            .collect()
    }

    /// Columns that do not fit beside each other come in bands, each with the first column.
    fn table(&self, available: usize, out: &mut dyn Write) -> io::Result<()> {
        const GAP: usize = 2;
        for line in self.title.iter().flat_map(|line| wrap(line, available)) {
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
        for line in self.notes.iter().flat_map(|line| wrap(line, available)) {
            writeln!(out, "{BOLD}{line}{BOLD:#}")?;
        }
        Ok(())
    }

    fn markdown(&self, out: &mut dyn Write) -> io::Result<()> {
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

    fn csv(&self, for_terminal: bool, out: &mut dyn Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        let columns = 0..self.columns.len();
        let have_errors: Vec<bool> = columns
            .map(|i| self.rows.iter().any(|row| row[i].has_error()))
            .collect();
        for (column, &has_error) in self.columns.iter().zip(&have_errors) {
            csv.write_field(shown(column.name.clone(), for_terminal))?;
            if has_error {
                csv.write_field(shown(format!("{}_se", column.name), for_terminal))?;
            }
        }
        csv.write_record(None::<&[u8]>)?;
        for row in &self.rows {
            for (cell, &has_error) in row.iter().zip(&have_errors) {
                let (value, error) = cell.for_programs();
                csv.write_field(shown(plain(&value), for_terminal))?;
                if has_error {
                    csv.write_field(plain(&error.unwrap_or(Value::Null)))?;
                }
            }
            csv.write_record(None::<&[u8]>)?;
        }
        csv.flush()
    }

    fn json(&self, separator: &str, out: &mut dyn Write) -> io::Result<()> {
        let record = |row: &Vec<Cell>| {
            let mut record = Map::new();
            for (column, cell) in self.columns.iter().zip(row) {
                let (value, error) = cell.for_programs();
                record.insert(column.name.clone(), value);
                if let Some(error) = error {
                    record.insert(format!("{}_se", column.name), error);
                }
            }
            Value::Object(record)
        };
        let rows: Vec<String> = self
            .rows
            .iter()
            .map(|row| escape(&record(row).to_string()))
            .collect();
        let meta = escape(&Value::Object(self.meta.clone()).to_string());
        writeln!(
            out,
            "{{\"meta\": {meta}{separator}\"rows\": [{}]}}",
            rows.join(separator)
        )
    }
}

/// A column as text, its heading first.
struct ShownColumn {
    cells: Vec<String>,
    /// Text stands at the left of its column, numbers at the right.
    is_text: bool,
}

/// A JSON value as a field of CSV.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
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
    use super::*;

    fn written(format: SheetFormat) -> String {
        let sheet = Sheet {
            columns: vec![Column::shown("layer"), Column::shown("prob"), Column::hidden("n")],
            rows: vec![
                vec![
                    Cell::Text("a|\"b".to_string()),
                    Cell::MeanShare(0.25, Some(0.125)),
                    Cell::Integer(3),
                ],
                vec![Cell::Empty, Cell::MeanShare(1., None), Cell::Integer(1)],
            ],
            ..Sheet::default()
        };
        let mut out = Vec::new();
        sheet.write(format, &mut out).unwrap();
        let plain = anstream::adapter::strip_bytes(&out).into_vec();
        String::from_utf8(plain).unwrap()
    }

    #[test]
    fn a_sheet_is_the_same_in_every_format() {
        assert_eq!(
            written(SheetFormat::Csv { for_terminal: false }),
            "layer,prob,prob_se,n\n\"a|\"\"b\",0.25,0.125,3\n,1.0,,1\n"
        );
        assert_eq!(
            written(SheetFormat::Lines),
            "{\"meta\": {}, \"rows\": [{\"layer\":\"a|\\\"b\",\"prob\":0.25,\"prob_se\":0.125,\"n\":3}, \
             {\"layer\":null,\"prob\":1.0,\"prob_se\":null,\"n\":1}]}\n"
        );
        assert_eq!(
            written(SheetFormat::Markdown),
            "| layer | prob |\n| --- | --- |\n| a\\|\"b | 25.0% ±12.5 |\n| – | 100.0% |\n"
        );
        assert_eq!(
            written(SheetFormat::Table { width: 80 }),
            "layer         prob\na|\"b   25.0% ±12.5\n–           100.0%\n"
        );
    }

    #[test]
    fn a_sheet_of_many_rows_is_csv_in_one_pass() {
        const ROWS: u64 = 300_000;
        let sheet = Sheet {
            columns: vec![Column::shown("position"), Column::shown("token")],
            rows: (0..ROWS)
                .map(|i| vec![Cell::Integer(i), Cell::Text("a\u{1b}".to_string())])
                .collect(),
            ..Sheet::default()
        };
        let lines = |for_terminal: bool| {
            let mut out = Vec::new();
            sheet.write(SheetFormat::Csv { for_terminal }, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(lines(false).lines().count() as u64, 1 + ROWS);
        assert!(lines(false).ends_with(",a\u{1b}\n"));
        assert!(lines(true).ends_with(",a\\u{1b}\n"));
    }
}
