//! Tokens followed by name, statistics and points.

use serde_json::Value;

use crate::several::columns;
use crate::support::run;
use crate::{GPT2, LLAMA, PROMPT, assert_works};

const OTHER: &str = "The capital of France is";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_token_is_followed_by_its_text_or_its_id() {
    let by_text = run(&[PROMPT, "-m", GPT2, "--track", " the"]);
    assert_eq!(by_text.code, Some(0));
    let document = parsed(&run(&[PROMPT, "-m", GPT2, "--track", " the", "--json", "-q"]).stdout);
    let id = document["targets"][0]["ids"][0].as_u64().unwrap();
    assert!(by_text.stdout.contains(&format!("␣the (id {id})")));
    let by_id = run(&[PROMPT, "-m", GPT2, "--track", &format!("id:{id}"), "-q"]);
    assert_eq!(by_id.stdout, by_text.stdout);
    // What the table says is what the document says.
    for layer in 0..3 {
        let target = &document["targets"][0];
        let of = |key: &str| target[key][layer][7].as_f64().unwrap();
        let line = format!(
            "{:>8.3} {:>8.3} {:>6}",
            of("logprobs"),
            of("logits"),
            of("ranks") as u64
        );
        assert!(by_text.stdout.contains(&line), "{line}\n{}", by_text.stdout);
        let track = &document["tracked_ids"][7][id.to_string()];
        assert_eq!(track["probs"][layer], target["probs"][layer][7]);
    }
}

#[test]
fn a_group_adds_up_and_a_lead_is_a_difference_of_logits() {
    let args = [
        "--track",
        "both= the|id:5",
        "--track",
        " the",
        "--track",
        "id:5",
        "--against",
        "id:7",
    ];
    let json = run(&[
        &[PROMPT, "-m", LLAMA, "--json", "-q", "--positions", "all"],
        &args[..],
    ]
    .concat());
    let document = parsed(&json.stdout);
    let targets = &document["targets"];
    assert_eq!(
        (&targets[0]["name"], targets.as_array().unwrap().len()),
        (&"both".into(), 3)
    );
    let seven = parsed(
        &run(&[
            PROMPT,
            "-m",
            LLAMA,
            "--json",
            "--track",
            "id:7",
            "--positions",
            "all",
            "-q",
        ])
        .stdout,
    );
    for layer in 0..3 {
        for at in 0..8 {
            let of = |t: usize, key: &str| targets[t][key][layer][at].as_f64().unwrap();
            assert!((of(0, "probs") - of(1, "probs") - of(2, "probs")).abs() < 1e-12);
            assert!((of(0, "logprobs") - of(0, "probs").ln()).abs() < 1e-9);
            assert_eq!(of(0, "ranks"), of(1, "ranks").min(of(2, "ranks")));
            let other = seven["targets"][0]["logits"][layer][at].as_f64().unwrap();
            assert!((of(1, "logit_difference") - (of(1, "logits") - other)).abs() < 1e-9);
        }
    }
    let csv = run(&[&[PROMPT, "-m", LLAMA, "-q", "--format", "csv"], &args[..]].concat());
    let csv = columns(&csv.stdout);
    let group: Vec<usize> = (0..csv["token"].len())
        .filter(|&i| csv["token"][i] == "both")
        .collect();
    assert_eq!(group.len(), 4, "the embedding and three layers");
    for (&i, layer) in group[1..].iter().zip(0..) {
        let number = |column: &str| csv[column][i].parse::<f64>().unwrap();
        let of = |key: &str| targets[0][key][layer][7].as_f64().unwrap();
        // The document above read all positions in one batch, these kernels one.
        assert!((number("prob") - of("probs")).abs() < 1e-6);
        assert!((number("logit_difference") - of("logit_difference")).abs() < 1e-4);
        assert_eq!(
            (csv["token_id"][i].as_str(), csv["tracked"][i].as_str()),
            ("", "true")
        );
    }
    let table = run(&[&[PROMPT, "-m", LLAMA, "-q"], &args[..]].concat());
    assert_works(&table);
    assert!(table.stdout.contains("both = ␣the (id "));
}

#[test]
fn the_likelier_form_of_a_token_is_offered() {
    // One of the two forms is the likelier in the end, and a warning names it, once.
    let warned = |token: &str| run(&[PROMPT, OTHER, "-m", GPT2, "--track", token]).stderr;
    let (with, without) = (warned(" the"), warned("the"));
    assert!(with.is_empty() != without.is_empty(), "{with:?} {without:?}");
    let warning = [with, without].concat();
    assert!(warning.starts_with("note: ") && warning.contains("likelier") && warning.lines().count() == 1);
    let quiet = run(&[PROMPT, "-m", GPT2, "--track", " the", "--track", "the", "-q"]);
    assert_works(&quiet);
}

#[test]
fn without_a_target_those_that_lead_somewhere_are_followed() {
    let document = parsed(&run(&[PROMPT, "-m", LLAMA, "--json"]).stdout);
    let followed: Vec<String> = document["followed_ids"][7]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    let leads = document["topk_ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer[7][0].to_string());
    let leads: std::collections::BTreeSet<String> = leads.collect();
    assert_eq!(
        followed
            .iter()
            .cloned()
            .collect::<std::collections::BTreeSet<_>>(),
        leads
    );
    let tracks = document["tracked_ids"][7].as_object().unwrap();
    let order: Vec<&String> = tracks.keys().filter(|id| leads.contains(*id)).collect();
    assert_eq!(
        order,
        followed.iter().collect::<Vec<_>>(),
        "in the order of their highest probability"
    );
}

#[test]
fn statistics_and_points_are_chosen() {
    let args = [
        PROMPT,
        "-m",
        LLAMA,
        "--stats",
        "js,agrees",
        "--point",
        "embed,attn_out,mlp_out",
    ];
    let document = parsed(&run(&[&args[..], &["--json"]].concat()).stdout);
    assert!(document.get("entropy").is_none() && document["output"].get("tv").is_none());
    assert!(document["layers"].as_array().unwrap().is_empty());
    assert!(document["embed"]["js"][7].as_f64().unwrap() > 0.);
    assert_eq!(document["output"]["js"][7].as_f64().unwrap(), 0.);
    let points = document["points"].as_object().unwrap();
    assert_eq!(points.keys().collect::<Vec<_>>(), ["attn_out", "mlp_out"]);
    assert_eq!(points["mlp_out"]["js"].as_array().unwrap().len(), 3);
    let table = run(&args);
    assert_works(&table);
    for text in ["1_attn_out", "2_mlp_out", "js", "agrees"] {
        assert!(table.stdout.contains(text), "{text}");
    }
    assert!(!table.stdout.contains("_mid"));
    let csv = columns(&run(&[&args[..], &["--format", "csv"]].concat()).stdout);
    assert!(csv.contains_key("js") && !csv.contains_key("entropy"));
    let points: std::collections::BTreeSet<&str> = csv["point"].iter().map(String::as_str).collect();
    assert_eq!(
        points.into_iter().collect::<Vec<_>>(),
        ["attn_out", "embed", "mlp_out"]
    );
    // Each formula is in the help.
    let help = run(&["--help"]).stdout;
    for formula in [
        "−Σ p log p",
        "KL(q‖p)",
        "½ KL(p‖m)",
        "½ Σ |p − q|",
        "−log p(next token",
    ] {
        assert!(help.contains(formula), "{formula}");
    }
}

/// The cells of the grid below the line `title`, of a table or in Markdown, as numbers.
fn cells_below(text: &str, title: &str) -> Vec<Vec<f64>> {
    let lines = text.lines().skip_while(|line| line.replace('\\', "") != title);
    let lines = lines.skip_while(|line| !line.contains("layer ")).skip(1);
    let row = |line: &str| {
        let cells = line.trim_matches('|').split(['|', ' ']).map(str::trim);
        let mut cells = cells.filter(|cell| !cell.is_empty());
        let layer = cells
            .next()
            .filter(|name| name.parse::<usize>().is_ok() || *name == "embed");
        layer.map(|_| cells.map_while(|cell| cell.parse().ok()).collect::<Vec<f64>>())
    };
    lines
        .filter_map(row)
        .filter(|cells| !cells.is_empty())
        .take(3)
        .collect()
}

#[test]
fn a_grid_shows_how_far_a_logit_is_above_the_others() {
    let args = [
        PROMPT,
        "-m",
        GPT2,
        "--track",
        "id:7",
        "--against",
        "id:9",
        "--positions",
        "0,2,3",
        "--layers",
        "0-2",
    ];
    let shown = |format: &str| run(&[&args[..], &["--format", format]].concat()).stdout;
    let json: Value = serde_json::from_str(&shown("json")).unwrap();
    let target = &json["targets"][0];
    let title = format!(
        "{}: logit − {}",
        target["name"].as_str().unwrap(),
        target["against"].as_str().unwrap()
    );
    for format in ["table", "markdown"] {
        let text = shown(format);
        let cells = cells_below(&text, &title);
        assert_eq!(cells.len(), 3, "{text}");
        for (layer, row) in cells.iter().enumerate() {
            assert_eq!(row.len(), 3, "{text}");
            for (cell, position) in row.iter().zip([0, 2, 3]) {
                let exact = target["logit_difference"][layer][position].as_f64().unwrap();
                // Two decimals.
                assert!((cell - exact).abs() <= 0.0051, "{format}: {cell} {exact}");
            }
        }
    }
}
