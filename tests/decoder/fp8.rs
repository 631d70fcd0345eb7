//! Checkpoints in 8-bit floats (`quant_method: fp8`), against the same numbers in float32.

use half::{bf16, f16};
use safetensors::Dtype;
use serde_json::{Value, json};

use crate::support::{Checkpoint, Stored, Tensors, run};

/// Rows and columns that share a scale: of the fixtures' matrices neither a divisor.
const TILE: [usize; 2] = [7, 5];

/// All numbers of E4M3, by the formula of the standard.
fn numbers() -> Vec<f32> {
    let number = |byte: u8| {
        let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f32::from(byte & 7) / 8.);
        let magnitude = match exponent {
            0 => mantissa * 2f32.powi(-6),
            _ => (1. + mantissa) * 2f32.powi(exponent - 7),
        };
        if byte & 0x80 == 0 { magnitude } else { -magnitude }
    };
    (0..=u8::MAX)
        .map(|byte| {
            if byte & 0x7f == 0x7f {
                f32::NAN
            } else {
                number(byte)
            }
        })
        .collect()
}

fn values(stored: &Stored) -> Vec<f32> {
    let halves = stored.data.chunks_exact(2).map(|half| [half[0], half[1]]);
    match stored.dtype {
        Dtype::F32 => (stored.data.chunks_exact(4))
            .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
            .collect(),
        Dtype::BF16 => halves.map(|half| bf16::from_le_bytes(half).to_f32()).collect(),
        Dtype::F16 => halves.map(|half| f16::from_le_bytes(half).to_f32()).collect(),
        other => panic!("{other:?}"),
    }
}

/// A matrix in 8 bits, its scales, and what the two stand for.
fn quantised(stored: &Stored, numbers: &[f32]) -> [Stored; 3] {
    let [rows, columns] = stored.shape[..] else {
        unreachable!()
    };
    let values = values(stored);
    let [down, across] = [rows.div_ceil(TILE[0]), columns.div_ceil(TILE[1])];
    // Any will do, no two alike, that no number is beyond.
    let scales: Vec<f32> = (0..down * across).map(|i| 0.01 + 0.003 * i as f32).collect();
    let (mut bytes, mut plain) = (Vec::new(), Vec::new());
    for (at, value) in values.iter().enumerate() {
        let scale = scales[at / columns / TILE[0] * across + at % columns / TILE[1]];
        let distance = |byte: &u8| (numbers[*byte as usize] * scale - value).abs();
        let finite = (0..=u8::MAX).filter(|byte| byte & 0x7f != 0x7f);
        let byte = finite.min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap();
        bytes.push(byte);
        plain.extend((numbers[byte as usize] * scale).to_le_bytes());
    }
    let of = |dtype, shape: [usize; 2], data| Stored {
        dtype,
        shape: shape.to_vec(),
        data,
    };
    let scales = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
    [
        of(Dtype::F8_E4M3, [rows, columns], bytes),
        of(Dtype::F32, [down, across], scales),
        of(Dtype::F32, [rows, columns], plain),
    ]
}

/// The fixture in 8 bits, all but its embeddings, and the same in float32.
fn pair(name: &str) -> [Checkpoint; 2] {
    let [eight, plain] = [Checkpoint::copy_of(name), Checkpoint::copy_of(name)];
    let numbers = numbers();
    let is_in_8_bits = |name: &str, stored: &Stored| stored.shape.len() == 2 && name.ends_with("proj.weight");
    let (mut in_8, mut in_32) = (Tensors::new(), Tensors::new());
    for (name, stored) in eight.read("model.safetensors") {
        if !is_in_8_bits(&name, &stored) {
            in_8.insert(name.clone(), stored.clone());
            in_32.insert(name, stored);
            continue;
        }
        let [bytes, scales, values] = quantised(&stored, &numbers);
        in_8.insert(format!("{name}_scale_inv"), scales);
        in_8.insert(name.clone(), bytes);
        in_32.insert(name, values);
    }
    assert!(in_8.len() > in_32.len());
    eight.save("model.safetensors", &in_8);
    plain.save("model.safetensors", &in_32);
    eight.set(
        "quantization_config",
        json!({"quant_method": "fp8", "activation_scheme": "dynamic", "fmt": "e4m3", "weight_block_size": TILE,
               "modules_to_not_convert": ["lm_head"]}),
    );
    [eight, plain]
}

fn document(checkpoint: &Checkpoint) -> Value {
    let run = run(&[
        "--ids",
        "5,9,12,7,30",
        "-m",
        checkpoint.path(),
        "--positions",
        "all",
        "--json",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

/// Also where several matrices lie in one tensor (phi3), each of which begins amid a tile.
#[test]
fn eight_bits_and_their_scales_are_the_numbers_that_they_stand_for() {
    for name in ["qwen3", "llama", "phi3", "gemma2", "olmo2"] {
        let [eight, plain] = pair(name).map(|checkpoint| document(&checkpoint));
        for key in ["topk_logits", "topk_ids", "entropy", "tracked_ids"] {
            assert_eq!(eight[key], plain[key], "{name}: {key}");
        }
        assert_eq!(eight["meta"]["parameters"], plain["meta"]["parameters"], "{name}");
        assert_eq!(eight["meta"]["file_dtype"], "float8_e4m3", "{name}");
    }
}

#[test]
fn eight_bits_without_what_they_are_scaled_by_are_refused() {
    type Alter = fn(&mut Tensors);
    let cases: [(Alter, &str); 4] = [
        (|tensors| _ = tensors.remove(&first(tensors)), "no tensor"),
        (
            |tensors| _ = tensors.insert(first(tensors), Stored::zeros(Dtype::F32, &[1, 1])),
            "has the shape",
        ),
        (
            |tensors| {
                let (name, shape) = (first(tensors), tensors[&first(tensors)].shape.clone());
                let infinite =
                    Stored::zeros(Dtype::F32, &shape).map_f32(Dtype::F32, |_| f32::INFINITY.to_le_bytes());
                tensors.insert(name, infinite);
            },
            "not a number",
        ),
        (
            |tensors| {
                tensors.insert(
                    "model.layers.0.scale_inv".to_string(),
                    Stored::zeros(Dtype::F32, &[1]),
                );
            },
            "does not use",
        ),
    ];
    for (alter, words) in cases {
        let [eight, _] = pair("qwen3");
        eight.tensors(alter);
        let error = eight.load().err().unwrap().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    for (key, value, words) in [
        ("quant_method", json!("gptq"), "gptq"),
        ("activation_scheme", json!("static"), "activation_scheme"),
        ("fmt", json!("e5m2"), "fmt"),
        ("weight_block_size", json!([128]), "weight_block_size"),
        ("weight_block_size", json!([0.5, 128]), "weight_block_size"),
        ("weight_block_size", Value::Null, "weight_block_size"),
    ] {
        let [eight, _] = pair("qwen3");
        eight.config(|fields| fields["quantization_config"][key] = value);
        let error = eight.load().err().unwrap().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    let [eight, _] = pair("qwen3");
    eight.config(|fields| _ = fields.remove("quantization_config"));
    let error = eight.load().err().unwrap().to_string();
    assert!(error.contains("says nothing of its scales"), "{error}");
}

/// The name of a matrix's scales.
fn first(tensors: &Tensors) -> String {
    let name = tensors.keys().find(|name| name.ends_with("_scale_inv"));
    name.unwrap().clone()
}
