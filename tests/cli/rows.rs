//! `-o rows.safetensors`: the rows of the residual stream, held against the checkpoint and against each other.

use safetensors::SafeTensors;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::run;
use crate::{GPT2, PROMPT};

const OTHER: &str = "The capital of France is";

fn floats(file: &SafeTensors, name: &str) -> (Vec<usize>, Vec<f32>) {
    let tensor = file.tensor(name).unwrap();
    let bytes = tensor.data().chunks_exact(4);
    let numbers = bytes.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    (tensor.shape().to_vec(), numbers.collect())
}

fn integers(file: &SafeTensors, name: &str) -> Vec<usize> {
    let bytes = file.tensor(name).unwrap().data().to_vec();
    let numbers = bytes.chunks_exact(8);
    numbers
        .map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()) as usize)
        .collect()
}

/// The bytes of a run's rows, and the JSON written beside them.
fn rows(options: &[&str]) -> (Vec<u8>, Value) {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (rows, json) = (file("rows.safetensors"), file("lens.json"));
    let run = run(&[
        &[PROMPT, OTHER, "-m", GPT2, "-q", "-o", &rows, "-o", &json],
        options,
    ]
    .concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let document = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    (std::fs::read(rows).unwrap(), document)
}

#[test]
fn the_embeddings_row_is_the_sum_of_the_checkpoints_own() {
    let (bytes, documents) = rows(&["--positions", "all", "--layers", "embed,0,2"]);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (shape, embed) = floats(&file, "embed");
    let checkpoint = std::fs::read(format!("{GPT2}/model.safetensors")).unwrap();
    let checkpoint = SafeTensors::deserialize(&checkpoint).unwrap();
    let name = |end: &str| {
        checkpoint
            .names()
            .into_iter()
            .find(|name| name.ends_with(end))
            .unwrap()
            .to_string()
    };
    let (_, tokens) = floats(&checkpoint, &name("wte.weight"));
    let (_, places) = floats(&checkpoint, &name("wpe.weight"));
    let [count, 1, hidden] = shape[..] else {
        panic!("{shape:?}")
    };
    let (prompt, position, token) = (
        integers(&file, "prompt"),
        integers(&file, "position"),
        integers(&file, "token"),
    );
    let ids = |nth: usize| documents[nth]["input_ids"].as_array().unwrap().clone();
    assert_eq!(count, ids(0).len() + ids(1).len());
    for row in 0..count {
        assert_eq!(ids(prompt[row])[position[row]], json!(token[row]));
        for i in 0..hidden {
            let sum = tokens[token[row] * hidden + i] + places[position[row] * hidden + i];
            assert!((embed[row * hidden + i] - sum).abs() < 1e-6);
        }
    }
    let (shape, _) = floats(&file, "resid_post");
    assert_eq!(shape, [count, 2, hidden]);
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = metadata.metadata().clone().unwrap();
    assert_eq!(
        (metadata["layers.resid_post"].as_str(), metadata["model"].as_str()),
        ("[0,2]", GPT2)
    );
    let prompts: Value = serde_json::from_str(&metadata["prompts"]).unwrap();
    assert_eq!(prompts[1]["text"], OTHER);
    assert_eq!(prompts[0]["input_ids"], documents[0]["input_ids"]);
}

#[test]
fn what_a_blocks_parts_add_is_what_the_stream_gains() {
    let points = ["--point", "attn_out,resid_mid,mlp_out,resid_post"];
    let (bytes, _) = rows(&[&points[..], &["--positions", "-2:"]].concat());
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let of = |name: &str| floats(&file, name).1;
    let (shape, after) = floats(&file, "resid_post");
    let [positions, layers, hidden] = shape[..] else {
        panic!("{shape:?}")
    };
    assert_eq!((positions, layers), (4, 3));
    let (attention, middle, mlp) = (of("attn_out"), of("resid_mid"), of("mlp_out"));
    for i in 0..after.len() {
        assert!((middle[i] + mlp[i] - after[i]).abs() < 1e-5);
        let layer = i / hidden % layers;
        if layer > 0 {
            assert!((after[i - hidden] + attention[i] - middle[i]).abs() < 1e-5);
        }
    }
}
