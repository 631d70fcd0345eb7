//! Every pair of options: each of the two does something beside the other, or the run is refused.

use std::path::Path;

use tempfile::TempDir;

use crate::support::lens;

const PROMPT: &str = "The capital of France is";

/// An option with a value that is not its default; `FILES` stands for a folder of its own.
const OPTIONS: [&[&str]; 32] = [
    &["--model", "tests/fixtures/llama"],
    &["--revision", "main"],
    &["--update"],
    &["--prompts", "FILES/prompts.txt"],
    &["--ids", "12,13,14"],
    &["--bos", "always"],
    &["--chat"],
    &["--system", "Be brief."],
    &["--generate", "2"],
    &["--tokens"],
    &["--top-k", "3"],
    &["--layers", "0,2"],
    &["--positions", "0:3"],
    &["--point", "attn_out"],
    &["--track", " London"],
    &["--against", " Rome"],
    &["--stats", "entropy"],
    &["--targets", "error"],
    &["--summary"],
    &["--compare"],
    &["--heatmap"],
    &["--plot"],
    &["--color-by", "entropy"],
    &["--order", "down"],
    &["--format", "markdown"],
    &["--json"],
    &["--lean"],
    &["--output", "FILES/out.svg"],
    &["--output", "FILES/out.csv"],
    &["--output", "FILES/out.html"],
    &["--verify"],
    &["--dtype", "bf16"],
];

/// Options that by nature need not change what is shown, with the reason.
const EXEMPT: [(&str, &str); 10] = [
    ("--all-rows", "only a terminal folds rows"),
    ("--color", "a pipe has none, and always is for the table's own"),
    ("--device", "the same numbers, elsewhere"),
    ("--each", "only many prompts have lines to replace"),
    ("--offline", "the cache has what the hub has"),
    ("--quiet", "what it hides is said only at times"),
    ("--targets", "only speaks of targets that cannot be used"),
    ("--threads", "the same numbers, sooner"),
    ("--title", "only a picture has one"),
    ("--words", "there may be nothing but words"),
];

/// Pairs that are one request said twice, or of which one cannot show beside the other.
const SAME: [(&str, &str, &str); 3] = [
    ("--model", "--dtype", "the model's file is in bfloat16"),
    (
        "--heatmap",
        "FILES/out.svg",
        "a heatmap is what the picture shows anyway",
    ),
    (
        "--heatmap",
        "FILES/out.html",
        "a heatmap is what the page shows anyway",
    ),
];

/// What a run shows and where, or that it is refused.
#[derive(PartialEq)]
struct Shown {
    refused: bool,
    everything: Vec<u8>,
}

fn shown(options: &[&[&str]]) -> Shown {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("prompts.txt"), "The capital of Italy is\n").unwrap();
    let here = folder.path().to_str().unwrap();
    let options = options.iter().copied().flatten();
    let args: Vec<String> = options.map(|arg| arg.replace("FILES", here)).collect();
    let has_prompt = args.iter().any(|arg| arg == "--prompts" || arg == "--ids");
    let prompt = (!has_prompt).then_some(PROMPT);
    let output = lens().args(prompt).args(&args).output().unwrap();
    let mut everything = [output.stdout, output.stderr].concat();
    for name in ["out.svg", "out.csv", "out.html"] {
        everything.extend(std::fs::read(Path::new(here).join(name)).unwrap_or_default());
    }
    let text = String::from_utf8_lossy(&everything).replace(here, "FILES");
    Shown {
        refused: !output.status.success(),
        everything: without_times(&text).into_bytes(),
    }
}

/// Runs differ in the second at which they were.
fn without_times(text: &str) -> String {
    let mut pieces = text.split("\"timestamp\":");
    let first = pieces.next().unwrap_or_default().to_string();
    pieces.fold(first, |text, piece| {
        let after = piece.split_once(',').map_or("", |(_, after)| after);
        text + after
    })
}

#[test]
fn every_option_does_something_beside_every_other_or_is_refused() {
    let is_exempt = |option: &[&str]| EXEMPT.iter().any(|(exempt, _)| *exempt == option[0]);
    let options: Vec<&[&str]> = OPTIONS.into_iter().filter(|option| !is_exempt(option)).collect();
    let alone: Vec<Shown> = options.iter().map(|option| shown(&[*option])).collect();
    let mut idle = Vec::new();
    for (i, a) in options.iter().enumerate() {
        for (j, b) in options.iter().enumerate().skip(i + 1) {
            let is_same = |(x, y, _): &(&str, &str, &str)| {
                [a, b].iter().any(|o| o.contains(x)) && [a, b].iter().any(|o| o.contains(y))
            };
            if a[0] == b[0] || SAME.iter().any(is_same) {
                continue;
            }
            let both = shown(&[*a, *b]);
            if !both.refused && (both == alone[i] || both == alone[j]) {
                idle.push(format!("{} beside {}", a.join(" "), b.join(" ")));
            }
        }
    }
    assert!(idle.is_empty(), "without effect:\n{}", idle.join("\n"));
}

#[test]
fn the_pairs_are_of_every_option() {
    let help = crate::support::run(&["--help"]).stdout;
    let words = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let others = ["--help", "--version", "--completions", "--schema", "--man"];
    for line in words {
        let Some(long) = line.split([' ', ',']).find(|word| word.starts_with("--")) else {
            continue;
        };
        let tried = OPTIONS.iter().any(|option| option[0] == long);
        let exempt = EXEMPT.iter().any(|(option, _)| *option == long);
        assert!(tried || exempt || others.contains(&long), "{long} is in no pair");
    }
}
