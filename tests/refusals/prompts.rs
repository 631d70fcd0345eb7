//! Prompts that do not fit the model.

use logit_lens::engine::Engine;
use logit_lens::error::Kind;
use logit_lens::lens::Request;
use logit_lens::text::prompt::Bos;
use serde_json::json;

use crate::assert_refused;
use crate::support::{Checkpoint, load};

pub fn request() -> Request {
    Request {
        top_k: 1,
        ..Request::default()
    }
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_and_one_that_just_fits_is_read() {
    let model = load("gpt2");
    let prompt = |tokens: usize| "The".to_string() + &" the".repeat(tokens - 1);
    assert_eq!(model.prompt(&prompt(24), Bos::Auto).unwrap().ids.len(), 24);
    assert!(model.read(&[&prompt(24)], &request()).is_ok());
    let error = model.read(&[&prompt(25)], &request()).unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    assert_refused(Err::<(), _>(error), &["25 tokens", "24"], "25 tokens");

    let error = model.prompt("", Bos::Auto).unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    assert_refused(Err::<(), _>(error), &["empty"], "no tokens");
}

#[test]
fn no_prompts_have_no_readings() {
    assert!(load("gpt2").read(&[], &request()).unwrap().is_empty());
}

#[test]
fn no_continuation_is_longer_than_the_context() {
    let model = load("gpt2");
    let prompt = model.prompt("The", Bos::Auto).unwrap();
    for count in [24, 1000, usize::MAX] {
        assert_refused(
            model.generate(&prompt, count),
            &["more than the model's context"],
            "too long",
        );
    }
}

/// A model that any length will do for holds what memory holds.
#[test]
fn no_continuation_is_longer_than_memory() {
    let model = load("bloom");
    let prompt = model.prompt("The", Bos::Auto).unwrap();
    for count in [1 << 40, usize::MAX] {
        assert_refused(
            model.generate(&prompt, count),
            &["Continuing a prompt"],
            "too long",
        );
    }
    assert_eq!(model.generate(&prompt, 2).unwrap().generated, 2);
}

#[test]
fn a_token_beyond_the_embedding_is_refused() {
    let checkpoint = Checkpoint::copy_of("gpt2");
    checkpoint.set("vocab_size", json!(300)).tensors(|t| {
        let wte = t.get_mut("wte.weight").unwrap();
        wte.shape[0] = 300;
        wte.data.truncate(300 * 12 * 4);
    });
    let model = checkpoint.load().unwrap();
    assert!(model.read(&["The"], &request()).is_ok());
    let result = model.read(&["The<|endoftext|>"], &request());
    assert_refused(result, &["302", "300 rows"], "an id of 302");
}
