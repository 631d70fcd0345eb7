//! Rotary positions: how fast, of which part of a head, in which layers, and up to which length.

use logit_lens::decoder::{Attention, Decoder, Frequencies};
use serde_json::{Map, Value, json};

use super::{described, of_blocks, with, without};
use crate::support::{Checkpoint, load};

/// How fast the second pair of each block's heads turns, and the factor on what is turned; `None` without
/// positions.
fn second(decoder: &Decoder) -> Vec<Option<(f64, f64)>> {
    let of = |attention: &Attention| {
        let rotary = attention.rotary.as_ref()?;
        let frequency = match &rotary.frequencies {
            Frequencies::Fixed(frequencies) => frequencies[1],
            Frequencies::Linear { plain, factor } => plain[1] / factor,
            other => panic!("{other:?}"),
        };
        Some((frequency, rotary.factor))
    };
    of_blocks(decoder, of)
}

fn assert_turns(found: &[Option<(f64, f64)>], expected: &[Option<(f64, f64)>], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs();
        let same = match (found, expected) {
            (Some(a), Some(b)) => near(a.0, b.0) && near(a.1, b.1),
            (a, b) => a == b,
        };
        assert!(same, "{what}: {found:?}, not {expected:?}");
    }
}

/// The plain frequency of the second of `dims / 2` pairs.
fn plain(theta: f64, dims: f64) -> Option<(f64, f64)> {
    Some((theta.powf(-2. / dims), 1.))
}

#[test]
fn each_kind_of_layer_has_its_own_positions() {
    let scaled = |theta: f64, dims: f64| plain(theta, dims).map(|(f, factor)| (f / 4., factor));
    // Gemma 3: the scaling is that of layers that see everything, and so is rope_theta.
    for (name, dims) in [("gemma3-nested", 6.), ("gemma3-text-nested", 8.)] {
        assert_turns(
            &second(&load(name).decoder),
            &[plain(10., dims), scaled(50., dims)],
            name,
        );
    }
    assert_turns(
        &second(&load("gemma3").decoder),
        &[plain(1e4, 6.), scaled(50., 6.)],
        "gemma3",
    );
    let local = with("gemma3", "rope_local_base_freq", json!(20.0));
    assert_turns(
        &second(&local),
        &[plain(20., 6.), scaled(50., 6.)],
        "rope_local_base_freq",
    );
    assert_turns(
        &second(&without("gemma3", "rope_theta")),
        &[plain(1e4, 6.), scaled(1e6, 6.)],
        "no rope_theta",
    );
    // rope_scaling beside an object for each kind is merged into that of the full layers.
    let merged = with(
        "gemma3-text-nested",
        "rope_scaling",
        json!({"rope_type": "linear", "factor": 8.0}),
    );
    let expected = [plain(10., 8.), plain(50., 8.).map(|(f, factor)| (f / 8., factor))];
    assert_turns(&second(&merged), &expected, "merged");

    // OLMo 3: a rope_theta outside is that of the full layers only, as is yarn.
    let olmo3 = second(&load("olmo3").decoder);
    let sliding: Vec<_> = olmo3
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != 3)
        .map(|(_, rope)| *rope)
        .collect();
    assert_turns(&sliding, &[plain(5e5, 8.); 4], "olmo3");
    assert!((olmo3[3].unwrap().1 - 1.2).abs() < 1e-12, "attention_factor");
    let nested = second(&load("olmo3-nested").decoder);
    assert_turns(&nested[1..], &[plain(100., 8.)], "olmo3-nested");

    // Positions in some layers only.
    let turned = |decoder: &Decoder| of_blocks(decoder, |attention| attention.rotary.is_some());
    assert_eq!(turned(&load("smollm3").decoder), [true, false, true]);
    assert_eq!(turned(&without("smollm3", "no_rope_layers")), [true; 3]);
    let every_second = described("smollm3", |fields| {
        fields.remove("no_rope_layers");
        fields.insert("no_rope_layer_interval".to_string(), json!(2));
    });
    assert_eq!(turned(&every_second), [true, false, true]);
    assert_eq!(turned(&load("cohere2").decoder), [true, true, false]);
    assert_eq!(turned(&load("exaone4").decoder), [true, false, true]);
    assert_eq!(turned(&load("exaone4-full").decoder), [true; 2]);
    assert_eq!(turned(&load("falcon-rw").decoder), [false; 2]);
}

#[test]
fn thetas_are_those_of_each_class() {
    let dims = |name: &str| {
        load(name).decoder.blocks[0]
            .attention
            .rotary
            .as_ref()
            .unwrap()
            .dims as f64
    };
    for (name, key, theta) in [
        ("llama", "rope_parameters", 1e4),
        ("mistral", "rope_theta", 1e4),
        ("qwen2", "rope_theta", 1e4),
        ("gemma", "rope_theta", 1e4),
        ("gemma2", "rope_theta", 1e4),
        ("phi3", "rope_theta", 1e4),
        ("olmo", "rope_theta", 1e4),
        ("granite", "rope_theta", 1e4),
        ("starcoder2", "rope_theta", 1e4),
        ("smollm3", "rope_theta", 2e6),
        ("cohere", "rope_theta", 5e5),
        ("cohere2", "rope_theta", 1e4),
        ("helium", "rope_theta", 1e5),
    ] {
        let default = second(&without(name, key))[0];
        assert_turns(&[default], &[plain(theta, dims(name))], name);
    }
    // GPT-NeoX has a name of its own, and does not read the usual one; GPT-J's is fixed.
    let neox = with("gpt-neox", "rotary_emb_base", json!(500.0));
    assert_turns(&second(&neox)[..1], &[plain(500., 4.)], "rotary_emb_base");
    assert_turns(
        &second(&with("gpt-neox", "rope_theta", json!(500.0)))[..1],
        &[plain(1e4, 4.)],
        "rope_theta",
    );
    assert_turns(&second(&load("gptj").decoder)[..1], &[plain(1e4, 4.)], "gptj");
    // Apertus has whole positions by default, which a rope_theta alone does not change.
    let apertus = |theta: Option<f64>| {
        described("apertus", |fields| {
            fields.remove("rope_scaling");
            match theta {
                Some(theta) => fields.insert("rope_theta".to_string(), json!(theta)),
                None => fields.remove("rope_theta"),
            };
        })
    };
    assert_eq!(second(&apertus(None)), second(&apertus(Some(300.))));
}

#[test]
fn the_part_of_a_head_that_is_turned_is_that_of_each_class() {
    let dims = |decoder: &Decoder| decoder.blocks[0].attention.rotary.as_ref().unwrap().dims;
    assert_eq!(dims(&load("gpt-neox").decoder), 4);
    assert_eq!(dims(&with("gpt-neox", "rotary_pct", json!(0.5))), 8);
    assert_eq!(dims(&without("gpt-neox", "rotary_pct")), 4);
    assert_eq!(dims(&load("phi").decoder), 4);
    // Inside it wins over outside; absent, it is the class's.
    let inside = json!({"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 0.8});
    assert_eq!(dims(&with("phi", "rope_parameters", inside)), 8);
    let stablelm = json!({"rope_type": "default", "rope_theta": 100.0});
    assert_eq!(dims(&with("stablelm", "rope_scaling", stablelm)), 4);
    assert_eq!(dims(&without("stablelm", "partial_rotary_factor")), 2);
    assert_eq!(dims(&without("nemotron", "partial_rotary_factor")), 4);
    assert_eq!(dims(&load("glm4").decoder), 4);
}

/// Of which lengths are the limit, and which are not.
#[test]
fn the_context_is_what_the_model_can_read() {
    let context = |name: &str| load(name).card.context;
    assert_eq!(context("bloom"), None, "alibi has no end");
    assert_eq!(context("falcon-rw"), None, "alibi has no end");
    assert_eq!(
        context("opt"),
        Some(32),
        "two rows of the table are no position's"
    );
    for name in ["mpt", "gptj", "codegen", "gpt-neo", "gpt-bigcode"] {
        assert_eq!(context(name), Some(32), "{name}");
    }
    assert_eq!(context("olmo3"), Some(256), "stretched already");
}

/// What reads the same field in two places, and which of the two counts.
#[test]
fn yarn_is_cut_to_whole_pairs_where_there_is_one_rope_only() {
    let truncated = |name: &str, truncate: bool| {
        second(&described(name, |fields| {
            fields["rope_scaling"]["truncate"] = json!(truncate)
        }))
    };
    let pairs = |decoder: &Decoder| match &decoder.blocks[0].attention.rotary.as_ref().unwrap().frequencies {
        Frequencies::Fixed(frequencies) => frequencies.clone(),
        other => panic!("{other:?}"),
    };
    let flat = |truncate: bool| {
        let change = |fields: &mut Map<String, Value>| fields["rope_scaling"]["truncate"] = json!(truncate);
        pairs(&described("llama-yarn-mscale", change))
    };
    assert!(flat(true) != flat(false));
    assert_eq!(truncated("olmo3", true), truncated("olmo3", false));
}

/// Where rope has an object for each kind of layer, the length outside of them is not read; where there is one
/// object for all, it counts for more than the one inside.
#[test]
fn the_original_length_is_looked_for_where_transformers_does() {
    let turned = |name: &str, original: Option<u64>| {
        let checkpoint = Checkpoint::copy_of(name);
        if let Some(original) = original {
            checkpoint.set("original_max_position_embeddings", original.into());
        }
        let decoder = checkpoint.load().unwrap().decoder;
        let rotaries = decoder.blocks.iter().map(|block| &block.attention.rotary);
        format!("{:?}", rotaries.collect::<Vec<_>>())
    };
    assert_eq!(turned("olmo3-nested", None), turned("olmo3-nested", Some(8)));
    assert_ne!(turned("qwen2-yarn", None), turned("qwen2-yarn", Some(8)));
}
