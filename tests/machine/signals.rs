//! A run that is stopped leaves nothing behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::signals::heed;
use crate::support::{Checkpoint, Stored, lens};
use crate::{PROMPT, names};

fn kill(child: &Child, signal: &str) {
    let killed = Command::new("kill")
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
}

/// Waits until `there` holds; a busy machine is slow, not wrong.
fn until(what: &str, mut there: impl FnMut() -> bool) {
    let since = Instant::now();
    while !there() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The sizes of a run's drafts in a folder. On Linux they may have no name yet: what the run has
/// open is seen all the same.
fn drafts(child: &Child, folder: &Path) -> Vec<u64> {
    let in_folder = std::fs::canonicalize(folder).unwrap();
    let listed = match cfg!(target_os = "linux") {
        true => Path::new("/proc").join(child.id().to_string()).join("fd"),
        false => in_folder.clone(),
    };
    let entries = std::fs::read_dir(listed).into_iter().flatten().flatten();
    let is_draft = |path: &Path| {
        let path = std::fs::read_link(path).unwrap_or(path.to_path_buf());
        path.parent() == Some(&in_folder) && !path.ends_with("prompts")
    };
    entries
        .filter(|entry| is_draft(&entry.path()))
        .filter_map(|entry| Some(std::fs::metadata(entry.path()).ok()?.len()))
        .collect()
}

/// A run that reads prompts from stdin and has written two files' drafts.
fn waiting(folder: &TempDir) -> Child {
    let mut command = lens();
    heed(&mut command).args(["--prompts", "-", "-q"]);
    for name in ["lens.csv", "lens.json"] {
        command.arg("-o").arg(folder.path().join(name));
    }
    let child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the drafts appear", || drafts(&child, folder.path()).len() == 2);
    child
}

#[test]
fn a_run_that_waits_for_a_prompt_is_stopped() {
    for (name, number) in [("INT", 2), ("TERM", 15), ("QUIT", 3), ("HUP", 1)] {
        let folder = TempDir::new().unwrap();
        let mut child = waiting(&folder);
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "{PROMPT}").unwrap();
        kill(&child, name);
        let status = child.wait().unwrap();
        assert_eq!(
            status.signal(),
            Some(number),
            "whoever started it sees by what it ended"
        );
        assert_eq!(names(folder.path()), [] as [String; 0]);
    }
}

/// Nothing runs in a process that is killed: its drafts are gone because they have no name.
#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_killed_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let mut child = waiting(&folder);
    // A disk that has no files without a name keeps the drafts of such a run.
    let named = names(folder.path());
    kill(&child, "KILL");
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert_eq!(names(folder.path()), named);
    if has_unnamed_files(folder.path()) {
        assert_eq!(named, [] as [String; 0]);
    }
}

/// Whether a folder's disk has files without a name.
#[cfg(target_os = "linux")]
fn has_unnamed_files(folder: &Path) -> bool {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::File::options()
        .write(true)
        .custom_flags(libc::O_TMPFILE)
        .open(folder);
    file.is_ok()
}

#[test]
fn a_folder_that_is_renamed_meanwhile_is_an_error_and_holds_no_draft() {
    let above = TempDir::new().unwrap();
    let (old, new) = (above.path().join("old"), above.path().join("new"));
    std::fs::create_dir(&old).unwrap();
    let mut child = lens()
        .args(["--prompts", "-", "-q", "-o"])
        .arg(old.join("lens.csv"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the draft appears", || !drafts(&child, &old).is_empty());
    std::fs::rename(&old, &new).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{PROMPT}").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("its directory is not there"), "{said}");
    assert_eq!(names(above.path()), ["new"]);
    assert_eq!(names(&new), [] as [String; 0]);
}

#[test]
fn a_run_that_computes_is_stopped() {
    let folder = TempDir::new().unwrap();
    let prompts = folder.path().join("prompts");
    std::fs::write(&prompts, format!("{PROMPT}\n").repeat(200_000)).unwrap();
    let mut child = heed(&mut lens())
        .args(["-q", "--prompts", prompts.to_str().unwrap(), "-o"])
        .arg(folder.path().join("lens.csv"))
        .spawn()
        .unwrap();
    // What is written grows from the first batch on.
    until("something is written", || {
        drafts(&child, folder.path()).into_iter().any(|bytes| bytes > 0)
    });
    kill(&child, "INT");
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    assert_eq!(names(folder.path()), ["prompts"]);
}

#[test]
fn a_run_whose_reader_does_not_read_is_stopped() {
    // The pipe is full long before the prompts are done, and stays so.
    let prompts = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&prompts, format!("{PROMPT}\n").repeat(5_000)).unwrap();
    let mut child = heed(&mut lens())
        .args([
            "-q",
            "--format",
            "csv",
            "--prompts",
            prompts.path().to_str().unwrap(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut header = String::new();
    stdout.read_line(&mut header).unwrap();
    assert!(header.starts_with("prompt,"));
    kill(&child, "INT");
    assert_eq!(child.wait().unwrap().signal(), Some(2));
}

/// A model whose layers are large enough to be read by all threads at once, cut to `size` bytes
/// after its first answer.
fn cut(size: u64, model: &Checkpoint) -> (Option<i32>, String) {
    let mut child = heed(&mut lens())
        .args([
            "-q",
            "--threads",
            "8",
            "--prompts",
            "-",
            "-m",
            model.path(),
            "--format",
            "jsonl",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{PROMPT}").unwrap();
    // The first prompt's answer shows that the model is mapped.
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    let weights = std::fs::File::options()
        .write(true)
        .open(model.file("model.safetensors"))
        .unwrap();
    weights.set_len(size).unwrap();
    writeln!(stdin, "{PROMPT}").unwrap();
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status.code(), said)
}

/// GPT-2's small fixture with an MLP of 4 MB a matrix, whose panels eight threads read.
fn wide() -> Checkpoint {
    const INNER: usize = 200_000;
    let model = Checkpoint::copy_of("gpt2");
    model.set("n_inner", INNER.into()).tensors(|tensors| {
        for layer in 0..3 {
            for (name, shape) in [
                ("c_fc.weight", vec![12, INNER]),
                ("c_fc.bias", vec![INNER]),
                ("c_proj.weight", vec![INNER, 12]),
            ] {
                let zeros = Stored::zeros(safetensors::Dtype::F32, &shape);
                tensors.insert(format!("h.{layer}.mlp.{name}"), zeros);
            }
        }
    });
    model
}

#[test]
fn a_file_that_is_cut_short_while_it_is_mapped_is_an_error() {
    for size in [0, 12_000_000] {
        for _ in 0..12 {
            let model = if size == 0 {
                Checkpoint::copy_of("gpt2")
            } else {
                wide()
            };
            let (code, said) = cut(size, &model);
            assert_eq!(code, Some(1), "cut to {size}: {said}");
            assert!(
                said.contains("error: A file of the model was cut short"),
                "{said}"
            );
        }
    }
}

#[test]
fn what_is_ignored_stays_so() {
    let folder = TempDir::new().unwrap();
    let script = "trap '' HUP; exec \"$0\" --prompts - -q -o \"$1\"";
    let mut child = Command::new("sh")
        .args(["-c", script, lens().get_program().to_str().unwrap()])
        .arg(folder.path().join("lens.csv"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    until("the draft appears", || drafts(&child, folder.path()).len() == 1);
    if cfg!(target_os = "linux") {
        kill(&child, "HUP");
    }
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{PROMPT}").unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert_eq!(names(folder.path()), ["lens.csv"]);
}
