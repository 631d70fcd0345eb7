//! What reports show, through the eyes of a terminal and of a browser.

mod heatmap;
mod page;
#[path = "../support/mod.rs"]
mod support;
