//! What is refused, and that the error names it: a checkpoint that lens does not follow to the
//! letter is an error at loading, before anything is computed, never a wrong number.

mod any;
mod config;
mod families;
mod files;
mod gguf;
mod hostile;
mod lenses;
mod prompts;
#[path = "../support/mod.rs"]
mod support;
mod tensors;

use logit_lens::error::Error;
use support::Checkpoint;

/// The error, checked to be two whole sentences, of which the first names each of `names`.
fn assert_refused<T>(result: Result<T, Error>, names: &[&str], what: &str) {
    let Err(error) = result else {
        panic!("{what}: accepted");
    };
    for name in names {
        assert!(error.problem.contains(name), "{what}: {:?}", error.problem);
    }
    for sentence in [&error.problem, &error.remedy] {
        let whole = sentence.starts_with(|c: char| !c.is_whitespace()) && sentence.ends_with('.');
        assert!(whole && !sentence.contains('\n'), "{what}: {sentence:?}");
    }
}

fn refuse(checkpoint: &Checkpoint, names: &[&str], what: &str) {
    assert_refused(checkpoint.load(), names, what);
}
