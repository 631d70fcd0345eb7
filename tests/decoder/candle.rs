//! The numbers against those of candle-transformers, which nobody here wrote, of the families that it has.
//!
//! It reads fewer settings than lens does, so each case says which ones are taken away, from both sides.

use candle_core::{DType, Device, IndexOp, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models;
use logit_lens::lens::Request;
use serde_json::{Value, json};

use crate::numbers::{assert_near, logits};
use crate::support::{Checkpoint, Reference};

/// A checkpoint as candle-transformers is given it.
struct Given<'a> {
    /// The fields of config.json, with those that its types demand.
    config: Value,
    weights: VarBuilder<'a>,
}

impl Given<'_> {
    fn config<C: serde::de::DeserializeOwned>(&self) -> C {
        serde_json::from_value(self.config.clone()).unwrap()
    }

    fn weights(&self) -> VarBuilder<'_> {
        self.weights.clone()
    }
}

/// What it makes of the ids of a prompt, `[1, tokens]`: logits whose last dimension is the vocabulary and of
/// which the last row is the last token's.
type Theirs = fn(&Given, &Tensor) -> Result<Tensor>;

struct Case {
    fixture: &'static str,
    /// Fields set for both.
    both: fn() -> Value,
    /// Fields that its config must have, set for it alone.
    theirs: fn() -> Value,
    run: Theirs,
}

fn none() -> Value {
    json!({})
}

fn no_window() -> Value {
    json!({"sliding_window": null})
}

/// A case of each of its models that is right, where it is.
///
/// Wrong, or another model than `transformers` has, are:
/// - windows: one key too wide, and in every layer (`mistral`, `gemma2`, `starcoder2`), also where the config
///   has them switched off (`qwen2`); refused by `qwen3` and not read by `phi3`, `glm4`;
/// - `phi3` multiplies by LongRoPE's factors instead of dividing by them, `gemma2` and `gemma3` scale scores by
///   the width of a head whatever `query_pre_attn_scalar` says, `falcon` takes the tanh form of its activation
///   and has neither alibi nor the new architecture, `granite` has none of the four scales, and rope_scaling is
///   hardly ever read;
/// - `gemma3` fails on its own cache, `helium` wants a bias of the output that no file has, `phi` norms
///   queries before they are heads, `stable_lm` has no norms of heads and no block with its branches side by side;
/// - `mpt`'s config cannot be made outside of its crate;
/// - the other families it does not have.
const CASES: &[Case] = &[
    Case {
        fixture: "mistral",
        both: none,
        // Of a window of 4.
        theirs: || json!({"sliding_window": 3}),
        run: |given, ids| models::mistral::Model::new(&given.config(), given.weights())?.forward(ids, 0),
    },
    Case {
        fixture: "mistral-nemo",
        both: no_window,
        theirs: || json!({"num_key_value_heads": 8}),
        run: |given, ids| models::mistral::Model::new(&given.config(), given.weights())?.forward(ids, 0),
    },
    Case {
        fixture: "qwen2",
        both: none,
        theirs: || json!({"sliding_window": 4096}),
        run: |given, ids| {
            models::qwen2::ModelForCausalLM::new(&given.config(), given.weights())?.forward(ids, 0)
        },
    },
    Case {
        fixture: "qwen3",
        both: none,
        theirs: none,
        run: |given, ids| {
            models::qwen3::ModelForCausalLM::new(&given.config(), given.weights())?.forward(ids, 0)
        },
    },
    Case {
        fixture: "gemma",
        both: none,
        // It takes "gelu" for the exact form, which transformers does not.
        theirs: || json!({"hidden_act": "gelu_pytorch_tanh"}),
        run: |given, ids| models::gemma::Model::new(false, &given.config(), given.weights())?.forward(ids, 0),
    },
    Case {
        fixture: "gemma2",
        both: || json!({"sliding_window": 4096, "query_pre_attn_scalar": 8}),
        theirs: none,
        run: |given, ids| {
            models::gemma2::Model::new(false, &given.config(), given.weights())?.forward(ids, 0)
        },
    },
    Case {
        fixture: "phi",
        both: none,
        theirs: none,
        run: |given, ids| models::phi::Model::new(&given.config(), given.weights())?.forward(ids),
    },
    Case {
        fixture: "phi3",
        both: no_window,
        theirs: none,
        run: |given, ids| models::phi3::Model::new(&given.config(), given.weights())?.forward(ids, 0),
    },
    Case {
        fixture: "olmo",
        both: none,
        theirs: none,
        run: |given, ids| models::olmo::Model::new(&given.config(), given.weights())?.forward(ids, 0),
    },
    Case {
        fixture: "olmo-tied",
        both: none,
        theirs: none,
        run: |given, ids| models::olmo::Model::new(&given.config(), given.weights())?.forward(ids, 0),
    },
    Case {
        fixture: "olmo2",
        both: none,
        theirs: none,
        run: |given, ids| models::olmo2::Model::new(&given.config(), given.weights())?.forward(ids, 0),
    },
    Case {
        fixture: "starcoder2",
        both: none,
        // Of a window of 4.
        theirs: || json!({"sliding_window": 3}),
        run: |given, ids| models::starcoder2::Model::new(&given.config(), given.weights())?.forward(ids, 0),
    },
    Case {
        fixture: "glm4",
        both: none,
        theirs: || json!({"partial_rotary_factor": 0.5}),
        run: |given, ids| {
            models::glm4_new::ModelForCausalLM::new(&given.config(), given.weights())?.forward(ids, 0)
        },
    },
    Case {
        fixture: "granite",
        both: || {
            json!({"attention_multiplier": 0.5, "embedding_multiplier": 1.0, "logits_scaling": 1.0,
                "residual_multiplier": 1.0})
        },
        theirs: none,
        run: |given, ids| {
            let config: models::granite::GraniteConfig = given.config();
            let config = config.into_config(false);
            let mut cache = models::granite::Cache::new(false, DType::F32, &config, &Device::Cpu)?;
            models::granite::Granite::load(given.weights(), &config)?.forward(ids, 0, &mut cache)
        },
    },
    Case {
        fixture: "falcon",
        both: || json!({"activation": "gelu_new"}),
        theirs: || {
            json!({"initializer_range": 0.02, "use_cache": false, "bos_token_id": 1, "eos_token_id": 2,
                "hidden_dropout": 0.0, "attention_dropout": 0.0, "n_head_kv": null})
        },
        run: |given, ids| models::falcon::Falcon::load(given.weights(), given.config())?.forward(ids),
    },
    Case {
        fixture: "gpt-bigcode",
        // It knows no other.
        both: || json!({"activation_function": "gelu_pytorch_tanh"}),
        theirs: none,
        run: |given, ids| {
            let count = |key: &str| given.config[key].as_u64().unwrap() as usize;
            let config = models::bigcode::Config {
                vocab_size: count("vocab_size"),
                max_position_embeddings: count("n_positions"),
                num_hidden_layers: count("n_layer"),
                hidden_size: count("n_embd"),
                layer_norm_epsilon: given.config["layer_norm_epsilon"].as_f64().unwrap(),
                n_inner: Some(count("n_inner")),
                num_attention_heads: count("n_head"),
                multi_query: true,
                use_cache: false,
            };
            models::bigcode::GPTBigCode::load(given.weights(), config)?.forward(ids, 0)
        },
    },
];

/// What its types demand and config.json may leave out, as `transformers` has it by default.
fn complete(mut config: Value) -> Value {
    let theta = config["rope_parameters"]["rope_theta"].clone();
    let theta = if theta.is_null() { json!(10000.0) } else { theta };
    let local = json!(10000.0);
    let fields = config.as_object_mut().unwrap();
    for (key, value) in [
        ("rope_theta", theta),
        ("rope_local_base_freq", local),
        ("attention_bias", json!(false)),
        ("tie_word_embeddings", json!(false)),
        ("hidden_act", json!("silu")),
        ("sliding_window_pattern", json!(6)),
        ("use_sliding_window", json!(false)),
        ("max_window_layers", json!(0)),
        ("sliding_window", json!(4096)),
    ] {
        fields.entry(key).or_insert(value);
    }
    config
}

fn set(config: &mut Value, fields: Value) {
    let fields = fields.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(fields);
}

/// Its logits of the last token.
fn last(given: &Given, run: Theirs, ids: &[u32]) -> Vec<f64> {
    let ids = Tensor::new(ids, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    let logits = run(given, &ids).unwrap();
    let vocabulary = logits.dims().last().copied().unwrap();
    let rows = logits.reshape(((), vocabulary)).unwrap();
    let row: Vec<f32> = rows.i(rows.dim(0).unwrap() - 1).unwrap().to_vec1().unwrap();
    row.into_iter().map(f64::from).collect()
}

#[test]
fn the_output_is_that_of_candles_own_models() {
    for case in CASES {
        let name = case.fixture;
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.config(|fields| fields.extend((case.both)().as_object().unwrap().clone()));
        let model = checkpoint.load().unwrap();
        let text = std::fs::read_to_string(checkpoint.file("config.json")).unwrap();
        let mut config = complete(serde_json::from_str(&text).unwrap());
        set(&mut config, (case.theirs)());
        let file = checkpoint.file("model.safetensors");
        let mut tensors = candle_core::safetensors::load(file, &Device::Cpu).unwrap();
        // Some want the head of a tied model too.
        if let Some(table) = tensors.get("model.embed_tokens.weight").cloned() {
            tensors.entry("lm_head.weight".to_string()).or_insert(table);
        }
        let given = Given {
            config,
            weights: VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu),
        };
        for prompt in Reference::read(name).prompts {
            let theirs = last(&given, case.run, &prompt.ids);
            let request = Request {
                top_k: model.card.vocabulary,
                ..Request::default()
            };
            let ours = &model.read(&[prompt.text.as_str()], &request).unwrap()[0].output[0];
            assert_near(&logits(ours), &theirs, &format!("{name}: {}", prompt.text));
        }
    }
}
