//! Several positions, several prompts: grids, files, streams, summaries.

mod files;
mod grids;
mod summaries;
mod targets;

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;

use crate::PROMPT;

const OTHER: &str = "The capital of France is";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A hundred prompts, more than a batch of tokens holds in one.
fn prompts_file(folder: &TempDir) -> (String, Vec<String>) {
    let prompts: Vec<String> = (0..100)
        .map(|i| format!("{PROMPT} {} {}", "the".repeat(i % 7), i))
        .collect();
    let path = folder.path().join("prompts.txt");
    std::fs::write(&path, prompts.join("\n")).unwrap();
    (path.to_str().unwrap().to_string(), prompts)
}

/// The records of a CSV, each by its columns' names.
pub fn records(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(|record| record.unwrap()).collect()
}

/// The columns of a CSV by name.
pub fn columns(csv: &str) -> BTreeMap<String, Vec<String>> {
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, cell) in records(csv).into_iter().flatten() {
        columns.entry(name).or_default().push(cell);
    }
    columns
}
