//! The formats, as an option names them.

use clap::builder::{PossibleValue, PossibleValuesParser};
use logit_lens::report::FORMATS;

/// What `--format` takes.
pub fn names() -> PossibleValuesParser {
    let value = |format: &&logit_lens::report::Format| {
        PossibleValue::new(format.name)
            .aliases(format.aliases)
            .help(format.help)
    };
    PossibleValuesParser::new(FORMATS.iter().map(value))
}
