//! A sheet as a table of Markdown.

use std::io::{self, Write};

use super::Sheet;

impl Sheet {
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
