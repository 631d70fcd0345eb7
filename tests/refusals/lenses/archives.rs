//! Archives and pickles of any bytes: none runs anything, takes much memory or has no answer.

use logit_lens::weights::torch::Archive;
use proptest::prelude::*;
use serde_json::json;

use super::of_gpt2;
use super::written::{Pickle, archive, file, identity, in_memory};
use crate::assert_refused;

#[test]
fn a_pickle_that_names_anything_else_is_refused_by_that_name() {
    for (module, name) in [
        ("os", "system"),
        ("builtins", "eval"),
        ("posix", "system"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_qtensor"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("__builtin__", "getattr"),
    ] {
        let call = Pickle::default().op(b"\x80\x02").global(module, name);
        let call = call.text("touch /tmp/never").op(b"\x85R.");
        let opened = Archive::open(&in_memory(&file(&call, &[])));
        assert_refused(opened, &[&format!("{module}.{name}")], name);
        // The same by two texts on the stack.
        let call = Pickle::default()
            .op(b"\x80\x04\x8c")
            .op(&[module.len() as u8])
            .op(module.as_bytes());
        let call = call
            .op(b"\x8c")
            .op(&[name.len() as u8])
            .op(name.as_bytes())
            .op(b"\x93)R.");
        let opened = Archive::open(&in_memory(&file(&call, &[])));
        assert_refused(opened, &[&format!("{module}.{name}")], name);
    }
    let long = "x".repeat(1 << 20);
    let call = Pickle::default().op(b"\x80\x02").global(&long, &long).op(b".");
    let error = Archive::open(&in_memory(&file(&call, &[]))).unwrap_err();
    assert!(error.problem.len() < 500, "{} characters", error.problem.len());
    // What could make an object of a class, or import one, has no meaning here.
    for op in [b'i', b'o', 0x81, b'P', 0x82, b'0', b'2', b'I', b'S', 0x8e, 0x97] {
        let pickle = Pickle::default().op(b"\x80\x02").op(&[op]).op(b"os\nsystem\n.");
        let opened = Archive::open(&in_memory(&file(&pickle, &[])));
        assert_refused(opened, &[&format!("0x{op:02x}")], "an instruction");
    }
}

#[test]
fn what_is_no_archive_of_torchs_is_refused() {
    let pickle = Pickle::jacobian(&[], &[0, 1], 12);
    for (bytes, names) in [
        (b"".to_vec(), &["not a whole file"][..]),
        (
            b"version https://git-lfs.github.com/spec/v1".to_vec(),
            &["not a whole file"],
        ),
        (
            b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec(),
            &["before 1.6"],
        ),
        (archive(&[("archive/version", b"3")]), &["data.pkl"]),
        (
            archive(&[("a/data.pkl", b"N."), ("b/data.pkl", b"N.")]),
            &["data.pkl"],
        ),
        (
            archive(&[("a/data.pkl", b"N."), ("a/data.pkl", b"N.")]),
            &["twice"],
        ),
        (
            archive(&[("a/data.pkl", &pickle.0), ("a/byteorder", b"big")]),
            &["little-endian"],
        ),
    ] {
        assert_refused(Archive::open(&in_memory(&bytes)), names, &format!("{names:?}"));
    }
    let mut compressed = file(&pickle, &identity());
    let place = compressed.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    compressed[place + 10] = 8;
    assert_refused(
        Archive::open(&in_memory(&compressed)),
        &["compressed"],
        "compressed",
    );
}

/// Everything that can be asked of a file of any bytes.
fn ask_everything(bytes: &[u8]) {
    let Ok(archive) = Archive::open(&in_memory(bytes)) else {
        return;
    };
    let mut items = vec![archive.root()];
    for _ in 0..3 {
        let inner: Vec<_> = items
            .iter()
            .flat_map(|item| item.entries().into_values())
            .collect();
        for item in &inner {
            let _ = (item.text(), item.number(), item.flag(), item.numbers());
            let _ = (item.is_some(), item.is_tensor(), item.is_dict());
            if let Ok(matrix) = item.matrix("a tensor") {
                let size = matrix.view().len();
                let _ = matrix.view().f32s(0..size);
            }
            if let Ok(vector) = item.vector("a tensor") {
                let _ = vector.values();
            }
        }
        items = inner;
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    for form in ["jacobian.pt", "checkpoint.pt", "protocol4.pt", "tuned/params.pt"] {
        let whole = std::fs::read(of_gpt2(form)).unwrap();
        assert!(Archive::open(&in_memory(&whole)).is_ok());
        for len in 0..whole.len() {
            assert!(
                Archive::open(&in_memory(&whole[..len])).is_err(),
                "{form} cut to {len} bytes"
            );
        }
    }
}

#[test]
fn a_pickle_that_is_cut_anywhere_is_refused() {
    let pickle = Pickle::jacobian(&[("d_model", json!(12))], &[0, 1], 12);
    for len in 0..pickle.0.len() {
        let cut = Pickle(pickle.0[..len].to_vec());
        assert!(
            Archive::open(&in_memory(&file(&cut, &identity()))).is_err(),
            "cut to {len}"
        );
    }
}

#[test]
fn a_small_pickle_takes_little_memory() {
    // A list of two of the list before it, forty times: a tree of 2^40.
    let mut pickle = Pickle::default().op(b"\x80\x02]q\x00");
    for i in 0..40u8 {
        pickle = pickle.op(&[b']', b'(', b'h', i, b'h', i, b'e', b'q', i + 1]);
    }
    let archive = Archive::open(&in_memory(&file(&pickle.op(b"."), &[]))).unwrap();
    assert_eq!(archive.root().numbers(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_of_a_file_has_an_answer(
        form in prop::sample::select(vec!["jacobian.pt", "metadata.pt", "protocol4.pt", "tuned/params.pt"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = std::fs::read(of_gpt2(form)).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        ask_everything(&bytes);
    }

    #[test]
    fn any_pickle_has_an_answer(bytes in prop::collection::vec(
        prop_oneof![
            prop::sample::select(b".}]()u\x85\x86\x87taesRQbhqcXJKNG\x93\x94\x8c\x80\x88".to_vec()),
            any::<u8>(),
        ], 0..60)) {
        ask_everything(&file(&Pickle(bytes), &[1., 2., 3., 4.]));
    }

    #[test]
    fn any_tensor_has_an_answer(offset in -2..9i32, shape in [-1..5i32, -1..5i32], strides in [-1..5i32, -1..5i32]) {
        let pickle = Pickle::default().op(b"\x80\x02}").text("a").tensor("0", offset, shape, strides).op(b"s.");
        ask_everything(&file(&pickle, &[1., 2., 3., 4.]));
    }
}
