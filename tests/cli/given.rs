//! What is given: prompts through stdin, files of prompts, endings of outputs, options without effect.

use std::io::Write;
use std::process::Stdio;

use tempfile::TempDir;

use crate::support::{Run, lens, run};
use crate::{GPT2, PROMPT, assert_fails};

fn piped(args: &[&str], text: &[u8]) -> Run {
    let mut child = lens()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_prompt_comes_through_stdin() {
    let expected = run(&[PROMPT, "-m", GPT2]).stdout;
    let text = format!("{PROMPT}\n");
    for args in [&["-", "-m", GPT2][..], &["-m", GPT2]] {
        let piped = piped(args, text.as_bytes());
        assert_eq!((piped.code, piped.stdout.as_str()), (Some(0), expected.as_str()));
    }
    assert_fails(&piped(&["-", "-m", GPT2], b""), 2, "stdin is empty");
    assert_fails(&piped(&["-", "-m", GPT2], b"\xff"), 1, "not UTF-8");
    // Without any prompt, the model is described.
    assert_eq!(piped(&["-m", GPT2], b"").stdout, run(&["-m", GPT2]).stdout);
}

#[test]
fn nothing_at_all_is_answered_with_the_short_help() {
    let bare = run(&[]);
    assert_eq!((bare.code, bare.stdout.as_str()), (Some(2), ""));
    let help = run(&["-h"]).stdout;
    assert_eq!(bare.stderr, help);
    assert!(help.lines().count() <= 35, "{help}");
    assert!(help.contains("lens --help") && help.contains("--track") && !help.contains("--schema"));
    assert_fails(&run(&["--json"]), 2, "no prompt");
}

#[test]
fn a_table_or_an_array_is_not_read_as_text() {
    let folder = TempDir::new().unwrap();
    for (name, text, problem) in [
        (
            "q.csv",
            "prompt,target\nThe, the\n",
            "q.csv is a table by its ending",
        ),
        ("q.json", "[{\"prompt\": \"The\"}]\n", "looks like a JSON array"),
        (
            "q.txt",
            "{\"prompt\": \"The\n",
            "looks like JSON but is not a whole object",
        ),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        assert_fails(
            &run(&["--prompts", file.to_str().unwrap(), "-m", GPT2]),
            1,
            problem,
        );
    }
}

#[test]
fn an_output_has_an_ending_that_names_a_format() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    for name in ["a.jpg", "a.parquet", "a.tsv", "a.xyz"] {
        let refused = run(&[PROMPT, "-m", GPT2, "-o", &path(name)]);
        assert_fails(&refused, 2, "No format has the ending");
        assert!(!folder.path().join(name).exists());
    }
    for args in [&["a.txt"][..], &["a"], &["a.xyz", "--format", "csv"]] {
        let file = path(args[0]);
        let args = [&[PROMPT, "-m", GPT2, "-o", &file], &args[1..]].concat();
        assert_eq!(run(&args).code, Some(0), "{args:?}");
    }
    assert_eq!(run(&[PROMPT, "-m", GPT2, "-o", "/dev/null"]).code, Some(0));
}

#[test]
fn an_option_without_effect_is_refused_with_a_reason() {
    for (args, problem) in [
        (
            &["--summary", "--plot"][..],
            "--plot cannot be used with --summary",
        ),
        (
            &["--summary", "--heatmap"],
            "--heatmap cannot be used with --summary",
        ),
        (
            &["--tokens", "--heatmap"],
            "--heatmap cannot be used with --tokens",
        ),
        (
            &["--tokens", "--layers", "1"],
            "--layers cannot be used with --tokens",
        ),
        (&["--summary", "-o", "x.html"], "--summary has no html output"),
        (
            &["--plot", "--stats", "entropy"],
            "--stats has no effect on plot output",
        ),
        (
            &["--plot", "--color-by", "entropy"],
            "--color-by has no effect on plot output",
        ),
        (
            &["--color-by", "entropy"],
            "--color-by has no effect on table output",
        ),
        (&["--order", "down"], "--order has no effect on table output"),
        (
            &["--heatmap", "-k", "3"],
            "--top-k has no effect on heatmap output",
        ),
        (&["--revision", "x"], "--revision has no effect"),
        (&["--update"], "--update has no effect"),
        (&["--title", "x"], "--title has no effect"),
        (&["--each"], "--each has no effect"),
    ] {
        let args = [&[PROMPT, "-m", GPT2], args].concat();
        assert_fails(&run(&args), 2, problem);
    }
    assert_fails(&run(&["-m", GPT2, "--layers", "1"]), 2, "--layers needs one");
    // A line for each prompt shows none of these.
    let many = [PROMPT, PROMPT, PROMPT, PROMPT, "-m", GPT2];
    for option in ["--words", "--all-rows"] {
        let problem = format!("{option} has no effect on table output");
        assert_fails(&run(&[&many[..], &[option]].concat()), 2, &problem);
        assert_eq!(run(&[&many[..], &[option, "--each"]].concat()).code, Some(0));
    }
}

#[test]
fn names_of_the_ecosystem_are_understood() {
    for (args, same) in [
        (&["--dtype", "bfloat16"][..], &["--dtype", "bf16"][..]),
        (&["--stats", "kl"], &["--stats", "forward_kl"]),
        (
            &["--heatmap", "--color-by", "kl"],
            &["--heatmap", "--color-by", "forward_kl"],
        ),
        (&["--max-new-tokens", "2"], &["--generate", "2"]),
        (&["--format", "md"], &["--format", "markdown"]),
        (&["--layers", "1:"], &["--layers", "1-last"]),
    ] {
        let [one, other] = [args, same].map(|args| run(&[&[PROMPT, "-m", GPT2], args].concat()));
        assert_eq!((one.code, one.stdout), (Some(0), other.stdout), "{args:?}");
    }
    let refused = run(&[PROMPT, "-m", GPT2, "--point", "resid_pre"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("write resid_post,embed"));
}

#[test]
fn the_man_page_has_the_usual_sections() {
    let man = run(&["--man"]).stdout;
    for section in ["OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"] {
        assert!(man.contains(&format!(".SH \"{section}\"")) || man.contains(&format!(".SH {section}")));
    }
    assert!(man.contains("Print the man page and exit"));
    for variable in [
        "HF_HOME",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "XDG_CACHE_HOME",
        "HF_TOKEN",
        "HF_TOKEN_PATH",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN",
        "HF_HUB_OFFLINE",
        "HF_HUB_DOWNLOAD_TIMEOUT",
        "HF_ENDPOINT",
        "NDIF_HOST",
        "NDIF_API_KEY",
        "VLLM_API_KEY",
        "NO_COLOR",
        "COLUMNS",
        "TERM",
    ] {
        assert!(man.contains(variable), "{variable}");
    }
}

/// What a person reads as lines is not filled to paragraphs, and fits a terminal of 80 columns.
#[test]
fn tables_and_examples_of_the_man_page_are_blocks() {
    let man = run(&["--man"]).stdout;
    let mut blocks: Vec<Vec<String>> = Vec::new();
    let mut is_inside = false;
    for line in man.lines() {
        match line {
            ".nf" => {
                blocks.push(Vec::new());
                is_inside = true;
            }
            ".fi" => is_inside = false,
            _ if is_inside => {
                let shown = line.replace("\\*(Aq", "'").replace('\\', "");
                // A page's margin, and an option's.
                let margin = if shown.starts_with(' ') { 14 } else { 7 };
                assert!(margin + shown.chars().count() <= 80, "{shown}");
                blocks.last_mut().unwrap().push(shown);
            }
            _ => assert!(!line.starts_with("  "), "{line}"),
        }
    }
    let begins = |text: &str| blocks.iter().any(|block| block[0].trim_start().starts_with(text));
    assert!(
        !is_inside && begins("entropy ") && begins("lens \""),
        "{blocks:?}"
    );
}
