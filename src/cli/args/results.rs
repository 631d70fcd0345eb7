//! What the options say of where results go and how they look.

use std::io::IsTerminal;
use std::path::Path;

use clap::ColorChoice;
use logit_lens::error::{Error, Result};
use logit_lens::report::{Depth, FORMATS, Format, Presentation, TABLE};
use logit_lens::run::Destination;

use super::Args;
use crate::cli::draft::place;

impl Args {
    /// The format that was asked for by name.
    fn asked_format(&self) -> Option<&'static Format> {
        let flags = [
            ("json", self.output.json),
            ("heatmap", self.output.heatmap),
            ("plot", self.output.plot),
        ];
        let flag = flags.iter().find(|(_, given)| *given).map(|(name, _)| *name);
        flag.or(self.output.format.as_deref()).and_then(Format::named)
    }

    /// How results are to look, wherever they go.
    pub(super) fn presentation(&self) -> Presentation {
        Presentation {
            colors: self.depth(),
            color_by: self.output.color_by,
            order: self.output.order.into(),
            each: self.each(),
            lines: self.output.plot,
            each_prompt: self.output.each_prompt,
            all_rows: self.output.all_rows,
            words: self.output.words,
            lean: self.output.lean,
            title: self.output.title.clone(),
            ..Presentation::default()
        }
    }

    /// How many colours there are on stdout.
    fn depth(&self) -> Depth {
        let colors = match self.output.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                std::io::stdout().is_terminal()
                    && !anstyle_query::no_color()
                    && anstyle_query::term_supports_ansi_color()
            }
        };
        match colors {
            false => Depth::Shades,
            true if anstyle_query::truecolor() => Depth::True,
            true => Depth::Indexed,
        }
    }

    /// What decides on colours, for `anstream`.
    pub fn color(&self) -> anstream::ColorChoice {
        match self.output.color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        }
    }

    /// Where the results go, each in its format; stdout (`None`) unless files are named.
    ///
    /// # Errors
    /// A format and an ending that disagree, or a file that is named twice.
    pub(super) fn destinations(&self) -> Result<Vec<Destination>> {
        let asked = self.asked_format();
        if self.output.outputs.is_empty() {
            return Ok(vec![Destination {
                path: None,
                format: asked.unwrap_or(&TABLE),
            }]);
        }
        let mut destinations: Vec<Destination> = Vec::new();
        for path in &self.output.outputs {
            let format = self.format_of(path, asked)?;
            let path = (path != Path::new("-")).then(|| path.clone());
            let same = |other: &Destination| other.path.as_deref().map(place) == path.as_deref().map(place);
            if destinations.iter().any(same) {
                let name = path.map_or("stdout".to_string(), |p| p.display().to_string());
                return Err(Error::usage(
                    format!("{name} is named twice as an output."),
                    "Give each --output a file of its own.",
                ));
            }
            destinations.push(Destination { path, format });
        }
        Ok(destinations)
    }

    /// The format that a file is written in: by its ending, else the one asked for.
    fn format_of(&self, path: &Path, asked: Option<&'static Format>) -> Result<&'static Format> {
        let named = Format::of_ending(path);
        // --heatmap and --plot say what the pictures among the files show.
        let drawn = self.output.heatmap || self.output.plot;
        match (asked, named) {
            (Some(asked), Some(named)) if !asked.is(named) && !drawn => Err(Error::usage(
                format!(
                    "{} is {} by its ending, but the format asked for is {}.",
                    path.display(),
                    named.name,
                    asked.name
                ),
                "Leave out the format, or give the file another ending.",
            )),
            (_, Some(named)) => Ok(named),
            (Some(asked), None) => Ok(asked),
            (None, None) if has_unknown_ending(path) => Err(Error::usage(
                format!("No format has the ending of {}.", path.display()),
                format!("Use one of {}, or .txt for a table, or add --format.", endings()),
            )),
            (None, None) => Ok(&TABLE),
        }
    }
}

/// Whether a file has an ending from which no format follows. What is there already and is no file,
/// such as a pipe, has a name of another kind.
fn has_unknown_ending(path: &Path) -> bool {
    let is_special = || path.metadata().is_ok_and(|there| !there.is_file());
    (path.extension()).is_some_and(|ending| !ending.eq_ignore_ascii_case("txt")) && !is_special()
}

/// The endings of all formats, for a sentence.
fn endings() -> String {
    let endings = FORMATS.iter().filter_map(|format| format.endings.first());
    let endings: Vec<String> = endings.map(|ending| format!(".{ending}")).collect();
    endings.join(", ")
}
