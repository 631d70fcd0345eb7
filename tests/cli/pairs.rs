//! Every pair of options: each of the two does something beside the other, or the run is refused.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

use crate::bench::{ID, NEW, OLD, real, write_python_cache};
use crate::server::{Content, Hub};
use crate::support::{Checkpoint, fixture, lens};

const PROMPT: &str = "The capital of France is Paris.";

/// An option with a value that is not its default, and what it needs beside it to do something.
/// `FILES` stands for a folder of its own, `HUB` for a model that is in the cache in an older revision.
struct Case {
    option: &'static [&'static str],
    beside: &'static [&'static [&'static str]],
}

const fn case(option: &'static [&'static str]) -> Case {
    Case { option, beside: &[] }
}

impl Case {
    const fn beside(self, beside: &'static [&'static [&'static str]]) -> Self {
        Self { beside, ..self }
    }
}

#[rustfmt::skip]
const CASES: [Case; 42] = [
    case(&["--families"]),
    case(&["--model", "tests/fixtures/llama"]),
    case(&["--revision", "other"]).beside(&[&["--model", "HUB"]]),
    case(&["--update"]).beside(&[&["--model", "HUB"]]),
    case(&["--prompts", "FILES/prompts.txt"]),
    case(&["--ids", "12,13,14"]),
    case(&["--bos", "always"]),
    case(&["--chat"]).beside(&[&["--model", "FILES/chat"]]),
    case(&["--system", "Be brief."]).beside(&[&["--model", "FILES/chat"], &["--chat"]]),
    case(&["--generate", "2"]),
    case(&["--tokens"]),
    case(&["--top-k", "3"]),
    case(&["--lens", "jacobian=FILES/lens.safetensors"]),
    case(&["--layers", "0,2"]),
    case(&["--positions", "3:"]),
    case(&["--point", "attn_out"]),
    case(&["--track", " London"]),
    case(&["--against", " Rome"]).beside(&[&["--track", " London"]]),
    case(&["--stats", "entropy"]),
    case(&["--targets", "first-token"]).beside(&[&["--prompts", "FILES/records.jsonl"]]),
    case(&["--first-token"]).beside(&[&["--track", " Reykjavik and more"]]),
    case(&["--variants"]).beside(&[&["--track", "a"]]),
    case(&["--summary"]),
    case(&["--eval", "FILES/eval.jsonl"]),
    case(&["--trailing-space", "keep"]).beside(&[&["--eval", "FILES/eval.jsonl"]]),
    case(&["--compare"]).beside(&[&["--prompts", "FILES/prompts.txt"]]),
    case(&["--heatmap"]),
    case(&["--plot"]),
    case(&["--color-by", "entropy"]).beside(&[&["--heatmap"]]),
    case(&["--order", "down"]).beside(&[&["--heatmap"]]),
    case(&["--each"]).beside(&[&["--prompts", "FILES/prompts.txt"]]),
    case(&["--words"]),
    case(&["--title", "A title"]).beside(&[&["--output", "FILES/out.svg"]]),
    case(&["--format", "markdown"]),
    case(&["--json"]),
    case(&["--lean"]).beside(&[&["--json"]]),
    case(&["--output", "FILES/out.svg"]),
    case(&["--output", "FILES/out.csv"]),
    case(&["--output", "FILES/out.html"]),
    case(&["--output", "FILES/out.jsonl"]),
    case(&["--verify"]),
    case(&["--dtype", "bf16"]),
];

/// Options that by nature need not change what is shown, with the reason.
const EXEMPT: [(&str, &str); 14] = [
    ("--all-rows", "only a terminal folds rows"),
    ("--assert", "what holds is said by the exit code"),
    ("--assert-format", "only what does not hold is said"),
    ("--baseline", "what moved is said on stderr and by the exit code"),
    ("--tolerance", "what moved is said on stderr and by the exit code"),
    ("--color", "a pipe has none, and always is for the table's own"),
    ("--device", "the same numbers, elsewhere"),
    ("--explore", "a pipe is no terminal; tests/explore has one"),
    ("--load", "what --explore opens"),
    ("--offline", "the cache has what the hub has"),
    ("--quiet", "what it hides is said only at times"),
    ("--remote", "the same numbers, elsewhere"),
    ("--threads", "the same numbers, sooner"),
    ("--timeout", "a wait that no server here makes necessary"),
];

/// Pairs that are one request said twice, or of which one cannot show beside the other.
const SAME: [(&str, &str, &str); 22] = [
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
    (
        "--heatmap",
        "--title",
        "a heatmap is what the picture shows anyway",
    ),
    (
        "--revision",
        "--update",
        "a revision that is not in the cache is asked for anyway",
    ),
    ("--revision", "--bos", "the other model begins with BOS anyway"),
    ("--update", "--tokens", "both revisions have one tokenizer"),
    (
        "--prompts",
        "--targets",
        "its prompts have no target that cannot be used",
    ),
    (
        "--track",
        "--targets",
        "a prompt's own target comes before those tracked",
    ),
    ("--track", "--first-token", "one token is its own first"),
    ("--revision", "--variants", "there it has one spelling"),
    ("--targets", "--heatmap", "these colours show no target"),
    ("--targets", "--color-by", "these colours show no target"),
    ("--targets", "--order", "the heatmap's colours show no target"),
    ("--track", "--variants", "it has one spelling"),
    ("--targets", "--first-token", "first-token is the same"),
    ("--top-k", "--each", "each prompt has tables anyway"),
    ("--generate", "--each", "each prompt has tables anyway"),
    ("--positions", "--each", "each prompt has tables anyway"),
    ("--point", "--each", "each prompt has tables anyway"),
    ("--against", "--each", "each prompt has tables anyway"),
    ("--stats", "--each", "each prompt has tables anyway"),
];

/// A hub with a newer revision than the cache has, and another branch.
static HUB: LazyLock<Hub> = LazyLock::new(|| {
    let hub = Hub::start();
    for (branch, commit, name) in [("main", NEW, "gpt2-untied"), ("other", "33", "llama-linear")] {
        let content = |file: &str| Content {
            bytes: std::fs::read(fixture(name).join(file)).unwrap(),
            large: file.ends_with(".safetensors"),
        };
        let files = ["config.json", "tokenizer.json", "model.safetensors"];
        let files = files.map(|file| (file.to_string(), content(file))).into();
        hub.commit(ID, branch, &commit.repeat(40 / commit.len()), &files);
    }
    hub
});

/// What a run shows and where, or that it is refused.
#[derive(PartialEq)]
struct Shown {
    refused: bool,
    everything: String,
}

fn shown(options: &[&[&str]]) -> Shown {
    let folder = TempDir::new().unwrap();
    let here = folder.path().to_str().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "prompts.txt",
        "The capital of Italy is\nThe capital of France is\n",
    );
    write(
        "records.jsonl",
        // Two, since what an option changes in one may lie below the digits that are shown.
        concat!(
            r#"{"prompt": "The capital of Iceland is", "targets": [" Reykjavik and more"]}"#,
            "\n",
            r#"{"prompt": "The opposite of hot is", "targets": [" cold and more"]}"#,
        ),
    );
    write(
        "eval.jsonl",
        concat!(
            r#"{"prompt": "The capital of Iceland is ", "targets": ["a", " and more of it"], "controls": ["e"]}"#,
            "\n",
            r#"{"prompt": "The capital of Italy is", "targets": [" of it", "o"], "position": 3}"#
        ),
    );
    write_lens(&folder.path().join("lens.safetensors"));
    let mut args: Vec<String> = options
        .iter()
        .copied()
        .flatten()
        .map(|arg| arg.to_string())
        .collect();
    let chat = args.contains(&"FILES/chat".to_string()).then(|| {
        let model = Checkpoint::copy_of("gpt2");
        model.write(
            "chat_template.jinja",
            "{% for message in messages %}{{ message.role[0] }}{{ message.content[:11] }}{% endfor %}",
        );
        model
    });
    if args.contains(&"HUB".to_string()) {
        write_python_cache(&folder.path().join("hub/models--someone--tiny"), OLD, &real());
    }
    for arg in &mut args {
        if let Some(model) = &chat {
            *arg = arg.replace("FILES/chat", model.path());
        }
        *arg = arg.replace("FILES", here).replace("HUB", ID);
    }
    let without_prompt = ["--prompts", "--ids", "--families", "--eval"];
    let has_prompt = args.iter().any(|arg| without_prompt.contains(&arg.as_str()));
    let prompt = (!has_prompt).then_some(PROMPT);
    let output = lens()
        .args(prompt)
        .args(&args)
        .env("HF_ENDPOINT", &HUB.endpoint)
        .env("HF_HUB_CACHE", folder.path().join("hub"))
        .output()
        .unwrap();
    let mut everything = [output.stdout, output.stderr].concat();
    for name in ["out.svg", "out.csv", "out.html", "out.jsonl"] {
        everything.extend(std::fs::read(Path::new(here).join(name)).unwrap_or_default());
    }
    let mut text = String::from_utf8_lossy(&everything).replace(here, "FILES");
    if let Some(model) = &chat {
        text = text.replace(model.path(), "FILES/chat");
    }
    Shown {
        refused: !output.status.success(),
        everything: without_times(&text),
    }
}

/// A Jacobian lens of the demo model that turns every row by one place.
fn write_lens(path: &Path) {
    const LAYERS: usize = 10;
    const HIDDEN: usize = 112;
    let turn = |i: usize| f32::from(u8::from(i % HIDDEN == (i / HIDDEN + 1) % HIDDEN));
    let data: Vec<u8> = (0..HIDDEN * HIDDEN).flat_map(|i| turn(i).to_le_bytes()).collect();
    let view = || TensorView::new(Dtype::F32, vec![HIDDEN, HIDDEN], &data).unwrap();
    let tensors = (0..LAYERS - 1).map(|layer| (layer.to_string(), view()));
    std::fs::write(path, safetensors::serialize(tensors, None).unwrap()).unwrap();
}

/// What two cases need beside them, less what they are themselves; each thing once.
fn beside(cases: [&Case; 2]) -> Vec<&'static [&'static str]> {
    let mut needed: Vec<&[&str]> = Vec::new();
    for &option in cases.iter().flat_map(|case| case.beside) {
        let is_there = cases.iter().any(|case| case.option[0] == option[0]);
        if !is_there && !needed.contains(&option) {
            needed.push(option);
        }
    }
    needed
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
fn every_option_does_something_where_it_applies() {
    let idle = |case: &&Case| {
        let without = shown(case.beside);
        let with = shown(&[case.beside, &[case.option]].concat());
        assert!(!without.refused, "{:?}: {}", case.beside, without.everything);
        assert!(!with.refused, "{:?}: {}", case.option, with.everything);
        with == without
    };
    let idle: Vec<_> = CASES.iter().filter(idle).map(|case| case.option).collect();
    assert!(idle.is_empty(), "without effect: {idle:?}");
}

#[test]
fn every_option_does_something_beside_every_other_or_is_refused() {
    let mut seen: HashMap<Vec<&[&str]>, Shown> = HashMap::new();
    let mut idle = Vec::new();
    for (i, a) in CASES.iter().enumerate() {
        for b in &CASES[i + 1..] {
            let is_same = |(x, y, _): &(&str, &str, &str)| {
                [a, b].iter().any(|case| case.option.contains(x))
                    && [a, b].iter().any(|case| case.option.contains(y))
            };
            if a.option[0] == b.option[0] || SAME.iter().any(is_same) {
                continue;
            }
            let beside = beside([a, b]);
            let both = shown(&[&beside[..], &[a.option, b.option]].concat());
            let mut adds_nothing_to = |other: &'static [&'static str]| {
                let options = [&beside[..], &[other]].concat();
                *seen.entry(options.clone()).or_insert_with(|| shown(&options)) == both
            };
            if !both.refused && (adds_nothing_to(a.option) || adds_nothing_to(b.option)) {
                idle.push(format!("{} beside {}", a.option.join(" "), b.option.join(" ")));
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
        let Some(long) = line.split([' ', ',', '[']).find(|word| word.starts_with("--")) else {
            continue;
        };
        let tried = CASES.iter().any(|case| case.option[0] == long);
        let exempt = EXEMPT.iter().any(|(option, _)| *option == long);
        assert!(tried || exempt || others.contains(&long), "{long} is in no pair");
    }
}
