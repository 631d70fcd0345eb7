//! Several positions, several prompts: grids, files, streams, summaries.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use unicode_width::UnicodeWidthStr;

use crate::support::{Run, lens, run};
use crate::{GPT2, LLAMA, PROMPT, assert_fails, assert_works};

/// Few enough tokens for one band.
const SHORT: &str = "The Eiffel Tower is in";
const OTHER: &str = "The capital of France is";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A document without the time at which it was made.
fn timeless(mut document: Value) -> Value {
    document["meta"]["timestamp"].take();
    document
}

#[test]
fn several_positions_make_a_grid_of_the_likeliest_tokens() {
    let grid = run(&[SHORT, "-m", GPT2, "--positions", "all"]);
    assert_works(&grid);
    let document = parsed(&run(&[SHORT, "-m", GPT2, "--positions", "all", "--json"]).stdout);
    let tokens: Vec<&str> = document["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_str().unwrap())
        .collect();
    // A pipe has room for all: one band, whose lines are heads, embed, three layers, settles.
    let band: Vec<&str> = grid
        .stdout
        .lines()
        .skip_while(|l| *l != "Top token")
        .take(8)
        .collect();
    let words = |line: &str| line.split_whitespace().map(str::to_string).collect::<Vec<_>>();
    assert_eq!(words(band[1]), ["0", "1", "2", "3", "4"]);
    let heads: Vec<String> = tokens.iter().map(|t| t.replace(' ', "␣")).collect();
    assert_eq!(words(band[2])[1..], heads);
    for (layer, line) in band[4..7].iter().enumerate() {
        let cells = words(line);
        assert_eq!(
            (cells[0].as_str(), cells.len()),
            (layer.to_string().as_str(), 1 + 2 * 5)
        );
        for at in 0..5 {
            let top = document["topk"][layer][at][0].as_str().unwrap();
            let label: String = logit_lens::text::tokens::visible(top.as_bytes());
            let shown = cells[1 + 2 * at].trim_end_matches('…');
            assert!(
                label.starts_with(shown) || top.starts_with(shown),
                "{label} {shown}"
            );
            let percent = 100. * document["topk_probs"][layer][at][0].as_f64().unwrap();
            let expected = if percent < 1. {
                "<1%".to_string()
            } else {
                format!("{percent:.0}%")
            };
            assert_eq!(cells[2 + 2 * at], expected);
        }
    }
    let settles: Vec<String> = (document["settles_at"].as_array().unwrap().iter())
        .map(|layer| layer.as_u64().map_or("–".to_string(), |l| l.to_string()))
        .collect();
    assert_eq!(words(band[7])[1..], settles);
}

#[test]
fn a_grid_is_cut_into_bands_that_fit() {
    let long = [PROMPT; 5].join(" 東京 🙂 ");
    let args = [
        &long,
        "-m",
        LLAMA,
        "--positions",
        "all",
        "--track",
        "id:3",
        "--stats",
        "entropy",
    ];
    let grid: Run = lens().args(args).env("COLUMNS", "100").output().unwrap().into();
    assert_works(&grid);
    for line in grid.stdout.lines() {
        assert!(line.width() <= 100 && line == line.trim_end(), "{line:?}");
    }
    for title in ["Top token", "(id 3): probability and rank", "entropy"] {
        assert!(
            grid.stdout.lines().filter(|line| line.ends_with(title)).count() > 2,
            "{title}"
        );
    }
    // A pipe has no end, and gets one band.
    let wide = run(&args);
    assert_eq!(wide.stdout.lines().filter(|line| *line == "Top token").count(), 1);
    // A window, instead.
    let window = run(&[&long, "-m", LLAMA, "--positions", "10:14"]);
    assert_eq!(
        window.stdout.lines().filter(|line| *line == "Top token").count(),
        1
    );
    // A table for each position, when more than one token is asked for.
    let each = run(&[PROMPT, "-m", LLAMA, "--positions", "all", "-k", "2"]);
    assert_eq!(each.stdout.matches("After position").count(), 8);
}

#[test]
fn several_prompts_give_what_each_gives_alone() {
    let both = run(&[PROMPT, OTHER, "-m", GPT2, "--json"]);
    assert_works(&both);
    let both = parsed(&both.stdout);
    assert_eq!(both.as_array().unwrap().len(), 2);
    for (document, prompt) in both.as_array().unwrap().iter().zip([PROMPT, OTHER]) {
        let alone = parsed(&run(&[prompt, "-m", GPT2, "--json"]).stdout);
        assert_eq!(document["topk_ids"], alone["topk_ids"]);
        let probs = |d: &Value| {
            d["topk_probs"][2].as_array().unwrap().last().unwrap()[0]
                .as_f64()
                .unwrap()
        };
        // The kernels for few rows sum in another order than those for many.
        assert!((probs(document) - probs(&alone)).abs() < 1e-6);
    }
    let tables = run(&[PROMPT, OTHER, "-m", GPT2]).stdout;
    assert_eq!(tables.matches("Output: ").count(), 2);
    assert_eq!(
        tables.matches("parameters").count(),
        1,
        "the model is introduced once"
    );
}

/// A hundred prompts, more than a batch of tokens holds in one.
fn prompts_file(folder: &TempDir) -> (String, Vec<String>) {
    let prompts: Vec<String> = (0..100)
        .map(|i| format!("{PROMPT} {} {}", "the".repeat(i % 7), i))
        .collect();
    let path = folder.path().join("prompts.txt");
    std::fs::write(&path, prompts.join("\n")).unwrap();
    (path.to_str().unwrap().to_string(), prompts)
}

#[test]
fn a_file_of_prompts_comes_out_in_order() {
    let folder = TempDir::new().unwrap();
    let (path, prompts) = prompts_file(&folder);
    let lines = run(&["--prompts", &path, "-m", LLAMA, "--format", "jsonl"]);
    assert_works(&lines);
    let documents: Vec<Value> = lines.stdout.lines().map(parsed).collect();
    let read: Vec<&str> = documents
        .iter()
        .map(|d| d["meta"]["prompt"].as_str().unwrap())
        .collect();
    assert_eq!(read, prompts);
    let array = run(&["--prompts", &path, "-m", LLAMA, "--json"]).stdout;
    let array: Vec<Value> = parsed(&array).as_array().unwrap().clone();
    let timeless = |documents: Vec<Value>| documents.into_iter().map(timeless).collect::<Vec<_>>();
    assert_eq!(timeless(array), timeless(documents));
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let none = run(&["--prompts", empty.to_str().unwrap(), "-m", LLAMA, "--json"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "[]\n"));
}

#[test]
fn stdin_is_read_as_it_comes() {
    let mut child = lens()
        .args(["--prompts", "-", "-m", LLAMA, "--format", "jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // Each answer is there before the next prompt is given.
    for prompt in [PROMPT, OTHER] {
        writeln!(stdin, "{prompt}").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(parsed(&line)["meta"]["prompt"], prompt);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn no_bit_of_an_answer_depends_on_how_fast_stdin_comes() {
    let prompts = [
        PROMPT,
        OTHER,
        "The",
        "The capital of France is",
        PROMPT,
        "a b c d e f",
    ];
    let answers = |together: bool| {
        let mut child = lens()
            .args([
                "--prompts",
                "-",
                "-m",
                LLAMA,
                "--format",
                "csv",
                "--positions",
                "all",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut answers = String::new();
        if together {
            stdin.write_all(prompts.join("\n").as_bytes()).unwrap();
        } else {
            for prompt in prompts {
                writeln!(stdin, "{prompt}").unwrap();
                // The next one is given when this one is being answered.
                stdout.read_line(&mut answers).unwrap();
            }
        }
        drop(stdin);
        stdout.read_to_string(&mut answers).unwrap();
        assert!(child.wait().unwrap().success());
        answers
    };
    assert_eq!(answers(true), answers(false));
}

#[test]
fn json_lines_bring_their_own_targets() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("p.jsonl");
    let lines = [
        format!(r#"{{"prompt": "{PROMPT}", "targets": [" the"], "id": "tower"}}"#),
        format!(r#"{{"prompt": "{OTHER}", "id": 2}}"#),
    ];
    std::fs::write(&path, lines.join("\n")).unwrap();
    let path = path.to_str().unwrap();
    let found = run(&["--prompts", path, "-m", LLAMA, "--format", "jsonl"]).stdout;
    let documents: Vec<Value> = found.lines().map(parsed).collect();
    assert_eq!(
        (&documents[0]["id"], &documents[1]["id"]),
        (&"tower".into(), &"2".into())
    );
    assert_eq!(documents[0]["targets"][0]["tokens"][0], " the");
    assert!(documents[1].get("targets").is_none());
}

/// A file of prompts with targets, the second of which the model does not have.
fn targets_file(folder: &TempDir) -> String {
    let path = folder.path().join("p.jsonl");
    let lines = [
        format!(r#"{{"prompt": "{PROMPT}", "targets": [" the"], "id": "tower"}}"#),
        r#"{"prompt": "x", "targets": ["id:99999"]}"#.to_string(),
        format!(r#"{{"prompt": "{OTHER}", "targets": [" the"]}}"#),
    ];
    std::fs::write(&path, lines.join("\n")).unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn a_target_that_cannot_be_used_is_skipped_and_counted() {
    let folder = TempDir::new().unwrap();
    let path = targets_file(&folder);
    let args = ["--prompts", &path, "-m", LLAMA, "--format", "jsonl"];
    let skipped = run(&args);
    assert_eq!((skipped.code, skipped.stdout.lines().count()), (Some(0), 3));
    assert!(
        skipped
            .stderr
            .contains("p.jsonl, line 2: There is no token 99999"),
        "{}",
        skipped.stderr
    );
    let strict = run(&[&args[..], &["--targets", "error"]].concat());
    assert_eq!((strict.code, strict.stdout.lines().count()), (Some(1), 1));
    assert!(strict.stderr.contains("p.jsonl, line 2: There is no token 99999"));
    let summary = parsed(&run(&[&args[..4], &["--summary", "--json", "-q"]].concat()).stdout);
    assert_eq!(summary["meta"]["prompts_without_usable_target"], 1);
    assert_eq!(summary["meta"]["prompts_with_target"], 2);
    assert_eq!(
        (&summary["rows"][0]["n"], &summary["rows"][0]["target_n"]),
        (&3.into(), &2.into())
    );
}

#[test]
fn a_prompts_target_belongs_to_its_last_position() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("p.jsonl");
    std::fs::write(&path, format!(r#"{{"prompt": "{PROMPT}", "targets": [" the"]}}"#)).unwrap();
    let path = path.to_str().unwrap();
    let args = ["--prompts", path, "-m", LLAMA, "-q"];
    let summary = |more: &[&str]| {
        let csv = run(&[&args[..], &["--summary", "--format", "csv"], more].concat());
        assert_works(&csv);
        columns(&csv.stdout)
    };
    let last = summary(&[]);
    let all = summary(&["--positions", "all"]);
    let one = run(&[
        &args[..],
        &["--positions", "all", "--format", "jsonl", "--stats", "all"],
    ]
    .concat());
    let one = parsed(&one.stdout);
    let positions = one["input"].as_array().unwrap().len();
    for layer in 0..3 {
        // The surprisal of each next token, and of the target at the last position.
        let next = one["cross_entropy"][layer].as_array().unwrap();
        let next: f64 = next[..positions - 1].iter().map(|x| x.as_f64().unwrap()).sum();
        let of =
            |summary: &BTreeMap<String, Vec<String>>| summary["surprisal"][layer + 1].parse::<f64>().unwrap();
        // A batch of other rows sums in another order.
        assert!((of(&all) - (next + of(&last)) / positions as f64).abs() < 1e-4);
    }
    // One prompt is one sample, however many positions it has.
    assert_eq!((all["n"][0].as_str(), all["prob_se"][0].as_str()), ("1", ""));
    assert_eq!(all["readings"][0], positions.to_string());
}

#[test]
fn many_prompts_have_a_line_each_unless_more_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let path = targets_file(&folder);
    let args = ["--prompts", &path, "-m", LLAMA, "-q"];
    let table = run(&args);
    assert_works(&table);
    let lines: Vec<&str> = table.stdout.lines().collect();
    let heading = lines.iter().position(|line| line.starts_with("prompt ")).unwrap();
    assert!(lines[heading].ends_with("settles at"), "{}", table.stdout);
    assert!(lines[heading + 1].starts_with("tower  The Eiffel") && lines[heading + 1].contains("␣the"));
    // What is no token of the model has neither probability nor rank.
    assert!(lines[heading + 2].contains("id:99999") && lines[heading + 2].contains("–"));
    let document = parsed(
        run(&[&args[..], &["--format", "jsonl"]].concat())
            .stdout
            .lines()
            .next()
            .unwrap(),
    );
    let rank = document["targets"][0]["ranks"][2]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .to_string();
    assert!(lines[heading + 1].split_whitespace().any(|word| word == rank));
    assert!(
        table
            .stdout
            .contains("of the 2 prompts with a usable target, of 3")
    );
    let markdown = run(&[&args[..], &["--format", "markdown"]].concat());
    assert_eq!(
        markdown
            .stdout
            .lines()
            .filter(|line| line.starts_with("| "))
            .count(),
        5
    );
    for more in [&["--each"][..], &["-k", "2"], &["--positions", "all"]] {
        let tables = run(&[&args[..], more].concat()).stdout;
        assert!(
            !tables.contains("settles at  ") && tables.matches("Output: ").count() >= 3,
            "{more:?}"
        );
    }
    let arguments = ["a", "b", "c", "d", "-m", LLAMA, "-q"];
    assert!(run(&arguments).stdout.contains("settles at"));
    assert!(!run(&arguments[1..]).stdout.contains("settles at"));
}

#[test]
fn tokens_of_several_prompts_are_a_line_of_json_each() {
    let lines = run(&[PROMPT, OTHER, "-m", GPT2, "--tokens", "--format", "jsonl"]);
    assert_works(&lines);
    let documents: Vec<Value> = lines.stdout.lines().map(parsed).collect();
    assert_eq!(documents.len(), 2);
    for (number, (document, prompt)) in documents.iter().zip([PROMPT, OTHER]).enumerate() {
        assert_eq!(document["meta"]["prompts"], serde_json::json!([prompt]));
        let rows = document["rows"].as_array().unwrap();
        let text: String = rows.iter().map(|row| row["text"].as_str().unwrap()).collect();
        assert_eq!((text.as_str(), &rows[0]["prompt"]), (prompt, &number.into()));
    }
}

#[test]
fn lines_that_are_no_records_are_refused_and_good_ones_before_them_are_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("p.jsonl");
    let file = path.to_str().unwrap();
    std::fs::write(&path, "{\"text\": \"The\"}\n").unwrap();
    assert_fails(&run(&["--prompts", file, "-m", LLAMA]), 1, "line 1: ");
    std::fs::write(
        &path,
        "{\"prompt\": \"The\", \"target\": \" the\"}\n  \n{\"prompt\": 3}\n",
    )
    .unwrap();
    let run_on = run(&["--prompts", file, "-m", LLAMA, "--format", "jsonl"]);
    assert_eq!((run_on.code, run_on.stdout.lines().count()), (Some(1), 1));
    assert_eq!(parsed(&run_on.stdout)["targets"][0]["tokens"][0], " the");
    assert!(run_on.stderr.contains("p.jsonl, line 3: "));
    let short = run(&[
        PROMPT,
        "The",
        "-m",
        LLAMA,
        "--positions",
        "3",
        "--format",
        "jsonl",
    ]);
    assert_eq!((short.code, short.stdout.lines().count()), (Some(2), 1));
    assert!(short.stderr.contains("prompt 2: There is no position 3"));
}

#[test]
fn a_summary_says_whose_targets_it_means() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("p.jsonl");
    let file = path.to_str().unwrap();
    std::fs::write(&path, format!(r#"{{"prompt": "{PROMPT}", "targets": [" the"]}}"#)).unwrap();
    let of = |args: &[&str]| {
        let csv = run(&[args, &["-m", LLAMA, "--summary", "--format", "csv", "-q"]].concat());
        assert_works(&csv);
        columns(&csv.stdout)["prob"].clone()
    };
    // The prompt's own comes before the one tracked.
    assert_eq!(
        of(&["--prompts", file, "--track", "id:9"]),
        of(&["--prompts", file])
    );
    assert_eq!(of(&[PROMPT, "--track", " the"]), of(&["--prompts", file]));
    // What the model says in the end is followed though that row is not shown.
    assert_eq!(of(&[PROMPT, "--layers", "0,1"]), of(&[PROMPT])[1..3]);
}

/// The records of a CSV, each by its columns' names.
pub fn records(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(|record| record.unwrap()).collect()
}

/// The columns of a CSV by name.
pub fn columns(csv: &str) -> BTreeMap<String, Vec<String>> {
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, cell) in records(csv).into_iter().flatten() {
        columns.entry(name).or_default().push(cell);
    }
    columns
}

#[test]
fn a_summary_is_the_mean_of_the_documents() {
    let folder = TempDir::new().unwrap();
    let (path, prompts) = prompts_file(&folder);
    let args = [
        "--prompts",
        &path,
        "-m",
        LLAMA,
        "--track",
        " the",
        "-k",
        "3",
        "-q",
    ];
    let csv = run(&[&args[..], &["--summary", "--format", "csv"]].concat());
    assert_works(&csv);
    let summary = columns(&csv.stdout);
    let documents: Vec<Value> = (run(&[&args[..], &["--format", "jsonl"]].concat()).stdout.lines())
        .map(parsed)
        .collect();
    assert_eq!(summary["layer"], ["", "0", "1", "2"]);
    assert_eq!(summary["point"][0], "embed");
    assert!(summary["n"].iter().all(|n| *n == prompts.len().to_string()));
    let n = documents.len() as f64;
    for layer in 0..3 {
        let at = |d: &Value, key: &str| -> f64 {
            let row = d[key][layer].as_array().unwrap();
            row.last().unwrap().as_f64().unwrap()
        };
        let target = |d: &Value, key: &str| at(&d["targets"][0], key);
        let id = documents[0]["targets"][0]["ids"][0].clone();
        let top1 = |d: &Value| d["topk_ids"][layer].as_array().unwrap().last().unwrap()[0].clone();
        let output = |d: &Value| d["output"]["topk_ids"].as_array().unwrap().last().unwrap()[0].clone();
        let share = |is: bool| f64::from(u8::from(is));
        type Of<'a> = &'a dyn Fn(&Value) -> f64;
        let expected: [(&str, Of); 7] = [
            ("prob", &|d| target(d, "probs")),
            ("surprisal", &|d| -target(d, "logprobs")),
            ("entropy", &|d| at(d, "entropy")),
            ("forward_kl", &|d| at(d, "forward_kl")),
            ("top1_is_target", &|d| share(top1(d) == id)),
            ("top1_is_output", &|d| share(top1(d) == output(d))),
            ("target_in_top_k", &|d| share(target(d, "ranks") <= 3.)),
        ];
        for (name, of) in expected {
            let values: Vec<f64> = documents.iter().map(of).collect();
            let mean = values.iter().sum::<f64>() / n;
            let error = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.) / n).sqrt();
            let number = |column: &str| summary[column][layer + 1].parse::<f64>().unwrap();
            // Both are sums of the same hundred numbers.
            assert!((number(name) - mean).abs() < 1e-9, "{name}");
            assert!((number(&format!("{name}_se")) - error).abs() < 1e-9, "{name}");
        }
    }
    let table = run(&[&args[..], &["--summary"]].concat());
    assert_works(&table);
    assert!(table.stdout.contains("100 prompts") && table.stdout.contains("±"));
}
