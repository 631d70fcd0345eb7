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
    man.render_options_section(out)?;
    out.write_all(SECTIONS.as_bytes())?;
    man.render_version_section(out)
}
