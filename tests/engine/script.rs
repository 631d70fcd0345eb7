//! The script for nnsight: as it was when it was run by hand against a server, and written without running anything.

use std::path::Path;

use crate::support::Checkpoint;
use crate::{assert_fails, run};

const ASKED: [&str; 10] = [
    "--ids",
    "5,9,12,7",
    "--layers",
    "0,-1",
    "--positions",
    "1:3",
    "--track",
    "pair=id:4|id:8",
    "-k",
    "3",
];

fn written(model: &str) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("lens.py");
    let asked = [&ASKED[..], &["-m", model, "-o", path.to_str().unwrap()]].concat();
    let said = run(&asked, None);
    assert_eq!(
        (said.code, said.stdout.as_str(), said.stderr.as_str()),
        (Some(0), "", "")
    );
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_script_says_what_was_asked() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/script.py");
    let script = written("tests/fixtures/llama");
    if std::env::var_os("LENS_BLESS").is_some() {
        std::fs::write(&kept, &script).unwrap();
    }
    assert_eq!(script, std::fs::read_to_string(kept).unwrap());
}

/// Weights of NaN would be an error of a run.
#[test]
fn nothing_is_computed_for_a_script() {
    let broken = Checkpoint::copy_of("llama");
    broken.tensors(|tensors| {
        let norm = tensors.get_mut("model.norm.weight").unwrap();
        norm.data.fill(0xff);
    });
    assert!(written(broken.path()).contains("PROMPTS"));
}

#[test]
fn a_script_computes_nothing_and_has_a_family_that_it_can_name() {
    let before = tempfile::NamedTempFile::new().unwrap();
    let before = before.path().to_str().unwrap();
    for needs_numbers in [
        ["--generate", "2"],
        ["--assert", "entropy < 100"],
        ["--baseline", before],
        ["--verify", "-q"],
    ] {
        let script = [&["a b", "-m", "demo", "--format", "script"], &needs_numbers[..]].concat();
        assert_fails(&run(&script, None), 2, "has no effect here");
    }
    let point = run(
        &["a b", "-m", "demo", "--point", "mlp_out", "--format", "script"],
        None,
    );
    assert_fails(&point, 2, "no other points");
    let several = [
        "a b",
        "-m",
        "tests/fixtures/llama",
        "--track",
        "the city",
        "--format",
        "script",
    ];
    assert_fails(&run(&several, None), 2, "several in a row");
    for model in ["demo", "tests/fixtures/llama/model.safetensors"] {
        let nothing = run(&["--ids", "5", "-m", model, "--format", "script"], None);
        assert_fails(&nothing, 1, "transformers loads no model from");
    }
    assert!(written("tests/fixtures/gemma2").contains("attn_implementation=\"eager\""));
    let unknown = run(
        &["--ids", "5", "-m", "tests/fixtures/gemma3", "--format", "script"],
        None,
    );
    assert_fails(&unknown, 1, "does not know the names of the modules of gemma3");
}
