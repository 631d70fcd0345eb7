//! The options by their headings in the help. The name of a field is what clap and the rules know an option by.

mod check;
mod computation;
mod model;
mod other;
mod output;
mod prompt;
mod reading;

pub use check::CheckOptions;
pub use computation::ComputationOptions;
pub use model::ModelOptions;
pub use other::OtherOptions;
pub use output::OutputOptions;
pub use prompt::PromptOptions;
pub use reading::ReadingOptions;
