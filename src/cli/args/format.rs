//! The formats, as options name them and as files end.

use std::path::Path;

use clap::ValueEnum;

/// How the readings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs: a logitlenskit V2 document and more, or an array of them
    Json,
    /// A JSON document a line, as each prompt is done
    Jsonl,
    /// Tidy: a row for each prompt, point, layer, position and token
    Csv,
    /// Tables for a notebook or an issue
    Markdown,
    /// Layers × positions in colours, for a terminal
    Heatmap,
    /// Lines across layers, for a terminal
    Plot,
    /// Layers × positions in colours, for a page
    Svg,
    /// The same as pixels
    Png,
    /// The same as a PDF, its text as text
    Pdf,
    /// A page to explore, in one file that fetches nothing
    Html,
}

impl Format {
    /// The format that a file's ending names, in capitals or not.
    pub fn of_ending(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "md" | "markdown" => Some(Self::Markdown),
            "svg" => Some(Self::Svg),
            "png" => Some(Self::Png),
            "pdf" => Some(Self::Pdf),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }

    /// Whether it is a page of its own, for one prompt.
    pub fn is_a_page(self) -> bool {
        matches!(self, Self::Svg | Self::Png | Self::Pdf | Self::Html)
    }

    /// Whether its bytes are no text.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Png | Self::Pdf)
    }

    /// Its name as an option.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or(String::new(), |value| value.get_name().to_string())
    }
}
