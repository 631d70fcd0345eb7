//! What shells complete.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::assert_works;
use crate::support::{Run, lens, run};

/// What a shell gets for what was typed so far, from lens in a folder with such a cache.
fn completed(cache: &Path, typed: &[&str]) -> Vec<String> {
    let output = lens()
        .args(["--", "lens"])
        .args(typed)
        .env("LENS_COMPLETE", "fish")
        .env("HF_HUB_CACHE", cache)
        .current_dir(cache)
        .output();
    let answer = Run::from(output.unwrap());
    assert_works(&answer);
    let candidates = answer.stdout.lines();
    candidates
        .map(|line| line.split('\t').next().unwrap().to_string())
        .collect()
}

#[test]
fn a_shell_completes_options_formats_and_the_models_in_the_cache() {
    let cache = TempDir::new().unwrap();
    for folder in [
        "models--gpt2",
        "models--openai-community--gpt2-medium",
        "models--someone--gemma-2b",
        "datasets--someone--gems",
    ] {
        fs::create_dir_all(cache.path().join(folder).join("snapshots")).unwrap();
    }
    fs::create_dir(cache.path().join("models--of-no-snapshot")).unwrap();
    fs::create_dir(cache.path().join("gemma-tuned")).unwrap();
    let complete = |typed: &[&str]| completed(cache.path(), typed);

    assert_eq!(complete(&["--positi"]), ["--positions"]);
    assert_eq!(complete(&["--format", "h"]), ["heatmap", "html"]);
    // The last is a folder in which it was asked.
    assert_eq!(complete(&["--model", "d"]), ["demo", "datasets--someone--gems/"]);
    assert_eq!(complete(&["-m", "someone/"]), ["someone/gemma-2b"]);
    assert_eq!(complete(&["-m", "g"]), ["gpt2", "gpt2-medium", "gemma-tuned/"]);
}

/// What is typed, as bash takes it apart, and what it puts in place of the last part.
#[cfg(unix)]
#[test]
fn bash_completes_a_word_that_it_takes_apart() {
    use std::process::Command;
    if Command::new("bash").arg("-c").arg(":").status().is_err() {
        return;
    }
    let cache = TempDir::new().unwrap();
    fs::create_dir_all(cache.path().join("models--someone--gemma-2b/snapshots")).unwrap();
    fs::create_dir(cache.path().join("tun:ed")).unwrap();
    let folder = Path::new(env!("CARGO_BIN_EXE_lens")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(folder.to_path_buf())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let path = path.unwrap();
    let script = run(&["--completions", "bash"]).stdout
        + r#"
            last="$1"; shift
            COMP_WORDS=(lens "$@"); COMP_CWORD=$#; COMP_LINE="lens $(printf %s "$@")"; COMP_POINT=${#COMP_LINE}
            _clap_complete_lens lens "$last"
            printf '%s\n' "${COMPREPLY[@]}"
        "#;
    for (typed, last, replies) in [
        (&["--format", "=", "h"][..], "h", &["heatmap", "html"][..]),
        (&["--verify", "="], "", &["every", "off"]),
        (&["--model", "=", "someone/g"], "someone/g", &["someone/gemma-2b"]),
        (&["--positi"], "--positi", &["--positions"]),
        (&["--model", "=", "tun", ":", "e"], "e", &["ed/"]),
    ] {
        let mut bash = Command::new("bash");
        let bash = bash.arg("-c").arg(&script).arg("bash").arg(last).args(typed);
        let answer = Run::from(
            bash.env("PATH", &path)
                .current_dir(cache.path())
                .env("HF_HUB_CACHE", cache.path())
                .output()
                .unwrap(),
        );
        assert_works(&answer);
        assert_eq!(answer.stdout.lines().collect::<Vec<_>>(), replies, "{typed:?}");
    }
}
