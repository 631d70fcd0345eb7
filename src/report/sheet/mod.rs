//! A plain table of values, in any of the formats: what is not a trajectory is written as one.

mod cell;
mod data;
mod markdown;
mod table;

use super::chart::Chart;
use super::json::Assertion;
use crate::analysis::assertions::Outcome;

pub use cell::Cell;
pub use data::{Data, Table};
pub use markdown::markdown_cell;

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
    /// The same as a picture, where there is one.
    pub chart: Option<Chart>,
    /// The same in parts, one for each prompt, where a format has a line for each.
    pub parts: Vec<Data>,
}

impl Sheet {
    /// The same with what assertions about it come to, for programs.
    pub fn with_assertions(mut self, outcomes: &[Outcome]) -> Self {
        self.data.assertions = Assertion::all(outcomes);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use std::io::{self, Write};

    use super::*;
    use crate::report::json::Layout;

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
