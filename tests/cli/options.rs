//! Options that no other file here is about.

use std::io::{Read, Write};
use std::process::Stdio;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::support::{Run, fixture, lens, run};
use crate::{GPT2, PROMPT, assert_works};

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
