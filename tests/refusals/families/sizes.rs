//! Sizes that do not fit the tensors: those of a class where a config has none, and those that are written.

use serde_json::json;

use super::{alter, altered};
use crate::refuse;
use crate::support::Checkpoint;

/// What config.json lacks is what the family's class has by default: sizes so large that the tensors do not
/// fit, which the error says.
#[test]
fn the_defaults_are_those_of_each_class() {
    for (name, key, problem) in [
        ("mistral", "num_key_value_heads", "num_key_value_heads = 8"),
        ("ministral", "num_key_value_heads", "num_key_value_heads = 8"),
        ("qwen2", "num_key_value_heads", "num_key_value_heads = 32"),
        ("qwen3", "num_key_value_heads", "num_key_value_heads = 32"),
        ("gemma", "num_key_value_heads", "num_key_value_heads = 16"),
        ("stablelm", "num_key_value_heads", "num_key_value_heads = 32"),
        ("helium", "num_key_value_heads", "num_key_value_heads = 20"),
        ("exaone4", "num_key_value_heads", "num_key_value_heads = 32"),
        ("seed-oss", "num_key_value_heads", "num_key_value_heads = 8"),
        // 4 and 2, where the files have 2 and 1.
        ("gemma2", "num_key_value_heads", "k_proj.weight"),
        ("smollm3", "num_key_value_heads", "k_proj.weight"),
        ("starcoder2", "num_key_value_heads", "k_proj.weight"),
        ("qwen3", "head_dim", "[512,"),
        ("gemma", "head_dim", "[1024,"),
        ("gemma2", "head_dim", "[1024,"),
        ("gemma3", "head_dim", "[256]"),
        ("helium", "head_dim", "[512,"),
        ("seed-oss", "head_dim", "[512,"),
        ("glm4", "head_dim", "[512,"),
        // Of a text_config everything has a default.
        ("gemma3", "vocab_size", "262208"),
        ("gemma3", "hidden_size", "2304"),
        ("gemma3", "intermediate_size", "9216"),
        ("gemma3", "num_hidden_layers", "layers.2."),
        ("gemma3", "num_attention_heads", "[48,"),
        ("gemma3", "num_key_value_heads", "[24,"),
        ("opt", "max_position_embeddings", "[2050,"),
        ("gpt-bigcode", "n_positions", "[1024,"),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        alter(&checkpoint, |fields| {
            assert!(fields.remove(key).is_some(), "{name} has no {key}")
        });
        refuse(&checkpoint, &[problem], &format!("{name} without {key}"));
    }
}

/// A head_dim that is written counts, and no fixture's heads are 12 wide.
#[test]
fn a_width_of_heads_that_is_written_counts() {
    for name in [
        "cohere",
        "cohere2",
        "smollm3",
        "granite",
        "starcoder2",
        "glm",
        "glm4",
        "helium",
        "exaone4",
        "apertus",
        "olmo",
        "olmo2",
        "olmo3",
        "phi",
        "phi3",
        "qwen2",
        "qwen3",
        "mistral",
        "ministral",
        "nemotron",
        "arcee",
        "seed-oss",
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3-text",
    ] {
        let checkpoint = altered(name, "head_dim", &json!(12));
        refuse(&checkpoint, &["shape"], name);
    }
    // A pattern that is a word needs the list that it stands for.
    let checkpoint = Checkpoint::copy_of("exaone4");
    checkpoint.config(|fields| _ = fields.remove("layer_types"));
    refuse(&checkpoint, &["sliding_window_pattern"], "exaone4");
    // Falcon's oldest names of sizes are not read.
    let checkpoint = Checkpoint::copy_of("falcon");
    checkpoint.config(|fields| {
        let layers = fields.remove("num_hidden_layers").unwrap();
        fields.insert("n_layer".to_string(), layers);
    });
    refuse(&checkpoint, &["num_hidden_layers"], "falcon");
}
