//! What the system does to a run: signals, closed streams, limits, a bare environment.

#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod environment;
mod limits;
mod signals;
#[cfg(target_os = "linux")]
mod terminal;

use std::path::Path;

const PROMPT: &str = "The Eiffel Tower is in the city of";

/// The names in a folder, hidden ones too.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = (std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
