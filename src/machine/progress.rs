//! How far a run is, for whoever wants to show it.

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Prompts go through the decoder's blocks.
    Blocks,
    /// Rows go through the unembedding.
    Rows,
}

/// Is told of a run's progress, from any thread.
pub trait Progress: Sync {
    /// `done` of `total` blocks or rows are done.
    fn report(&self, stage: Stage, done: usize, total: usize);

    /// What is waited for, in a few words.
    fn say(&self, _: &str) {}

    /// Whether what is being done is no longer wanted: it then ends early, in an error.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Tells nobody.
impl Progress for () {
    fn report(&self, _: Stage, _: usize, _: usize) {}
}
