//! Lists of what each layer is.

use serde_json::{Value, json};

use super::{alter, altered};
use crate::refuse;

/// The lists of layers, in every family that has one.
#[test]
fn a_list_of_layers_that_does_not_fit_is_refused() {
    for name in [
        "ministral",
        "qwen2-window",
        "qwen3-window",
        "gemma2",
        "gemma3",
        "gemma3-text",
        "olmo3",
        "smollm3",
        "cohere2",
        "exaone4",
    ] {
        let layers = layers(name);
        let listed = |kind: &str| json!(vec![kind; layers]);
        let mut long = vec!["full_attention"; layers];
        long.push("full_attention");
        refuse(
            &altered(name, "layer_types", &json!(long)),
            &["layer_types has"],
            name,
        );
        for kind in ["linear_attention", "chunked_attention", "mamba", "local"] {
            let checkpoint = altered(name, "layer_types", &listed(kind));
            refuse(
                &checkpoint,
                &[&format!("layer_types = {kind}")],
                &format!("{name}: {kind}"),
            );
        }
        // A layer that has a window, and no window to have.
        let checkpoint = altered(name, "layer_types", &listed("sliding_attention"));
        alter(&checkpoint, |fields| {
            _ = fields.insert("sliding_window".to_string(), Value::Null)
        });
        refuse(&checkpoint, &["sliding_window"], name);
        if name.starts_with("qwen") {
            let checkpoint = altered(name, "layer_types", &listed("sliding_attention"));
            checkpoint.set("use_sliding_window", json!(false));
            refuse(&checkpoint, &["use_sliding_window"], name);
        }
    }
    // Everywhere else kinds of layers are refused as such.
    for name in [
        "llama", "gpt-neox", "phi3", "granite", "nemotron", "bloom", "olmo2",
    ] {
        let checkpoint = altered(
            name,
            "layer_types",
            &json!(["linear_attention", "full_attention"]),
        );
        refuse(&checkpoint, &["layer_types"], name);
    }
}

fn layers(name: &str) -> usize {
    crate::support::Reference::read(name).layers
}
