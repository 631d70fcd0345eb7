//! The tokenizers of GGUF files.

use logit_lens::source::gguf;

use super::{TEXT, U32, asset, file, load, place, text, value, with_pair};
use crate::assert_refused;
use crate::support::gguf::{Value, with_tokenizer};

/// Each way to cut such a token is tried, so a file of long ones would take hours.
#[test]
fn a_token_longer_than_any_is_refused() {
    let whole = file("gemma2");
    let (from, long) = (text("The"), "x".repeat(600));
    let at = place(&whole, &from);
    let bytes = [&whole[..at], &text(&long), &whole[at + from.len()..]].concat();
    assert_refused(
        load(bytes),
        &["model.gguf", "a token of 600 bytes"],
        "a long token",
    );
}

/// A small file of such tokens would become gigabytes of merges.
#[test]
fn tokens_that_are_put_together_in_more_ways_than_any_are_refused() {
    let tokens: Vec<String> = (1..=400).map(|length| "a".repeat(length)).collect();
    let file = |tokens: &[String], score: f32| {
        with_tokenizer(vec![
            ("model", "llama".into()),
            ("tokens", Value::texts(tokens)),
            ("scores", Value::Numbers(vec![score; tokens.len()])),
        ])
    };
    let model = |file: Vec<u8>| gguf::model("model.gguf", vec![asset(file)]);
    assert!(model(file(&tokens[..8], 0.)).is_ok());
    assert_refused(
        model(file(&tokens, 0.)),
        &["model.gguf", "in more ways than any vocabulary's"],
        "ways",
    );
    assert_refused(
        model(file(&tokens[..8], f32::NAN)),
        &["model.gguf", "scores are not one finite number"],
        "scores",
    );
}

#[test]
fn a_turns_end_ends_a_text() {
    let turn = with_pair(
        &file("llama"),
        "tokenizer.ggml.eot_token_id",
        &value(U32, &[7, 0, 0, 0]),
    );
    assert!(load(turn).unwrap().generation.eos.contains(&7));
}

/// As of the models that have these splits: their tokenizers compose characters first, and GPT-2's does not.
#[test]
fn splits_compose_characters_where_their_models_do() {
    let whole = file("gpt2");
    let ids = |pre: &str, prompt: &str| {
        let at = place(&whole, &text("gpt-2"));
        let renamed = [&whole[..at], &text(pre), &whole[at + text("gpt-2").len()..]].concat();
        // A shorter name moves what follows: as much is added in front.
        let moved = renamed.len() as i64 - whole.len() as i64;
        let padding = "-".repeat((32 - moved - 8 - 7 - 4 - 8).rem_euclid(32) as usize);
        let pair = [text("padding"), value(TEXT, &text(&padding))].concat();
        let count = u64::from_le_bytes(renamed[16..24].try_into().unwrap()) + 1;
        let file = [&renamed[..16], &count.to_le_bytes(), &pair, &renamed[24..]].concat();
        let model = load(file).unwrap_or_else(|e| panic!("{pre}: {e}"));
        model.prompt(prompt, Default::default()).unwrap().ids
    };
    for pre in ["olmo", "mpt", "command-r", "qwen2"] {
        assert_eq!(ids(pre, "e\u{301}"), ids(pre, "\u{e9}"), "{pre}");
    }
    assert_ne!(ids("gpt-2", "e\u{301}"), ids("gpt-2", "\u{e9}"));
}
