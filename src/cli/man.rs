//! The man page: the options as they are defined, and what else a man page has.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;

/// What comes after the options, in roff. A line that begins with a dot is a request.
const SECTIONS: &str = include_str!("man.roff");

/// Writes the page of `command`.
///
/// # Errors
/// Those of `out`.
pub fn write(command: Command, out: &mut dyn Write) -> io::Result<()> {
    let man = Man::new(command);
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    out.write_all(with_blocks(&String::from_utf8_lossy(&options)).as_bytes())?;
    out.write_all(SECTIONS.as_bytes())?;
    man.render_version_section(out)
}

/// The help's tables, which are indented there, as blocks that are not filled.
fn with_blocks(options: &str) -> String {
    let mut blocks = String::with_capacity(options.len());
    let mut is_inside = false;
    for line in options.lines() {
        let is_row = line.starts_with("  ");
        if is_row != is_inside {
            blocks += if is_row { ".nf\n" } else { ".fi\n" };
            is_inside = is_row;
        }
        blocks += line;
        blocks.push('\n');
    }
    blocks
}
