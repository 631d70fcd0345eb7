//! Which layers have a window, and how wide it is.

use logit_lens::analysis::verify::{Way, verify};
use logit_lens::decoder::Decoder;
use logit_lens::lens::Request;
use serde_json::{Value, json};

use super::{PROMPT, described, logits, of_blocks, with, without};
use crate::support::{Checkpoint, load};

fn windows(decoder: &Decoder) -> Vec<Option<usize>> {
    of_blocks(decoder, |attention| attention.window)
}

#[test]
fn an_absent_window_is_the_default_and_null_is_none() {
    for name in [
        "mistral",
        "ministral",
        "cohere2",
        "gemma2",
        "gemma3",
        "olmo3",
        "qwen2-window",
    ] {
        let as_stored = windows(&load(name).decoder);
        assert!(as_stored.contains(&Some(4)), "{name}");
        let default = as_stored.iter().map(|window| window.map(|_| 4096));
        assert!(default.eq(windows(&without(name, "sliding_window"))), "{name}");
    }
    for name in ["phi3", "starcoder2"] {
        assert!(
            windows(&without(name, "sliding_window"))
                .iter()
                .all(Option::is_none),
            "{name}"
        );
    }
    for name in ["mistral", "phi3", "starcoder2"] {
        assert!(
            windows(&with(name, "sliding_window", Value::Null))
                .iter()
                .all(Option::is_none),
            "{name}"
        );
    }
    // One window in all blocks, whatever a list says.
    let listed = with(
        "mistral",
        "layer_types",
        json!(["full_attention", "full_attention"]),
    );
    assert_eq!(windows(&listed), [Some(4); 2]);
}

#[test]
fn the_window_is_in_the_layers_that_the_pattern_says() {
    let (on, off) = (Some(4), None);
    // max_window_layers is the first with one; 28 where it is absent.
    assert_eq!(windows(&load("qwen2-window").decoder), [off, on, on]);
    assert_eq!(
        windows(&with("qwen2-window", "max_window_layers", json!(0))),
        [on; 3]
    );
    assert_eq!(
        windows(&with("qwen2-window", "max_window_layers", json!(2))),
        [off, off, on]
    );
    assert_eq!(windows(&without("qwen2-window", "max_window_layers")), [off; 3]);
    assert_eq!(
        windows(&with("qwen2-window", "use_sliding_window", json!(false))),
        [off; 3]
    );
    // Gemma 2 begins with one; of six of Gemma 3 the last has none, of four of the others.
    assert_eq!(windows(&load("gemma2").decoder), [on, off, on]);
    assert_eq!(windows(&load("gemma3").decoder), [on, off]);
    assert_eq!(windows(&without("gemma3", "sliding_window_pattern")), [on, on]);
    assert_eq!(windows(&load("olmo3").decoder), [on, on, on, off, on]);
    assert_eq!(windows(&without("cohere2", "sliding_window_pattern")), [on; 3]);
    // SmolLM3's list alone says it, whatever use_sliding_window does.
    let listed = described("smollm3", |fields| {
        fields.insert("layer_types".to_string(), json!(vec!["sliding_attention"; 3]));
        fields.insert("sliding_window".to_string(), json!(4));
    });
    assert_eq!(windows(&listed), [on; 3]);
    // A list wins over any pattern.
    let listed = json!(["full_attention", "sliding_attention", "full_attention"]);
    for name in ["gemma2", "cohere2", "qwen2-window"] {
        assert_eq!(
            windows(&with(name, "layer_types", listed.clone())),
            [off, on, off],
            "{name}"
        );
    }
    // Older names, and GPT-Neo's: the list of layers wins over the pairs.
    assert_eq!(
        windows(&with("gemma2", "layer_types", json!(vec!["attention"; 3]))),
        [off; 3]
    );
    assert_eq!(windows(&load("gpt-neo").decoder), [off, on, off]);
    assert_eq!(
        windows(&with("gpt-neo", "attention_layers", json!(vec!["local"; 3]))),
        [on; 3]
    );
    assert_eq!(windows(&without("gpt-neo", "attention_layers")), [off, on, off]);
    assert_eq!(windows(&without("gpt-neo", "window_size")), [off, Some(256), off]);
}

/// Windows down to a single key agree in both forms of the computation.
#[test]
fn a_window_of_any_width_is_computed_the_same_in_both_ways() {
    let mut seen: Vec<Vec<f32>> = Vec::new();
    for window in [1, 2, 4, 5, 64] {
        let checkpoint = Checkpoint::copy_of("mistral");
        checkpoint.set("sliding_window", json!(window));
        let model = checkpoint.load().unwrap();
        assert_eq!(windows(&model.decoder), [Some(window); 2]);
        let request = Request {
            top_k: 10,
            ..Request::default()
        };
        let trajectory = &model.read(&[PROMPT], &request).unwrap()[0];
        let found = verify(
            &model.decoder,
            &trajectory.prompt.ids,
            &trajectory.output[0],
            Way::Plain,
        )
        .unwrap();
        assert!(found.logit < 1e-4, "{window}: {found:?}");
        let logits = logits(&model);
        assert!(!seen.contains(&logits), "{window} is another width's");
        seen.push(logits);
    }
}
