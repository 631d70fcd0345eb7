//! One run in several formats: all say the same.

use serde_json::Value;
use tempfile::TempDir;

use crate::several::{columns, records};
use crate::support::run;
use crate::{LLAMA, PROMPT, assert_works};

/// serde_json may read a number one unit in the last place off.
fn same(ours: f64, json: &Value) -> bool {
    (ours - json.as_f64().unwrap()).abs() <= 2. * f64::EPSILON * ours.abs()
}

#[test]
fn the_table_the_csv_and_the_json_of_one_run_agree() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let outputs = ["lens.json", "lens.csv", "lens.md", "lens.txt", "lens.jsonl"].map(path);
    let mut args = vec![
        PROMPT, "-m", LLAMA, "-k", "4", "--track", "id:9", "--stats", "all", "-q",
    ];
    args.extend(outputs.iter().flat_map(|path| ["-o", path]));
    let silent = run(&args);
    assert_eq!(
        (silent.code, silent.stdout.as_str(), silent.stderr.as_str()),
        (Some(0), "", "")
    );
    let [json, csv, markdown, table, lines] = outputs.map(|path| std::fs::read_to_string(path).unwrap());
    let document: Value = serde_json::from_str(&json).unwrap();
    let mut line: Value = serde_json::from_str(&lines).unwrap();
    line["meta"]["timestamp"] = document["meta"]["timestamp"].clone();
    assert_eq!(line, document);

    let records = records(&csv);
    let mut followed = 0;
    for record in &records {
        let cell = |name: &str| record[name].as_str();
        let number = |name: &str| cell(name).parse::<f64>().unwrap();
        let (row, layer) = match cell("point") {
            "embed" => (document["embed"].clone(), None),
            _ => (document.clone(), Some(cell("layer").parse::<usize>().unwrap())),
        };
        let of = |key: &str| layer.map_or(&row[key][7], |layer| &row[key][layer][7]);
        let rank: usize = cell("rank").parse().unwrap();
        if let Some(id) = of("topk_ids").get(rank - 1).filter(|_| rank <= 4) {
            assert_eq!(cell("token_id"), id.to_string());
            for (column, key) in [
                ("prob", "topk_probs"),
                ("logprob", "topk_logprobs"),
                ("logit", "topk_logits"),
            ] {
                assert!(same(number(column), &of(key)[rank - 1]), "{column}");
            }
            let percent = 100. * number("prob");
            // Both tables for people have the number too, the one for terminals while there is room.
            if percent >= 0.995 {
                let shown = format!("{percent:.1}%");
                assert!(
                    markdown.contains(&shown) && (rank > 1 || table.contains(&shown)),
                    "{shown}"
                );
            }
        } else {
            assert_eq!((cell("token_id"), cell("tracked")), ("9", "true"));
        }
        if cell("token_id") == "9" {
            followed += 1;
            if let Some(layer) = layer {
                let target = &document["targets"][0];
                assert_eq!(cell("rank"), target["ranks"][layer][7].to_string());
                assert!(same(number("prob"), &target["probs"][layer][7]));
            }
        }
        for statistic in ["entropy", "forward_kl", "reverse_kl", "js", "tv"] {
            assert!(same(number(statistic), of(statistic)), "{statistic}");
            assert!(
                table.contains(&format!("{:.2}", number(statistic))),
                "{statistic}"
            );
        }
        assert_eq!(cell("agrees"), of("agrees").to_string());
        assert_eq!((cell("cross_entropy"), of("cross_entropy")), ("", &Value::Null));
    }
    assert_eq!(followed, 4, "the embedding's row and three layers");
    assert!((4 * 4..=4 * 5).contains(&records.len()));
}

#[test]
fn tiny_numbers_of_a_csv_have_an_exponent() {
    let csv = run(&["The capital of France is", "-k", "200", "--format", "csv", "-q"]);
    assert_works(&csv);
    let probs = &columns(&csv.stdout)["prob"];
    let tiny: Vec<&String> = probs
        .iter()
        .filter(|prob| prob.parse::<f64>().unwrap() < 1e-6)
        .collect();
    assert!(
        !tiny.is_empty() && tiny.iter().all(|prob| prob.contains('e')),
        "{tiny:?}"
    );
    assert!(probs.iter().all(|prob| prob.len() < 25));
}

#[test]
fn a_csv_has_one_heading_and_says_which_prompt() {
    let csv = run(&[
        PROMPT,
        "The capital, \"of\"\nFrance is",
        "-m",
        LLAMA,
        "--format",
        "csv",
        "--positions",
        "all",
        "-k",
        "1",
    ]);
    assert_works(&csv);
    assert_eq!(csv.stdout.matches("input_token").count(), 1);
    let csv = columns(&csv.stdout);
    let of = |prompt: &str| csv["prompt"].iter().filter(|p| *p == prompt).count();
    assert_eq!(of("0"), 4 * 8);
    assert!(of("1") > 4 && csv["input_token"].contains(&"\n".to_string()));
    assert!(
        csv["input_token"].contains(&" \"".to_string()) || csv["input_token"].contains(&"\"".to_string())
    );
}

#[test]
fn an_ending_says_the_format_in_capitals_too() {
    let folder = TempDir::new().unwrap();
    for (name, start) in [
        ("a.JSON", "{"),
        ("a.Csv", "prompt,"),
        ("a.SVG", "<svg"),
        ("a.Html", "<!"),
    ] {
        let path = folder.path().join(name);
        let run = run(&[PROMPT, "-m", LLAMA, "-q", "-o", path.to_str().unwrap()]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written.starts_with(start), "{name}: {:.40}", written);
    }
}

#[test]
fn an_output_has_the_same_bytes_each_time() {
    let folder = TempDir::new().unwrap();
    for name in ["a.svg", "a.png", "a.pdf", "a.csv", "a.md"] {
        let path = folder.path().join(name);
        let bytes = || {
            let run = run(&[PROMPT, "-m", LLAMA, "-q", "-o", path.to_str().unwrap()]);
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            std::fs::read(&path).unwrap()
        };
        let first = bytes();
        assert!((0..7).all(|_| bytes() == first), "{name}");
    }
}

#[test]
fn markdown_is_a_table_whatever_the_tokens_hold() {
    for positions in ["-1", "all"] {
        let markdown = run(&[
            "a | b ` * _ <i>\n# c",
            "-m",
            LLAMA,
            "--format",
            "markdown",
            "--positions",
            positions,
        ]);
        assert_works(&markdown);
        let rows: Vec<&str> = markdown
            .stdout
            .lines()
            .filter(|line| line.starts_with('|'))
            .collect();
        // A bar that separates is not escaped.
        let bars = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert_eq!(rows.len(), 2 + 4);
        assert!(
            rows.iter().all(|line| bars(line) == bars(rows[0])),
            "{}",
            markdown.stdout
        );
        assert!(markdown.stdout.starts_with("**a \\| b"));
    }
}

/// Threads write the lines of some positions each; they come in the order of rows and positions.
#[test]
fn a_long_prompts_csv_is_in_order() {
    let prompt = "The capital of France is.".repeat(15);
    let args = ["-m", "demo", "--positions", "all", "-k", "2", "--format", "csv"];
    let csv = run(&[&[prompt.as_str()][..], &args].concat());
    assert_works(&csv);
    let csv = columns(&csv.stdout);
    let found: Vec<usize> = csv["position"].iter().map(|at| at.parse().unwrap()).collect();
    let positions = found.iter().max().unwrap() + 1;
    // More than two threads' worth of them, the last not a whole one.
    assert!(positions > 64 && !positions.is_multiple_of(32), "{positions}");
    let of_a_row = (0..positions).flat_map(|at| [at, at]);
    let rows = found.len() / (2 * positions);
    let expected: Vec<usize> = (0..rows).flat_map(|_| of_a_row.clone()).collect();
    assert_eq!(rows, 11);
    assert!(found == expected, "out of order");
}
