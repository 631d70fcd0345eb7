//! A text that is used often takes its memory once.

use tempfile::TempDir;

use super::written::{Pickle, file, identity, write};
use crate::support::{fixture, lens};

/// A text of a megabyte that a list has three thousand times, and one that is as many keys of a dict.
#[test]
fn a_text_that_is_used_often_takes_its_memory_once() {
    const TIMES: usize = 3000;
    let text = "x".repeat(1 << 20);
    let matrices = || {
        let pickle = Pickle::default().op(b"\x80\x02}(").text("J").op(b"}(");
        let matrix = |pickle: Pickle, layer| pickle.int(layer).tensor("0", 0, [12, 12], [12, 1]);
        [0, 1].into_iter().fold(pickle, matrix).op(b"u")
    };
    let list = matrices()
        .text("source_layers")
        .op(b"](")
        .text(&text)
        .op(b"q\x00");
    let list = list.op(&b"h\x00".repeat(TIMES)).op(b"eu.");
    let keys = matrices().text(&text).op(b"q\x00N");
    let keys = keys.op(&b"h\x00N".repeat(TIMES)).op(b"u.");
    let folder = TempDir::new().unwrap();
    for (name, pickle) in [("list", list), ("keys", keys)] {
        let path = write(&folder, "a.pt", &file(&pickle, &identity()));
        let output = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 1000000; exec \"$0\" \"$@\""])
            .arg(lens().get_program())
            .args(["The Eiffel Tower", "-q", "-m"])
            .arg(fixture("gpt2"))
            .arg("--lens")
            .arg(format!("jacobian={}", path.display()))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
    }
}
