//! Runs that fail: the exit code, and one way to say why.

use serde_json::json;

use crate::support::{self, Checkpoint, run};
use crate::{GPT2, LLAMA, PROMPT, assert_fails};

#[test]
fn a_wrong_command_is_refused_with_2_and_a_failing_one_with_1() {
    for (args, problem) in [
        (&["", "-m", GPT2][..], "empty"),
        (&[PROMPT, "-m", GPT2, "-m", GPT2, "-m", GPT2], "3 models"),
        (&[PROMPT, "-m", GPT2, "--compare"], "there is 1"),
        (
            &[PROMPT, "-m", GPT2, "--summary", "--compare"],
            "--summary cannot be used with --compare",
        ),
        (&[PROMPT, PROMPT, "-m", GPT2, "-m", LLAMA], "there are 2"),
        (
            &[PROMPT, "-m", GPT2, "--track", "both= the Eiffel|id:7"],
            "tokens, not one: ",
        ),
        (&[PROMPT, "-m", GPT2, "--track", "id:303"], "no token 303"),
        (&[PROMPT, "-m", GPT2, "--chat"], "no chat template"),
        (&[PROMPT, "-m", GPT2, "--generate", "30"], "context, 24"),
        (
            &[PROMPT, "-m", GPT2, "-o", "x.json", "--format", "csv"],
            "x.json is json",
        ),
        (&[PROMPT, "-m", GPT2, "-o", "x.json", "-o", "x.json"], "twice"),
        (&[PROMPT, "-m", GPT2, "--layers", "3"], "no layer 3"),
        (&[PROMPT, "-m", GPT2, "--layers", "2-0"], "backwards"),
        (&[PROMPT, "-m", GPT2, "--positions", "8"], "no position 8"),
        (&[PROMPT, "-m", GPT2, "--positions", "5:5"], "none of"),
        (&[PROMPT, "-m", "tests/fixtures/make.py"], "make.py is a file"),
        (&[PROMPT, "-m", GPT2, "-o", "tests"], "tests is a directory"),
        #[cfg(not(any(feature = "cuda", target_os = "macos")))]
        (&[PROMPT, "-m", GPT2, "--device", "cuda"], "without CUDA"),
    ] {
        assert_fails(&run(args), 2, problem);
    }
    for (args, problem) in [
        (&[PROMPT, "-m", "./no/such/model"][..], "./no/such/model"),
        (&[PROMPT, "-m", "tests/fixtures"], "tests/fixtures"),
        (&[PROMPT, "-m", GPT2, "-o", "no/such/dir/x"], "no/such/dir/x"),
    ] {
        assert_fails(&run(args), 1, problem);
    }
    // What the options' own syntax forbids, clap says, and then how to use the command.
    for args in [
        &["--no-such-option"][..],
        &[PROMPT, "-m", GPT2, "-k", "0"],
        &[PROMPT, "-m", GPT2, "--threads", "0"],
        &[PROMPT, "-m", GPT2, "--layers", "x"],
        &[PROMPT, "-m", GPT2, "--positions", "1:2:3"],
        &[PROMPT, "-m", GPT2, "--dtype", "int8"],
        &[PROMPT, "-m", GPT2, "--device", "tpu"],
        &[PROMPT, "-m", GPT2, "--offline", "--update"],
        &[PROMPT, "-m", GPT2, "--stats", "kld"],
        &[PROMPT, "-m", GPT2, "--point", "resid"],
        &[PROMPT, "-m", GPT2, "--track", "id:x"],
        &[PROMPT, "-m", GPT2, "--against", "x"],
        &[PROMPT, "-m", GPT2, "--ids", "1"],
        &[PROMPT, "-m", GPT2, "--system", "x"],
        &[PROMPT, "-m", GPT2, "--generate", "0"],
    ] {
        let run = run(args);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains("--help"));
    }
}

#[test]
fn nothing_of_a_models_files_reaches_a_terminal_as_it_is() {
    let checkpoint = Checkpoint::copy_of("gpt2");
    checkpoint.set("model_type", json!("\u{1b}[31mred\u{9b}31m\r\n"));
    let run = run(&[PROMPT, "-m", checkpoint.path(), "--color", "always"]);
    let message = run
        .stderr
        .split_once("The model's family")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap();
    assert!(message.contains(r"\u{1b}[31mred\u{9b}31m\r\n"), "{message:?}");
    assert!(!message.contains(char::is_control), "{message:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_like_any_other() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = support::lens()
        .args([PROMPT, "-m", GPT2])
        .stdout(full)
        .output()
        .unwrap();
    assert_fails(&output.into(), 1, "The results cannot be written");
}
