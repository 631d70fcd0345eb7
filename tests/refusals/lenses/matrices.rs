//! Jacobian lenses: of another kind or size, and matrices that are no numbers.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::jacobian;
use super::written::{Pickle, file, identity, write};
use crate::assert_refused;
use crate::support::load;

#[test]
fn a_jacobian_lens_of_another_kind_or_size_is_refused_by_name() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    let refuse = |facts: &[(&str, Value)], layers: &[i32], hidden: i32, names: &[&str]| {
        let path = write(
            &folder,
            "a.pt",
            &file(&Pickle::jacobian(facts, layers, hidden), &identity()),
        );
        assert_refused(jacobian(&model, &path), names, &format!("{facts:?} {layers:?}"));
    };
    let accept = |facts: &[(&str, Value)], layers: &[i32]| {
        let path = write(
            &folder,
            "a.pt",
            &file(&Pickle::jacobian(facts, layers, 12), &identity()),
        );
        jacobian(&model, &path).unwrap()
    };
    accept(
        &[("d_model", json!(12)), ("source_layers", json!([0, 1]))],
        &[0, 1],
    );
    accept(
        &[
            ("target_layer", json!(2)),
            ("capture_point", json!("block_output")),
        ],
        &[1, 0],
    );
    // The last layer's matrix may be there where it is the identity.
    accept(
        &[("stream_reduce", json!("none")), ("stream_index", Value::Null)],
        &[0, 1, 2],
    );

    refuse(&[("d_model", json!(16))], &[0, 1], 12, &["d_model 16", "12"]);
    refuse(&[("n_layers", json!(4))], &[0, 1], 12, &["n_layers 4", "3"]);
    refuse(
        &[("target_layer", json!(1))],
        &[0, 1],
        12,
        &["target_layer", "layer 1"],
    );
    refuse(
        &[("capture_point", json!("attn_out"))],
        &[0, 1],
        12,
        &["capture_point attn_out"],
    );
    refuse(
        &[("stream_reduce", json!("mean"))],
        &[0, 1],
        12,
        &["stream_reduce mean"],
    );
    refuse(
        &[("estimator", json!("relevance_lens"))],
        &[0, 1],
        12,
        &["estimator relevance_lens"],
    );
    accept(&[("target_layer", json!(-1))], &[0, 1]);
    refuse(&[("target_layer", json!(-2))], &[0, 1], 12, &["layer -2"]);
    // A name out of a file is repeated by its beginning.
    let long = "x".repeat(1 << 20);
    for name in ["estimator", "capture_point"] {
        let path = write(
            &folder,
            "long.pt",
            &file(
                &Pickle::jacobian(&[(name, json!(long))], &[0, 1], 12),
                &identity(),
            ),
        );
        let error = jacobian(&model, &path).unwrap_err();
        assert!(error.problem.len() < 500, "{} characters", error.problem.len());
    }
    refuse(&[("n_proj", json!(64))], &[0, 1], 12, &["n_proj"]);
    refuse(
        &[("source_layers", json!([0, 1, 2]))],
        &[0, 1],
        12,
        &["source_layers"],
    );
    refuse(&[], &[0], 12, &["no matrix for layer 1"]);
    refuse(&[], &[1], 12, &["no matrix for layer 0"]);
    refuse(&[], &[0, 1, 3], 12, &["layer 3"]);
    refuse(&[], &[-1, 0, 1], 12, &["layer -1"]);
    refuse(&[], &[0, 1], 6, &["[6, 6]", "[12, 12]"]);
    // Of the whole storage, no matrix is left.
    refuse(&[], &[0, 1], 13, &["not whole"]);

    let mut head: Vec<f32> = identity();
    head[5] = 0.02;
    let path = write(
        &folder,
        "a.pt",
        &file(&Pickle::jacobian(&[], &[0, 1, 2], 12), &head),
    );
    assert_refused(
        jacobian(&model, &path),
        &["last layer, 2", "identity"],
        "no identity",
    );
}

#[test]
fn matrices_that_are_not_finite_are_refused_where_they_are_read() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        let mut storage = identity();
        storage[14] = bad;
        let path = write(
            &folder,
            "a.pt",
            &file(&Pickle::jacobian(&[], &[0, 1], 12), &storage),
        );
        let request = logit_lens::lens::Request {
            lenses: vec![jacobian(&model, &path).unwrap()],
            ..Default::default()
        };
        assert_refused(
            model.lens("The Eiffel Tower", &request),
            &["row 0", "not finite"],
            "NaN",
        );
    }
}

#[test]
fn a_sum_over_no_prompts_is_refused() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    let read = |count: Option<i32>| {
        let mut pickle = Pickle::default().op(b"\x80\x02}(").text("jacobian_sum").op(b"}(");
        for layer in [0, 1] {
            pickle = pickle.int(layer).tensor("0", 0, [12, 12], [12, 1]);
        }
        pickle = pickle.op(b"u");
        if let Some(count) = count {
            pickle = pickle.text("n_done").int(count);
        }
        let path = write(&folder, "a.pt", &file(&pickle.op(b"u."), &identity()));
        jacobian(&model, &path)
    };
    assert!(read(Some(1)).is_ok());
    for count in [None, Some(0), Some(-1)] {
        assert_refused(read(count), &["n_done"], &format!("{count:?}"));
    }
}
