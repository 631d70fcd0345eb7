//! Tuned lenses of another size, and translators of another shape or number.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::written::{Pickle, file, identity, write};
use super::{of_gpt2, tuned};
use crate::assert_refused;
use crate::support::{fixture, load};

#[test]
fn a_tuned_lens_of_another_size_is_refused_by_name() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    let config = |change: &[(&str, Value)]| {
        let text = std::fs::read_to_string(of_gpt2("tuned/config.json")).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        for (name, value) in change {
            config[*name] = value.clone();
        }
        std::fs::copy(of_gpt2("tuned/params.pt"), folder.path().join("params.pt")).unwrap();
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        tuned(&model, folder.path())
    };
    config(&[]).unwrap();
    assert_refused(
        config(&[("d_model", json!(16))]),
        &["d_model 16", "12"],
        "d_model",
    );
    let layers = [("num_hidden_layers", json!(4))];
    assert_refused(config(&layers), &["num_hidden_layers 4", "3"], "layers");
    let kind = [("lens_type", json!("low_rank"))];
    assert_refused(config(&kind), &["low_rank", "linear_tuned_lens"], "type");
    assert_refused(config(&[("bias", json!(false))]), &["0.bias"], "bias");
    // Another model's translators: one too few.
    let neox = load("gpt-neox");
    let path = fixture("lenses").join("gpt-neox/tuned");
    assert!(tuned(&neox, &path).is_ok());
    assert_refused(tuned(&neox, &of_gpt2("tuned")), &["d_model 12"], "neox");

    for missing in ["params.pt", "config.json"] {
        config(&[]).unwrap();
        std::fs::remove_file(folder.path().join(missing)).unwrap();
        assert_refused(
            tuned(&model, folder.path()),
            &["config.json", "params.pt"],
            missing,
        );
    }
    assert_refused(
        tuned(&model, Path::new("/nowhere/at/all")),
        &["/nowhere/at/all"],
        "no directory",
    );
}

/// Tensors that are no tuned lens of a model of 3 layers and a hidden size of 12, though config.json says so.
#[test]
fn translators_of_another_shape_or_number_are_refused_by_name() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    write(
        &folder,
        "config.json",
        br#"{"base_model_name_or_path": "gpt2", "lens_type": "linear_tuned_lens"}"#,
    );
    let read = |tensors: &[(&str, [i32; 2])]| {
        let mut pickle = Pickle::default().op(b"\x80\x02}(");
        for (name, [rows, columns]) in tensors {
            pickle = pickle.text(name);
            pickle = match columns {
                0 => pickle.vector("0", *rows),
                _ => pickle.tensor("0", 0, [*rows, *columns], [*columns, 1]),
            };
        }
        write(&folder, "params.pt", &file(&pickle.op(b"u."), &identity()));
        tuned(&model, folder.path())
    };
    let whole = [
        ("0.weight", [12, 12]),
        ("0.bias", [12, 0]),
        ("1.weight", [12, 12]),
        ("1.bias", [12, 0]),
        ("2.weight", [12, 12]),
        ("2.bias", [12, 0]),
    ];
    let but = |place: usize, tensor| {
        let mut tensors = whole;
        tensors[place] = tensor;
        tensors
    };
    let with = |tensor| [&whole[..], &[tensor]].concat();
    let doubts = read(&whole).unwrap().doubts().to_vec();
    assert!(!doubts.iter().any(|doubt| doubt.contains("holds")), "{doubts:?}");
    assert_refused(
        read(&but(2, ("1.weight", [12, 6]))),
        &["1.weight", "[12, 6]"],
        "a shape",
    );
    assert_refused(read(&but(3, ("1.bias", [11, 0]))), &["1.bias", "12"], "a length");
    assert_refused(
        read(&but(4, ("x.weight", [12, 12]))),
        &["translator 2"],
        "one too few",
    );
    assert_refused(
        read(&with(("3.weight", [12, 12]))),
        &["3.weight", "3 layers"],
        "one too many",
    );
    assert_refused(
        read(&with(("3.bias", [12, 0]))),
        &["3.bias", "3 layers"],
        "a bias too many",
    );
    let older = read(&with(("unembedding.weight", [12, 12])));
    let doubts = older.unwrap().doubts().to_vec();
    assert!(
        doubts
            .iter()
            .any(|doubt| doubt.contains("holds unembedding.weight beside its translators")),
        "{doubts:?}"
    );
}
