//! What a config comes to where no small checkpoint's logits could tell: windows longer than any prompt,
//! what is absent against what is null, which layer has which positions, what is skipped.

use logit_lens::analysis::verify::verify;
use logit_lens::decoder::{Attention, Decoder, Frequencies, Residual};
use logit_lens::lens::Request;
use logit_lens::model::Model;
use safetensors::Dtype;
use serde_json::{Map, Value, json};

use crate::support::{Checkpoint, Reference, fixture, fixtures, load};

const PROMPT: &str = "The Eiffel Tower is in the city of";

/// The decoder of a fixture whose config, or the decoder's part of it, was changed.
fn described(name: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Decoder {
    let checkpoint = Checkpoint::copy_of(name);
    checkpoint.config(|fields| match fields.get_mut("text_config") {
        Some(inner) => change(inner.as_object_mut().unwrap()),
        None => change(fields),
    });
    match checkpoint.load() {
        Ok(model) => model.decoder,
        Err(error) => panic!("{name}: {error}"),
    }
}

fn without(name: &str, key: &str) -> Decoder {
    described(name, |fields| {
        assert!(fields.remove(key).is_some(), "{name} has no {key}")
    })
}

fn with(name: &str, key: &str, value: Value) -> Decoder {
    described(name, |fields| _ = fields.insert(key.to_string(), value))
}

fn of_blocks<T>(decoder: &Decoder, part: impl Fn(&Attention) -> T) -> Vec<T> {
    decoder
        .blocks
        .iter()
        .map(|block| part(&block.attention))
        .collect()
}

fn windows(decoder: &Decoder) -> Vec<Option<usize>> {
    of_blocks(decoder, |attention| attention.window)
}

/// The logits of the last token of the prompt, by id.
fn logits(model: &Model) -> Vec<f32> {
    let request = Request {
        top_k: model.card.vocabulary,
        ..Request::default()
    };
    let mut top = model.read(&[PROMPT], &request).unwrap()[0].output[0].top.clone();
    top.sort_by_key(|candidate| candidate.id);
    top.iter().map(|candidate| candidate.logit).collect()
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

#[test]
fn scales_and_caps_are_the_defaults_where_they_are_absent() {
    let caps = |decoder: &Decoder| (decoder.blocks[0].attention.cap, decoder.unembed.cap);
    assert_eq!(caps(&load("gemma2").decoder), (Some(1.5), Some(4.)));
    assert_eq!(
        caps(&without("gemma2", "attn_logit_softcapping")),
        (Some(50.), Some(4.))
    );
    assert_eq!(
        caps(&without("gemma2", "final_logit_softcapping")),
        (Some(1.5), Some(30.))
    );
    assert_eq!(
        caps(&with("gemma2", "attn_logit_softcapping", Value::Null)),
        (None, Some(4.))
    );
    assert_eq!(
        caps(&with("gemma2", "final_logit_softcapping", Value::Null)),
        (Some(1.5), None)
    );
    assert_eq!(
        caps(&without("gemma3-text-nested", "final_logit_softcapping")),
        (None, None)
    );

    let scale = |decoder: &Decoder| decoder.blocks[0].attention.scale;
    for name in ["gemma2", "gemma3"] {
        assert_eq!(scale(&without(name, "query_pre_attn_scalar")), 1. / 16., "{name}");
    }
    // Of each head's width, but for GPT-Neo, and Granite, whose default is 1.
    assert_eq!(scale(&load("gpt-neo").decoder), 1.);
    assert_eq!(scale(&without("granite", "attention_multiplier")), 1.);
    assert_eq!(
        scale(&with("gpt-bigcode", "scale_attn_weights", json!(false))),
        1.
    );
    assert!((scale(&load("gpt-bigcode").decoder) - 0.5).abs() < 1e-12);

    let granite = load("granite").decoder;
    assert_eq!(
        (granite.embedding.scale, granite.blocks[0].branch_scale),
        (3., 0.4)
    );
    assert!((granite.unembed.scale - 1. / 2.5).abs() < 1e-12);
    assert_eq!(without("granite", "logits_scaling").unembed.scale, 1.);
    for name in ["cohere", "cohere2"] {
        assert_eq!(without(name, "logit_scale").unembed.scale, 0.0625, "{name}");
    }
    // Gemma's rows of the table are scaled by the width as they enter, and not as the head.
    let gemma = load("gemma").decoder;
    assert_eq!((gemma.embedding.scale, gemma.unembed.scale), (24f64.sqrt(), 1.));
}

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

#[test]
fn the_residual_is_that_of_the_flags() {
    let residual = |decoder: &Decoder| decoder.blocks[0].residual;
    for (name, expected) in [
        ("gpt-neox", Residual::Parallel),
        ("gpt-neox-sequential", Residual::Sequential),
        ("gptj", Residual::Shared),
        ("codegen", Residual::Shared),
        ("phi", Residual::Shared),
        ("cohere", Residual::Shared),
        ("cohere2", Residual::Shared),
        ("falcon", Residual::Shared),
        ("falcon-40b", Residual::Parallel),
        ("falcon-11b", Residual::Shared),
        ("falcon-rw", Residual::Sequential),
        ("stablelm", Residual::Sequential),
        ("stablelm-parallel", Residual::Shared),
        ("opt", Residual::Sequential),
        ("opt-350m", Residual::NormedSums),
        ("olmo2", Residual::Sequential),
    ] {
        assert_eq!(residual(&load(name).decoder), expected, "{name}");
    }
    assert_eq!(
        residual(&without("gpt-neox", "use_parallel_residual")),
        Residual::Parallel
    );
}

/// The first two rows of OPT's table of positions are no position's.
#[test]
fn the_first_rows_of_opts_positions_do_nothing() {
    const ROW: usize = 16 * 2;
    let stored = logits(&load("opt"));
    let altered = |rows: std::ops::Range<usize>| {
        let checkpoint = Checkpoint::copy_of("opt");
        checkpoint.tensors(|tensors| {
            let table = tensors
                .iter_mut()
                .find(|(name, _)| name.ends_with("embed_positions.weight"))
                .unwrap()
                .1;
            assert_eq!((table.dtype, table.shape.as_slice()), (Dtype::F16, &[34, 16][..]));
            table.data[rows.start * ROW..rows.end * ROW].fill(0x3f);
        });
        logits(&checkpoint.load().unwrap())
    };
    assert!(altered(0..2) == stored);
    assert!(altered(2..3) != stored);
}

/// What a file of a whole model holds besides its decoder is skipped: Gemma 3's towers, masks of older
/// versions, in bytes that are no numbers.
#[test]
fn what_is_no_part_of_the_decoder_is_skipped() {
    for (name, part, dtype) in [
        ("gemma3", "vision_tower.", Dtype::BF16),
        ("gemma3", "multi_modal_projector.", Dtype::BF16),
        ("gemma3-nested", "vision_tower.", Dtype::F16),
        ("gpt-neox", "attention.bias", Dtype::BOOL),
        ("gpt-neox", "attention.masked_bias", Dtype::F32),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        let tensors = checkpoint.read("model.safetensors");
        let skipped: Vec<_> = tensors
            .iter()
            .filter(|(tensor, _)| tensor.contains(part))
            .collect();
        assert!(
            skipped.iter().any(|(_, stored)| stored.dtype == dtype),
            "{name} {part}"
        );
        let whole = logits(&load(name));
        checkpoint.tensors(|t| t.retain(|tensor, _| !tensor.contains(part)));
        assert!(logits(&checkpoint.load().unwrap()) == whole, "{name} {part}");
    }
}

/// A tied model that stores a head of its own uses it; one that is not tied must store one.
#[test]
fn a_head_beside_a_tied_embedding_counts() {
    let mut tied = 0;
    for name in &fixtures() {
        let checkpoint = Checkpoint::copy_of(name);
        if !checkpoint.file("model.safetensors").exists() {
            continue;
        }
        let is_head = |tensor: &str| tensor.ends_with("lm_head.weight") || tensor == "embed_out.weight";
        let tensors = checkpoint.read("model.safetensors");
        if let Some(head) = tensors.keys().find(|tensor| is_head(tensor)) {
            let text = std::fs::read_to_string(fixture(name).join("config.json")).unwrap();
            let config: Value = serde_json::from_str(&text).unwrap();
            if config["tie_word_embeddings"] == false {
                checkpoint.tensors(|t| _ = t.remove(head));
                let error = checkpoint.load().map(|_| ()).unwrap_err();
                assert!(error.problem.contains(head.as_str()), "{name}: {error}");
            }
            continue;
        }
        tied += 1;
        let shared = logits(&load(name));
        let table = |tensor: &str| {
            [
                "wte.weight",
                "embed_tokens.weight",
                "word_embeddings.weight",
                "embed_in.weight",
            ]
            .iter()
            .any(|table| tensor.ends_with(table))
        };
        let embedding = tensors
            .iter()
            .find(|(tensor, _)| table(tensor))
            .unwrap()
            .1
            .clone();
        checkpoint.tensors(|t| _ = t.insert("lm_head.weight".to_string(), embedding.clone()));
        assert!(logits(&checkpoint.load().unwrap()) == shared, "{name}: the same");
        checkpoint.tensors(|t| {
            let mut other = embedding;
            // Another row of the table for each id.
            let row = other.data.len() / other.shape[0];
            other.data.rotate_left(row);
            t.insert("lm_head.weight".to_string(), other);
        });
        assert!(logits(&checkpoint.load().unwrap()) != shared, "{name}: another");
    }
    assert!(tied > 10, "{tied} tied fixtures");
}

/// Ids beyond the tokenizer's are rows like any other.
#[test]
fn rows_beyond_the_tokenizer_have_logits_and_a_label() {
    let mut beyond = 0;
    for name in &fixtures() {
        let model = load(name);
        let vocabulary = model.card.vocabulary as u32;
        for id in model.tokens.len() as u32..vocabulary {
            beyond += 1;
            assert_eq!(model.tokens.label(id), format!("<id {id}>"), "{name}");
        }
        assert_eq!(logits(&model).len(), vocabulary as usize, "{name}");
        assert!(Reference::read(name).layers > 0);
    }
    assert!(beyond > 0, "no fixture has rows beyond its tokenizer");
}

/// A flag that config.json leaves out is what the class has.
#[test]
fn flags_are_those_of_each_class() {
    for (name, key) in [
        ("seed-oss", "attention_bias"),
        ("seed-oss", "attention_out_bias"),
        ("starcoder2", "use_bias"),
        ("gpt-neox", "use_parallel_residual"),
        ("gpt-neox", "tie_word_embeddings"),
        ("falcon", "multi_query"),
        ("falcon", "parallel_attn"),
        ("falcon", "new_decoder_architecture"),
        ("falcon", "alibi"),
        ("falcon", "bias"),
        ("opt", "do_layer_norm_before"),
        ("opt", "_remove_final_layer_norm"),
        ("opt", "word_embed_proj_dim"),
        ("phi", "qk_layernorm"),
        ("cohere", "use_qk_norm"),
        ("gpt-bigcode", "multi_query"),
        ("mpt", "attn_config"),
        ("gemma", "hidden_act"),
        ("gemma2", "hidden_activation"),
        ("arcee", "hidden_act"),
        ("nemotron", "hidden_act"),
        ("opt", "activation_function"),
        ("gpt-neo", "activation_function"),
        ("falcon-40b", "multi_query"),
        ("gemma3-nested", "tie_word_embeddings"),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.config(|fields| assert!(fields.remove(key).is_some(), "{name} has no {key}"));
        assert!(
            logits(&checkpoint.load().unwrap()) == logits(&load(name)),
            "{name} without {key}"
        );
    }
    // A field of another class of the same line is not read.
    for (name, key) in [("gemma", "hidden_activation"), ("gemma2", "hidden_act")] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.set(key, json!("silu"));
        assert!(
            logits(&checkpoint.load().unwrap()) == logits(&load(name)),
            "{name}: {key}"
        );
    }
    // MPT's clip of 0 is none.
    let clip = |value: Value| {
        described("mpt", |fields| fields["attn_config"]["clip_qkv"] = value).blocks[0]
            .attention
            .clip
    };
    assert_eq!((clip(json!(0)), clip(json!(6))), (None, Some(6.)));
}

#[test]
fn epsilons_are_those_of_each_class() {
    for (name, key, eps) in [
        ("llama", "rms_norm_eps", 1e-6),
        ("mistral", "rms_norm_eps", 1e-6),
        ("qwen2", "rms_norm_eps", 1e-6),
        ("gemma", "rms_norm_eps", 1e-6),
        ("gemma3-text-nested", "rms_norm_eps", 1e-6),
        ("phi3", "rms_norm_eps", 1e-5),
        ("olmo3", "rms_norm_eps", 1e-5),
        ("glm4", "rms_norm_eps", 1.5625e-7),
        ("helium", "rms_norm_eps", 1e-8),
        ("granite", "rms_norm_eps", 1e-6),
        ("smollm3", "rms_norm_eps", 1e-6),
        ("exaone4", "rms_norm_eps", 1e-5),
        ("apertus", "rms_norm_eps", 1e-5),
        ("gpt-neox", "layer_norm_eps", 1e-5),
        ("phi", "layer_norm_eps", 1e-5),
        ("cohere", "layer_norm_eps", 1e-5),
        ("stablelm", "layer_norm_eps", 1e-5),
        ("starcoder2", "norm_epsilon", 1e-5),
        ("nemotron", "norm_eps", 1e-5),
        ("gptj", "layer_norm_epsilon", 1e-5),
        ("bloom", "layer_norm_epsilon", 1e-5),
        ("falcon", "layer_norm_epsilon", 1e-5),
    ] {
        assert_eq!(without(name, key).unembed.norm.unwrap().eps, eps, "{name}");
    }
    // Fixed, whatever a config says.
    for name in ["olmo", "opt"] {
        let decoder = with(name, "rms_norm_eps", json!(0.5));
        assert_eq!(decoder.unembed.norm.unwrap().eps, 1e-5, "{name}");
    }
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
        let found = verify(&model.decoder, &trajectory.prompt.ids, &trajectory.output[0]).unwrap();
        assert!(found.logit < 1e-4, "{window}: {found:?}");
        let logits = logits(&model);
        assert!(!seen.contains(&logits), "{window} is another width's");
        seen.push(logits);
    }
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
