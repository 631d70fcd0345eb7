//! Targets of several tokens: the prompt continued by the target, each token read at the position before it.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::several::columns;
use crate::support::run;

const FRANCE: &str = "The capital of France is";
/// Four tokens of the demo model.
const TARGET: &str = " the city of Paris";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

/// The document of the prompt and the target as one prompt of tokens, and the prompt's last position.
fn continued(document: &Value, options: &[&str]) -> (Value, usize) {
    let ids =
        |value: &Value| -> Vec<String> { value.as_array().unwrap().iter().map(Value::to_string).collect() };
    let prompt = ids(&document["input_ids"]);
    let all = [prompt.clone(), ids(&document["targets"][0]["ids"])]
        .concat()
        .join(",");
    let args = ["--ids", &all, "--positions", "all", "--json", "-q"];
    (
        parsed(&run(&[&args[..], options].concat()).stdout),
        prompt.len() - 1,
    )
}

#[test]
fn a_target_of_several_tokens_is_the_sum_of_what_a_longer_prompt_says() {
    let document = parsed(&run(&[FRANCE, "--track", TARGET, "--json", "-q"]).stdout);
    let target = &document["targets"][0];
    let tokens = target["sequence"].as_array().unwrap();
    assert!(tokens.len() > 1 && target["name"] == "␣the␣city␣of␣Paris");
    let (whole, last) = continued(&document, &["--stats", "all"]);
    for layer in 0..10 {
        let expected: f64 = (0..tokens.len())
            .map(|nth| -whole["cross_entropy"][layer][last + nth].as_f64().unwrap())
            .sum();
        let at_the_end = &target["logprobs"][layer][last];
        let logprob = at_the_end.as_f64().unwrap();
        assert!(
            (logprob - expected).abs() < 1e-4 * expected.abs().max(1.),
            "{layer}: {logprob} {expected}"
        );
        let prob = target["probs"][layer][last].as_f64().unwrap();
        assert!((prob - logprob.exp()).abs() < 1e-12);
        let parts =
            |key: &str| -> Vec<Value> { tokens.iter().map(|token| token[key][layer].clone()).collect() };
        let sum: f64 = parts("logprobs").iter().map(|x| x.as_f64().unwrap()).sum();
        assert!((sum - logprob).abs() < 1e-9);
        let worst = parts("ranks").iter().map(|rank| rank.as_u64().unwrap()).max();
        assert_eq!(target["ranks"][layer][last].as_u64(), worst);
        // A token that is among the top there has the same rank.
        for (nth, token) in tokens.iter().enumerate() {
            let top = whole["topk_ids"][layer][last + nth].as_array().unwrap();
            if let Some(at) = top.iter().position(|id| *id == token["id"]) {
                assert_eq!(token["ranks"][layer].as_u64(), Some(at as u64 + 1));
            }
        }
    }
    // It belongs to the prompt's end: elsewhere there is nothing.
    let everywhere = parsed(&run(&[FRANCE, "--track", TARGET, "--positions", "all", "--json", "-q"]).stdout);
    let at = |position: usize| everywhere["targets"][0]["logprobs"][9][position].clone();
    assert_eq!(
        (at(0), at(last) == target["logprobs"][9][last]),
        (Value::Null, true)
    );
}

#[test]
fn other_points_and_the_embedding_are_read_too() {
    let points = ["--point", "embed,attn_out,resid_post", "--layers", "2,9"];
    let document = parsed(&run(&[&[FRANCE, "--track", TARGET, "--json", "-q"], &points[..]].concat()).stdout);
    let (whole, last) = continued(&document, &[&points[..], &["--stats", "cross_entropy"]].concat());
    let target = &document["points"]["attn_out"]["targets"][0];
    let count = target["sequence"].as_array().unwrap().len();
    let sum = |row: &Value| -> f64 { (last..last + count).map(|p| -row[p].as_f64().unwrap()).sum() };
    for layer in 0..2 {
        let expected = sum(&whole["points"]["attn_out"]["cross_entropy"][layer]);
        let found = target["logprobs"][layer][last].as_f64().unwrap();
        assert!(
            (found - expected).abs() < 1e-3 * expected.abs(),
            "{found} {expected}"
        );
    }
    let found = document["embed"]["targets"][0]["logprobs"][last]
        .as_f64()
        .unwrap();
    let expected = sum(&whole["embed"]["cross_entropy"]);
    assert!(
        (found - expected).abs() < 1e-3 * expected.abs(),
        "{found} {expected}"
    );
}

#[test]
fn every_format_has_the_tokens_and_their_sum() {
    let folder = TempDir::new().unwrap();
    let file = |ending: &str| folder.path().join(format!("lens.{ending}")).display().to_string();
    let files = ["json", "csv", "md", "txt"].map(file);
    let outputs: Vec<&str> = files.iter().flat_map(|file| ["-o", file]).collect();
    let written = run(&[&[FRANCE, "-q", "--track", TARGET], &outputs[..]].concat());
    assert_eq!(written.code, Some(0), "{written:?}");
    let [json, csv, markdown, table] = files.map(|file| std::fs::read_to_string(file).unwrap());
    let document = parsed(&json);
    let target = &document["targets"][0];
    let last = document["input"].as_array().unwrap().len() - 1;
    let sequence = target["sequence"].as_array().unwrap();
    for layer in 0..10 {
        let sum = target["logprobs"][layer][last].as_f64().unwrap();
        let shown = [
            format!("{sum:.3}"),
            format!("{:.3}", sequence[0]["logprobs"][layer].as_f64().unwrap()),
            sequence[3]["ranks"][layer].to_string(),
        ];
        for text in [&table, &markdown] {
            let block = &text[text.find("␣the␣city␣of␣Paris").unwrap()..];
            assert!(
                shown.iter().all(|shown| block.contains(shown)),
                "{layer}: {shown:?}\n{text}"
            );
        }
    }
    let columns = columns(&csv);
    let of = |name: &str, row: usize| {
        let mut rows = columns["token"].iter().zip(&columns["layer"]);
        let found = rows.position(|(token, layer)| token == name && *layer == row.to_string());
        let at = found.unwrap_or_else(|| panic!("{name} {row}\n{csv}"));
        let of = |name: &str| columns[name][at].parse::<f64>().unwrap();
        (of("rank") as u64, of("logprob"))
    };
    for row in 0..10 {
        let (worst, sum) = of("␣the␣city␣of␣Paris", row);
        assert_eq!(Some(worst), target["ranks"][row][last].as_u64());
        assert!((sum - target["logprobs"][row][last].as_f64().unwrap()).abs() < 1e-9);
        for (nth, token) in sequence.iter().enumerate() {
            let (rank, logprob) = of(&format!("␣the␣city␣of␣Paris[{nth}]"), row);
            assert_eq!(Some(rank), token["ranks"][row].as_u64());
            assert!((logprob - token["logprobs"][row].as_f64().unwrap()).abs() < 1e-9);
        }
    }
}

#[test]
fn every_other_picture_and_table_has_the_tokens_too() {
    let folder = TempDir::new().unwrap();
    let file = |ending: &str| folder.path().join(format!("lens.{ending}")).display().to_string();
    let document = parsed(&run(&[FRANCE, "--track", TARGET, "--json", "-q"]).stdout);
    let sequence = document["targets"][0]["sequence"].as_array().unwrap();
    let percents: Vec<f64> = (sequence.iter())
        .map(|token| 100. * token["probs"][9].as_f64().unwrap())
        .collect();
    // Lines across layers: the whole, then each token with its final probability.
    let svg = file("svg");
    let drawn = run(&[FRANCE, "-q", "--track", TARGET, "--plot", "-o", &svg]);
    assert_eq!(drawn.code, Some(0), "{drawn:?}");
    let svg = std::fs::read_to_string(&svg).unwrap();
    let plot = run(&[FRANCE, "-q", "--track", TARGET, "--plot"]).stdout;
    for text in [&plot, &svg] {
        let names = [
            "␣the␣city␣of␣Paris",
            "[0] ␣the",
            "[1] ␣city",
            "[2] ␣of",
            "[3] ␣Paris",
        ];
        let places: Vec<usize> = names.iter().map(|name| text.find(name).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
        for percent in &percents[2..] {
            assert!(
                text.contains(&format!("final {percent:.1}%")),
                "{percent}\n{text}"
            );
        }
    }
    assert_eq!(svg.matches("stroke-width=\"1.2\"").count(), 2 * 5, "{svg}");
    // Grids of several positions, and several lenses.
    let logprob = format!("{:.3}", sequence[1]["logprobs"][9].as_f64().unwrap());
    let rank = sequence[1]["ranks"][9].to_string();
    let grids = [
        run(&[FRANCE, "-q", "--track", TARGET, "--positions", "-2:"]).stdout,
        run(&[
            FRANCE,
            "-q",
            "--track",
            TARGET,
            "--positions",
            "-2:",
            "--format",
            "markdown",
        ])
        .stdout,
    ];
    for grid in grids {
        let tokens = &grid[grid.find("␣the␣city␣of␣Paris: its tokens").unwrap()..];
        let row = tokens
            .lines()
            .find(|line| line.trim_matches(['|', ' ']).starts_with('9'));
        let row = row.unwrap_or_else(|| panic!("{grid}"));
        assert!(row.contains(&logprob) && row.contains(&rank), "{row}");
    }
    let lenses = [
        "a b c",
        "-m",
        crate::GPT2,
        "--lens",
        "logit,tuned=tests/fixtures/lenses/gpt2/tuned",
        "--track",
        "abab",
        "-q",
    ];
    let documents = parsed(&run(&[&lenses[..], &["--json"]].concat()).stdout);
    let table = run(&lenses).stdout;
    for target in [&documents["targets"][0], &documents["lenses"][0]["targets"][0]] {
        let tokens = target["sequence"].as_array().unwrap();
        assert!(tokens.len() > 1);
        for token in tokens {
            let shown = format!("{:.3}", token["logprobs"][0].as_f64().unwrap());
            assert!(table.contains(&shown), "{shown}\n{table}");
        }
    }
}

#[test]
fn several_tokens_have_no_logit_and_are_compared_by_log_probability() {
    let args = [
        FRANCE,
        "-q",
        "--track",
        TARGET,
        "--track",
        " Oslo",
        "--against",
        " Rome",
    ];
    let document = parsed(&run(&[&args[..], &["--json"]].concat()).stdout);
    let alone = parsed(&run(&[FRANCE, "-q", "--track", " Rome", "--json"]).stdout);
    let value = |target: &Value, key: &str, layer: usize| target[key][layer][4].as_f64();
    let [sequence, single, other] = [
        &document["targets"][0],
        &document["targets"][1],
        &alone["targets"][0],
    ];
    for layer in 0..10 {
        assert_eq!(value(sequence, "logits", layer), None);
        assert!(value(single, "logits", layer).is_some());
        for target in [sequence, single] {
            let expected =
                value(target, "logprobs", layer).unwrap() - value(other, "logprobs", layer).unwrap();
            let found = value(target, "logit_difference", layer).unwrap();
            assert!((found - expected).abs() < 1e-5, "{layer}: {found} {expected}");
        }
        let logits = value(single, "logits", layer).unwrap() - value(other, "logits", layer).unwrap();
        // What reads the JSON here rounds in the last place.
        let found = value(single, "logit_difference", layer).unwrap();
        assert!((found - logits).abs() < 1e-12, "{layer}: {found} {logits}");
    }
    let columns = columns(&run(&[&args[..], &["--format", "csv"]].concat()).stdout);
    for (token, logit) in columns["token"].iter().zip(&columns["logit"]) {
        assert_eq!(
            logit.is_empty(),
            token == "␣the␣city␣of␣Paris",
            "{token}: {logit}"
        );
    }
    let table = run(&args).stdout;
    assert!(
        table.contains("logprob − ␣Rome") && table.contains("logit − ␣Rome"),
        "{table}"
    );
    // Assertions: the difference, also of two texts, and no logit.
    let difference = value(sequence, "logit_difference", 9).unwrap();
    let assert = |expression: &str| run(&[FRANCE, "-q", "--assert", expression]);
    for (bound, code) in [(difference - 1e-3, 0), (difference + 1e-3, 3)] {
        let held = assert(&format!("diff(\"{TARGET}\", \" Rome\") > {bound}"));
        assert_eq!(held.code, Some(code), "{held:?}");
    }
    let same = assert(&format!("diff(\"{TARGET}\", \"{TARGET}\")@3 == 0"));
    assert_eq!(same.code, Some(0), "{same:?}");
    let refused = assert(&format!("logit(\"{TARGET}\") > 0"));
    crate::assert_fails(&refused, 2, "is 4 tokens and has no logit");
}

#[test]
fn facts_with_such_targets_are_scored_and_the_first_token_is_what_was() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("facts.jsonl");
    let lines = [
        json!({"prompt": FRANCE, "target": TARGET}),
        json!({"prompt": "The capital of Italy is", "target": " Rome, the city of"}),
        json!({"prompt": FRANCE, "target": " Paris"}),
    ];
    std::fs::write(&path, lines.map(|line| line.to_string()).join("\n")).unwrap();
    let file = path.to_str().unwrap();
    let read = run(&["--prompts", file, "--json"]);
    assert!(!read.stderr.contains("skipped"), "{}", read.stderr);
    let documents = parsed(&read.stdout);
    let value = |nth: usize, key: &str| documents[nth]["targets"][0][key][9][4].as_f64().unwrap();
    let summary = parsed(&run(&["--prompts", file, "--summary", "--json", "-q"]).stdout);
    assert_eq!(summary["meta"]["prompts_with_target"], 3);
    let output = summary["rows"].as_array().unwrap().last().unwrap().clone();
    let mean = |key: &str| (0..3).map(|nth| value(nth, key)).sum::<f64>() / 3.;
    assert!((output["prob"].as_f64().unwrap() - mean("probs")).abs() < 1e-6);
    assert!((output["surprisal"].as_f64().unwrap() + mean("logprobs")).abs() < 1e-4);
    let top1 = (0..3).filter(|&nth| value(nth, "ranks") == 1.).count();
    assert_eq!(output["top1_is_target_count"].as_u64(), Some(top1 as u64));
    // An assertion about such a target is about the whole.
    let limit = value(0, "logprobs") + 1e-3;
    let asserted = run(&[
        FRANCE,
        "-q",
        "--assert",
        &format!("logprob(\"{TARGET}\") < {limit}"),
    ]);
    assert_eq!(asserted.code, Some(0), "{asserted:?}");
    // The first token alone, as before.
    for option in [&["--first-token"][..], &["--targets", "first-token"]] {
        let first = parsed(&run(&[&["--prompts", file, "--json", "-q"], option].concat()).stdout);
        assert_eq!(first[0]["targets"][0]["tokens"], json!([" the"]));
        assert!(first[0]["targets"][0].get("sequence").is_none());
    }
}

#[test]
fn variants_are_a_group_of_the_spellings_that_are_tokens() {
    let one = parsed(&run(&[FRANCE, "--track", "paris", "--variants", "--json", "-q"]).stdout);
    let target = &one["targets"][0];
    let tokens: Vec<&str> = target["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_str().unwrap())
        .collect();
    assert!(tokens.contains(&" Paris"), "{tokens:?}");
    assert!(
        tokens
            .iter()
            .all(|token| token.trim().eq_ignore_ascii_case("paris")),
        "{tokens:?}"
    );
    let single = parsed(&run(&[FRANCE, "--track", " Paris", "--json", "-q"]).stdout);
    let prob = |document: &Value| numbers(&json!([document["targets"][0]["probs"][9][4]]))[0];
    assert!(prob(&one) >= prob(&single));
    // Without a spelling that is a token, it is the text.
    let none = parsed(&run(&[FRANCE, "--track", TARGET, "--variants", "--json", "-q"]).stdout);
    assert!(none["targets"][0]["sequence"].is_array());
}

#[test]
fn what_the_context_does_not_hold_is_said() {
    let long = "a b c d e f g h ".repeat(40);
    let refused = run(&[FRANCE, "-m", crate::GPT2, "--track", &long]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(
        refused.stderr.contains("more than the model's context, 24"),
        "{}",
        refused.stderr
    );
}
