//! Two models, or two prompts, side by side.

use serde_json::Value;

use crate::several::columns;
use crate::support::{Checkpoint, run};
use crate::{GPT2, LLAMA, PROMPT, assert_fails, assert_works};

const OTHER: &str = "The capital of France is";

#[test]
fn two_prompts_are_compared_by_their_distributions() {
    let args = [
        "--compare",
        PROMPT,
        OTHER,
        "-m",
        LLAMA,
        "-k",
        "320",
        "--track",
        " the",
    ];
    let csv = columns(&run(&[&args[..], &["--format", "csv", "-q"]].concat()).stdout);
    assert_eq!(csv["left_layer"], ["", "0", "1", "2"]);
    assert_eq!(csv["point"][0], "embed");
    // By hand, from all logits of each.
    let whole = |prompt: &str| -> Value {
        let json = run(&[prompt, "-m", LLAMA, "--json", "-k", "320"]).stdout;
        serde_json::from_str(&json).unwrap()
    };
    let (left, right) = (whole(PROMPT), whole(OTHER));
    let logprobs = |document: &Value, layer: usize| -> Vec<f64> {
        let last = document["input"].as_array().unwrap().len() - 1;
        let mut by_id = vec![0.; 320];
        let ids = document["topk_ids"][layer][last].as_array().unwrap();
        for (id, logprob) in ids
            .iter()
            .zip(document["topk_logprobs"][layer][last].as_array().unwrap())
        {
            by_id[id.as_u64().unwrap() as usize] = logprob.as_f64().unwrap();
        }
        by_id
    };
    let kl = |p: &[f64], q: &[f64]| p.iter().zip(q).map(|(p, q)| p.exp() * (p - q)).sum::<f64>();
    for layer in 0..3 {
        let (p, q) = (logprobs(&left, layer), logprobs(&right, layer));
        let number = |column: &str| csv[column][layer + 1].parse::<f64>().unwrap();
        // The same logits, up to the order of float32 sums.
        assert!((number("kl_left_right") - kl(&p, &q)).abs() < 1e-5);
        assert!((number("kl_right_left") - kl(&q, &p)).abs() < 1e-5);
        assert_eq!(number("overlap"), 1., "every token is among the top 320");
        let difference = number("␣the_right_prob") - number("␣the_left_prob");
        assert!((number("␣the_prob_difference") - difference).abs() < 1e-12);
    }
    let table = run(&[&args[..], &["-q"]].concat());
    assert_works(&table);
    assert!(table.stdout.contains(&format!("left   {LLAMA} · {PROMPT}")));
}

#[test]
fn a_comparison_is_summed_up_in_plain_words() {
    let args = ["--compare", PROMPT, OTHER, "-m", LLAMA, "-q", "--track", " the"];
    let table = run(&args).stdout;
    for words in [
        "KL(left‖right)",
        "top-5 shared",
        "difference",
        " pp",
        "The top-1 ",
        "layer  left top-1",
    ] {
        assert!(table.contains(words), "{words}\n{table}");
    }
    // Layers stand at the right of their column, the embedding among them.
    assert!(
        table.contains("\n    0  ") && table.contains("\nembed  "),
        "{table}"
    );
    let same = run(&["--compare", PROMPT, PROMPT, "-m", LLAMA, "-q"]).stdout;
    assert!(same.contains("The top-1 are the same at every layer shown") && !same.contains('≠'));
    let all = run(&[&args[..], &["--positions", "all"]].concat()).stdout;
    assert!(all.contains("left input") && all.contains("At the last position: "));
    let markdown = run(&[&args[..], &["--format", "markdown"]].concat()).stdout;
    let lines: Vec<&str> = markdown.lines().collect();
    assert!(lines[0].starts_with("- left ") && lines[1].starts_with("- right "));
    assert!(lines[2].is_empty() && lines[3].starts_with("| layer |"));
}

#[test]
fn a_prompt_does_not_differ_from_itself_and_positions_align_from_the_end() {
    let csv = run(&["--compare", PROMPT, PROMPT, "-m", GPT2, "--format", "csv"]);
    let csv = columns(&csv.stdout);
    assert!(
        csv["kl_left_right"]
            .iter()
            .all(|kl| kl.parse::<f64>().unwrap() < 1e-12)
    );
    assert!(csv["overlap"].iter().all(|overlap| overlap == "1.0"));
    let all = [
        "--compare",
        PROMPT,
        OTHER,
        "-m",
        GPT2,
        "--positions",
        "all",
        "--format",
        "csv",
    ];
    let csv = columns(&run(&all).stdout);
    let mut from_end: Vec<usize> = csv["from_end"].iter().map(|n| n.parse().unwrap()).collect();
    from_end.dedup();
    assert_eq!(from_end.first().copied(), Some(from_end.len()));
    assert_eq!(from_end.last(), Some(&1));
}

#[test]
fn targets_of_either_prompt_are_followed_on_both_sides() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("two.jsonl");
    let lines = [(PROMPT, "[\" the\", \" in\"]"), (OTHER, "[\" is\"]")];
    let lines = lines.map(|(prompt, targets)| format!(r#"{{"prompt": "{prompt}", "targets": {targets}}}"#));
    std::fs::write(&path, lines.join("\n")).unwrap();
    let args = [
        "--compare",
        "--prompts",
        path.to_str().unwrap(),
        "-m",
        LLAMA,
        "-q",
    ];
    assert_works(&run(&args));
    let csv = columns(&run(&[&args[..], &["--format", "csv"]].concat()).stdout);
    for token in [" the", " in", " is"] {
        for (side, prompt) in [("left", PROMPT), ("right", OTHER)] {
            let alone = run(&[prompt, "-m", LLAMA, "--track", token, "--json", "-q"]).stdout;
            let alone: Value = serde_json::from_str(&alone).unwrap();
            let probs = alone["targets"][0]["probs"][2].as_array().unwrap();
            let expected = probs.last().unwrap().as_f64().unwrap();
            let name = format!("{}_{side}_prob", token.replace(' ', "␣"));
            assert!(
                (csv[&name][3].parse::<f64>().unwrap() - expected).abs() < 1e-9,
                "{name}"
            );
        }
    }
}

#[test]
fn layers_chosen_on_the_left_have_partners_on_the_right() {
    let models = ["-m", "demo", "-m", LLAMA];
    for (layers, shown) in [("every:4", "0 4 8 9"), ("2", "2"), ("embed,9", "9")] {
        let csv = run(&[&[PROMPT, "--layers", layers, "--format", "csv"], &models[..]].concat());
        assert_works(&csv);
        assert_eq!(columns(&csv.stdout)["left_layer"].join(" ").trim_start(), shown);
    }
}

#[test]
fn what_a_comparison_has_no_place_for_is_refused() {
    for option in [&["--stats", "all"][..], &["--tokens"], &["--heatmap"]] {
        let refused = run(&[&[PROMPT, "-m", LLAMA, "-m", LLAMA], option].concat());
        assert_fails(&refused, 2, "cannot be used with two models");
    }
}

#[test]
fn two_models_of_different_depth_and_vocabulary_are_compared_as_far_as_can_be() {
    let table = run(&[PROMPT, "-m", LLAMA, "-m", "tests/fixtures/llama-linear"]);
    assert_works(&table);
    assert!(
        table.stdout.contains("The vocabularies differ")
            && table.stdout.contains("The models differ in depth")
    );
    let json = run(&[PROMPT, "-m", GPT2, "-m", GPT2, "--json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["meta"]["same_vocabulary"], true);
    assert_eq!(json["rows"].as_array().unwrap().len(), 4);
    assert!(
        json["rows"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["kl_left_right"].as_f64().unwrap() < 1e-12)
    );
}

/// What differs is then not the models' weights alone: it is said, and counted over many prompts.
#[test]
fn models_that_cut_a_prompt_into_different_tokens_are_told_apart_from_their_weights() {
    let letters = Checkpoint::copy_of("gpt2");
    let tokenizer = std::fs::read_to_string(letters.file("tokenizer.json")).unwrap();
    let mut tokenizer: Value = serde_json::from_str(&tokenizer).unwrap();
    tokenizer["model"]["merges"] = serde_json::json!([]);
    letters.write("tokenizer.json", &tokenizer.to_string());
    letters.write("prompts.txt", "The city of\nThe Tower\n");
    let prompts = letters.file("prompts.txt").display().to_string();
    let parsed = |args: &[&str]| -> Value { serde_json::from_str(&run(args).stdout).unwrap() };
    let words = "The models cut the prompt into different tokens";
    for (other, same) in [(letters.path(), false), (GPT2, true)] {
        let args = ["The city of", "-m", GPT2, "-m", other];
        let table = run(&args);
        assert_eq!(table.stdout.contains(words), !same, "{table:?}");
        let document = parsed(&[&args[..], &["--json"]].concat());
        assert_eq!(document["meta"]["same_tokens"], same);
        let many = ["--prompts", &prompts, "-m", GPT2, "-m", other, "--summary"];
        let table = run(&many);
        assert_eq!(
            table.stdout.contains("The models make different tokens of"),
            !same,
            "{table:?}"
        );
        let counted = &parsed(&[&many[..], &["--json"]].concat())["meta"];
        assert_eq!(counted["prompts_cut_differently"] == counted["prompts"], !same);
    }
}
