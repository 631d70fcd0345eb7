//! Options that no other file here is about.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

use safetensors::Dtype;
use serde_json::Value;
use tempfile::TempDir;
use unicode_width::UnicodeWidthStr;

use crate::support::{Checkpoint, Run, fixture, lens, run};
use crate::{GPT2, LLAMA, PROMPT, assert_works};

fn parsed(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn help_version_completions_and_man_page_come_from_the_options() {
    let help = run(&["--help"]);
    assert_works(&help);
    for text in [
        "layer i is the output of block i",
        "hidden_states[i]",
        "--model <MODEL>",
    ] {
        assert!(help.stdout.contains(text), "{text}");
    }
    assert!(help.stdout.lines().all(|line| line.width() <= 100));
    let version = format!("lens {}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["-V", "--version"] {
        assert_eq!(run(&[flag]).stdout, version);
    }
    for (shell, text) in [
        ("bash", "complete -o nospace -o bashdefault"),
        ("zsh", "#compdef lens"),
        ("fish", "complete --keep-order --exclusive --command lens"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion:arg-completer"),
    ] {
        let script = run(&["--completions", shell]);
        assert_works(&script);
        assert!(
            script.stdout.contains(text) && script.stdout.contains("LENS_COMPLETE"),
            "{shell}: {}",
            script.stdout
        );
    }
    let zsh = run(&["--completions", "zsh"]).stdout;
    assert!(
        zsh.contains("_clap_dynamic_completer_lens \"$@\""),
        "a file _lens completes at the first Tab: {zsh}"
    );
    let man = run(&["--man"]);
    assert_works(&man);
    assert!(man.stdout.contains(".TH lens") && man.stdout.contains("positions"));
}

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
        (&["--quie"], "--quie", &["--quiet"]),
    ] {
        let mut bash = Command::new("bash");
        let bash = bash.arg("-c").arg(&script).arg("bash").arg(last).args(typed);
        let answer = Run::from(
            bash.env("PATH", &path)
                .env("HF_HUB_CACHE", cache.path())
                .output()
                .unwrap(),
        );
        assert_works(&answer);
        assert_eq!(answer.stdout.lines().collect::<Vec<_>>(), replies, "{typed:?}");
    }
}

/// The help as a terminal of so many columns shows it.
fn help(flag: &str, columns: usize) -> String {
    let output = lens().arg(flag).env("COLUMNS", columns.to_string()).output();
    Run::from(output.unwrap()).stdout
}

#[test]
fn what_is_asked_for_most_comes_first_in_the_help() {
    let headings = |text: &str| -> Vec<String> {
        let is_heading = |line: &&str| !line.starts_with(' ') && line.ends_with(':');
        text.lines().filter(is_heading).map(str::to_string).collect()
    };
    let (short, long) = (help("-h", 100), help("--help", 100));
    let order = [
        "Arguments:",
        "Model:",
        "Prompts:",
        "Readings:",
        "Checks:",
        "Output:",
        "Computation:",
        "Other:",
        "Examples:",
    ];
    assert_eq!(headings(&long), order);
    let in_short: Vec<&str> = order
        .into_iter()
        .filter(|h| !["Checks:", "Computation:", "Examples:"].contains(h))
        .collect();
    assert_eq!(headings(&short), in_short);
    assert!(short.lines().count() <= 40, "one screen");
    for rare in ["--completions", "--man"] {
        assert!(
            !short.contains(rare) && long.find(rare) > long.find("Other:"),
            "{rare}"
        );
    }
}

#[test]
fn the_help_is_cut_between_words_and_its_formulas_are_not() {
    for columns in [80, 90, 100] {
        let text = help("--help", columns);
        assert!(text.lines().all(|line| line.width() <= columns), "{columns}");
        let start = text
            .lines()
            .position(|line| line.trim_start().starts_with("entropy "));
        let names = [
            "entropy",
            "forward_kl",
            "reverse_kl",
            "js",
            "tv",
            "cross_entropy",
            "agrees",
            "lens_kl",
            "Always",
        ];
        let lines = text.lines().skip(start.unwrap());
        for (line, name) in lines.zip(names) {
            assert_eq!(line.split_whitespace().next(), Some(name), "{columns}");
        }
        let examples = text.split("Examples:\n").nth(1).unwrap();
        assert!(
            examples.lines().all(|line| line.starts_with("  lens ")),
            "{columns}: {examples}"
        );
        // A paragraph is full to the last word that fits, so that no line of it stops short.
        let paragraph = text
            .split("Layers: ")
            .nth(1)
            .unwrap()
            .split("\n\n")
            .next()
            .unwrap();
        let lines: Vec<&str> = paragraph.lines().collect();
        for pair in lines.windows(2).skip(1) {
            let next = pair[1].split(' ').next().unwrap();
            assert!(
                pair[0].width() + 1 + next.width() > columns,
                "{columns}: {}",
                pair[0]
            );
        }
    }
}

#[test]
fn verify_says_what_it_found_on_stderr() {
    for args in [
        &["-m", GPT2][..],
        &["-m", LLAMA],
        &["-m", GPT2, "--dtype", "bf16"],
    ] {
        let plain = run(&[&[PROMPT], args].concat());
        let args = [&[PROMPT, "--verify"], args].concat();
        let verified = run(&args);
        assert_eq!(verified.code, Some(0));
        assert_eq!(verified.stdout, plain.stdout);
        assert!(verified.stderr.starts_with("verified: "), "{:?}", verified.stderr);
        assert_eq!(verified.stderr.lines().count(), 1);
        let quiet = run(&[&args[..], &["--quiet"]].concat());
        assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
    }
    // On the CPU nothing is verified unasked.
    for args in [&[PROMPT, "-m", GPT2][..], &[PROMPT, "-m", GPT2, "--verify=off"]] {
        assert_eq!(run(args).stderr, "");
    }
    assert_eq!(run(&[PROMPT, "--verify=sometimes"]).code, Some(2));
}

/// Logits so large that float32's own rounding is more than what two ways may differ by.
#[test]
fn what_is_not_verified_fails_whatever_reads_it() {
    let model = Checkpoint::copy_of("gpt2");
    model.tensors(|tensors| {
        let (name, norm) = tensors
            .iter()
            .find(|(name, _)| name.ends_with("ln_f.weight"))
            .unwrap();
        let (name, large) = (
            name.clone(),
            norm.map_f32(Dtype::F32, |x| (x * 1e6).to_le_bytes()),
        );
        tensors.insert(name, large);
    });
    let facts = model.file("facts.jsonl");
    fs::write(&facts, r#"{"prompt": "The", "targets": ["id:5"]}"#).unwrap();
    let (model, facts) = (model.path(), facts.to_str().unwrap());
    for (args, of) in [
        (
            &[PROMPT, "-m", model][..],
            "\"The Eiffel Tower is in the city of\"",
        ),
        (
            &["--compare", PROMPT, "The capital", "-m", model],
            "2 of 2: against the plain float64 computation the outputs of 2 prompts differ",
        ),
        (
            &["--prompts", facts, "--summary", "-m", model],
            "facts.jsonl, line 1: \"The\"",
        ),
        (
            &["--prompts", facts, "--summary", "-m", GPT2, "-m", model],
            "facts.jsonl, line 1: \"The\"",
        ),
        (&["--eval", facts, "-m", model], "facts.jsonl, line 1: \"The\""),
    ] {
        let plain = run(args);
        assert_works(&plain);
        let failed = run(&[args, &["--verify"]].concat());
        assert_eq!(
            (failed.code, &failed.stdout),
            (Some(1), &plain.stdout),
            "{args:?}"
        );
        let said =
            (failed.stderr.lines()).find(|line| line.starts_with("NOT verified: ") && line.contains(of));
        assert!(said.is_some(), "{args:?}: {}", failed.stderr);
    }
}

#[test]
fn a_misspelt_choice_is_told_from_the_nearest() {
    for (args, meant) in [
        (["--stats", "entrpy"], "entropy"),
        (["--point", "atn_out"], "attn_out"),
        (["--color-by", "foward_kl"], "forward_kl"),
        (["--lens", "tunned"], "tuned"),
        (["--model", "gtp2"], "gpt2"),
        (["--model", "Demo"], "demo"),
    ] {
        let refused = run(&[&[PROMPT], &args[..]].concat());
        let said = refused.stderr.to_lowercase();
        assert_eq!(refused.code, Some(2), "{args:?}");
        assert!(
            said.contains(&format!("did you mean {meant}?")),
            "{args:?}: {said}"
        );
    }
    let far = run(&[PROMPT, "--stats", "height"]).stderr;
    assert!(far.contains("unknown statistic \"height\"; use all"), "{far}");
}

#[test]
fn everything_that_is_read_can_be_verified() {
    let folder = tempfile::tempdir().unwrap();
    let facts = folder.path().join("facts.jsonl");
    std::fs::write(&facts, "{\"prompt\": \"The\", \"targets\": [\" a\"]}\n".repeat(3)).unwrap();
    let facts = facts.to_str().unwrap();
    let models = ["-m", GPT2, "-m", LLAMA];
    for (args, lines, of) in [
        (
            &[PROMPT, "-m", GPT2, "-m", LLAMA][..],
            2,
            "of \"tests/fixtures/llama\" differs",
        ),
        (
            &["--compare", PROMPT, "The capital"],
            1,
            "the outputs of 2 prompts differ",
        ),
        (
            &[&["--prompts", facts, "--summary"], &models[..]].concat(),
            2,
            "the outputs of 3 prompts of \"tests/fixtures/gpt2\" differ",
        ),
        (
            &["--prompts", facts, "--summary"],
            1,
            "the outputs of 3 prompts differ",
        ),
        (&["--prompts", facts], 1, "the outputs of 3 prompts differ"),
        (&["--eval", facts], 1, "the outputs of 3 prompts differ"),
    ] {
        let plain = run(args);
        let verified = run(&[args, &["--verify"]].concat());
        assert_eq!(
            (verified.code, &verified.stdout),
            (Some(0), &plain.stdout),
            "{args:?}"
        );
        let said = verified
            .stderr
            .lines()
            .filter(|line| line.starts_with("verified: "));
        assert_eq!(said.count(), lines, "{args:?}: {}", verified.stderr);
        assert!(verified.stderr.contains(of), "{args:?}: {}", verified.stderr);
    }
}

#[test]
fn more_tokens_than_there_are_means_all_of_them() {
    let args = [PROMPT, "-m", GPT2, "--json", "--layers", "-1", "-k"];
    for k in ["303", "304", "1000000000000000000", "18446744073709551615"] {
        let run = run(&[&args[..], &[k]].concat());
        assert_works(&run);
        let top = parsed(&run)["topk_ids"][0][7].as_array().unwrap().len();
        assert_eq!(top, 303, "-k {k}");
    }
}

#[test]
fn a_model_is_named_as_it_was_given() {
    let file = fixture("gpt2").join("model.safetensors");
    for model in [GPT2, "./tests/fixtures/gpt2/", file.to_str().unwrap()] {
        let run = run(&[PROMPT, "-m", model, "--json"]);
        assert_works(&run);
        assert_eq!(parsed(&run)["meta"]["model"], model);
    }
}

#[test]
fn a_prompt_comes_from_the_command_line_only() {
    // Nothing waits for a stdin that is open.
    let mut child = lens()
        .args([PROMPT, "-m", GPT2])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success() && said.contains("Output:"));
    // It may be gone already, which is the point.
    let _ = stdin.write_all(b"another prompt");
}
