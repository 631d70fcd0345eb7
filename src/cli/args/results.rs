//! What the options say of where results go and how they look.

use std::io::IsTerminal;
use std::path::Path;

use clap::ColorChoice;
use logit_lens::error::{Error, Result};
use logit_lens::report::{Depth, Drawing, Medium, Order, Report};

use super::{Args, Format, OrderChoice};
use crate::cli::draft::place;

impl Args {
    /// The format that was asked for by name.
    pub fn asked_format(&self) -> Option<Format> {
        match self {
            Self { json: true, .. } => Some(Format::Json),
            Self { heatmap: true, .. } => Some(Format::Heatmap),
            Self { plot: true, .. } => Some(Format::Plot),
            Self { format, .. } => *format,
        }
    }

    /// A picture as these arguments want it.
    pub fn drawing(&self, medium: Medium) -> Box<dyn Report> {
        Box::new(Drawing::new(medium, self.color_by, self.order(), self.plot))
    }

    /// In which order a picture has the layers.
    pub fn order(&self) -> Order {
        match self.order {
            OrderChoice::Up => Order::Up,
            OrderChoice::Down => Order::Down,
        }
    }

    /// How many colours there are on stdout.
    pub fn depth(&self) -> Depth {
        let colors = match self.color {
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
        match self.color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        }
    }

    /// Where the results go, each in its format; stdout (`None`) unless files are named.
    ///
    /// # Errors
    /// A format and an ending that disagree, or a file that is named twice.
    pub fn outputs(&self) -> Result<Vec<(Option<&Path>, Format)>> {
        let asked = self.asked_format();
        if self.outputs.is_empty() {
            return Ok(vec![(None, asked.unwrap_or(Format::Table))]);
        }
        let mut outputs: Vec<(Option<&Path>, Format)> = Vec::new();
        for path in &self.outputs {
            let named = Format::of_ending(path);
            // --heatmap and --plot say what the pictures among the files show.
            let drawn = matches!(asked, Some(Format::Heatmap | Format::Plot));
            if let (Some(asked), Some(named)) = (asked, named)
                && asked != named
                && !drawn
            {
                return Err(Error::usage(
                    format!(
                        "{} should be {} by its ending, but --format says {}.",
                        path.display(),
                        named.name(),
                        asked.name()
                    ),
                    "Leave out --format, or give the file another ending.",
                ));
            }
            let path = (path != Path::new("-")).then_some(path.as_path());
            if outputs
                .iter()
                .any(|(other, _)| other.map(place) == path.map(place))
            {
                let name = path.map_or("stdout".to_string(), |p| p.display().to_string());
                return Err(Error::usage(
                    format!("{name} is named twice as an output."),
                    "Give each --output a file of its own.",
                ));
            }
            outputs.push((path, named.or(asked).unwrap_or(Format::Table)));
        }
        Ok(outputs)
    }
}
