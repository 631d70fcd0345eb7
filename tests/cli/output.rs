//! Where results go: a file, a pipe, whatever the reader is.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Checkpoint, Run, lens, run};
use crate::{GPT2, PROMPT, assert_fails};

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("lens.txt");
    let file = path.to_str().unwrap();
    let names = || std::fs::read_dir(folder.path()).unwrap().count();

    let args = [PROMPT, "-m", GPT2, "-o", file];
    let json = run(&[&args[..], &["--json"]].concat());
    assert_eq!(
        (json.code, json.stdout.as_str(), json.stderr.as_str()),
        (Some(0), "", "")
    );
    let written = std::fs::read_to_string(&path).unwrap();
    let document: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(document["meta"]["version"], 2);

    // A run that fails, early or late, leaves what was there.
    let broken = Checkpoint::copy_of("gpt2");
    broken.tensors(|t| t.get_mut("h.1.ln_1.weight").unwrap().data.fill(0xff));
    for model in ["./no/such/model", broken.path()] {
        assert_fails(&run(&[PROMPT, "-m", model, "-o", file]), 1, "");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    }

    // A table in a file has no colours, even when asked for: they are for terminals.
    let table = run(&[&args[..], &["--color", "always"]].concat());
    assert_eq!((table.code, table.stdout.as_str()), (Some(0), ""));
    let golden = run(&[PROMPT, "-m", GPT2]).stdout;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), golden);
    assert_eq!(names(), 1, "no draft is left behind");

    let below_a_file = path.join("x");
    let failed = run(&[PROMPT, "-m", GPT2, "-o", below_a_file.to_str().unwrap()]);
    assert_fails(&failed, 1, "lens.txt");
    assert_eq!(names(), 1);

    // A dash is stdout, as elsewhere.
    assert_eq!(run(&[PROMPT, "-m", GPT2, "-o", "-"]).stdout, golden);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_written_to_and_a_link_stays_one() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = TempDir::new().unwrap();
    let in_folder = |name: &str| folder.path().join(name);
    let golden = run(&[PROMPT, "-m", GPT2]).stdout;

    // A named pipe stands for /dev/null, which a renamed file would replace for everyone.
    let pipe = in_folder("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    let written = lens().args([PROMPT, "-m", GPT2, "-o"]).arg(&pipe).output();
    assert!(written.unwrap().status.success());
    assert!(!std::fs::metadata(&pipe).unwrap().is_file());
    assert_eq!(reader.join().unwrap(), golden);

    let (file, link) = (in_folder("file"), in_folder("link"));
    std::fs::write(&file, "before").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    symlink("file", &link).unwrap();
    let written = lens().args([PROMPT, "-m", GPT2, "-o"]).arg(&link).output();
    assert!(written.unwrap().status.success());
    assert!(link.is_symlink());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), golden);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "a private file stays private");
}

#[test]
fn no_output_takes_the_place_of_what_is_read() {
    let checkpoint = Checkpoint::copy_of("gpt2");
    let prompts = checkpoint.file("prompts.jsonl");
    std::fs::write(&prompts, format!("{{\"prompt\":\"{PROMPT}\"}}\n")).unwrap();
    let prompts = prompts.to_str().unwrap();
    let config = checkpoint.file("config.json");
    let before = std::fs::read(&config).unwrap();
    let odd = format!(
        "{}/../{}/config.json",
        checkpoint.path(),
        checkpoint.file("").file_name().unwrap().display()
    );
    for output in [prompts, config.to_str().unwrap(), &odd] {
        let run = run(&["--prompts", prompts, "-q", "-m", checkpoint.path(), "-o", output]);
        assert_fails(&run, 2, "is read by this run");
    }
    assert_eq!(std::fs::read(&config).unwrap(), before);
    let folder = TempDir::new().unwrap();
    let twice = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let run = run(&[PROMPT, "-q", "-o", &twice("a.csv"), "-o", &twice("./a.csv")]);
    assert_fails(&run, 2, "named twice");
}

/// Prompts that come from a file by way of stdin are read from it all the same.
#[cfg(unix)]
#[test]
fn no_output_takes_the_place_of_what_stdin_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("prompts.txt");
    std::fs::write(&path, format!("{PROMPT}\n")).unwrap();
    let command = |output: &str| {
        let stdin = std::fs::File::open(&path).unwrap();
        let mut command = lens();
        command.args(["--prompts", "-", "-q", "-m", GPT2, "-o"]);
        command.arg(folder.path().join(output)).stdin(stdin);
        Run::from(command.output().unwrap())
    };
    assert_fails(&command("prompts.txt"), 2, "prompts.txt is read by this run");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{PROMPT}\n"));
    assert_eq!(command("other.txt").code, Some(0));
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_written_through() {
    use std::os::unix::fs::symlink;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    symlink("second", path("first")).unwrap();
    symlink("file.csv", path("second")).unwrap();
    let run = |outputs: &[&str]| {
        let outputs = outputs.iter().flat_map(|name| ["-o".to_string(), path(name)]);
        let output = lens().args([PROMPT, "-m", GPT2, "-q"]).args(outputs).output();
        Run::from(output.unwrap())
    };
    assert_fails(&run(&["first", "file.csv"]), 2, "named twice");
    assert_eq!(run(&["first"]).code, Some(0));
    assert!(std::fs::symlink_metadata(path("first")).unwrap().is_symlink());
    assert!(std::fs::symlink_metadata(path("second")).unwrap().is_symlink());
    assert!(std::fs::symlink_metadata(path("file.csv")).unwrap().is_file());
    symlink("one", path("other")).unwrap();
    symlink("other", path("one")).unwrap();
    assert_fails(&run(&["one"]), 1, "lead to one another");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    // More than a pipe holds, so that the writer is still writing when the reader goes.
    let args = [PROMPT, "-m", GPT2, "--json", "--positions", "all", "-k", "303"];
    assert!(run(&args).stdout.len() > 200_000);
    let mut child = lens()
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut some = [0; 10];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut some).unwrap();
    drop(stdout);
    let Run { code, stderr, .. } = child.wait_with_output().unwrap().into();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}
