//! `--eval`: pass@k from the ranks of the documents, item by item.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::assert_works;
use crate::several::columns;
use crate::support::run;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn items() -> Vec<Value> {
    vec![
        json!({"prompt": "The capital of France is", "targets": [" Paris", " Rome"], "target": "not this", "controls": [" Oslo"]}),
        json!({"prompt": "The capital of Italy is", "intermediates": " Rome", "target": "ignored", "controls": [" Paris"]}),
        json!({"prompt": "The capital of Spain is ", "targets": [" Madrid"]}),
        json!({"prompt": "The opposite of hot is", "targets": [" of"], "position": 2}),
        json!({"prompt": "The opposite of hot is", "targets": [" of"], "position": -5}),
        json!({"prompt": "The capital of Japan is", "targets": [" Tokyo and more of it", "id:999999"]}),
    ]
}

fn file(folder: &TempDir, items: &[Value]) -> String {
    let path = folder.path().join("items.jsonl");
    let lines: Vec<String> = items.iter().map(Value::to_string).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    path.to_str().unwrap().to_string()
}

/// The ranks of a token at each layer and at a position, from a document of its own.
fn ranks(prompt: &str, token: &str, position: usize) -> Vec<u64> {
    let args = [prompt, "--track", token, "--positions", "all", "--json", "-q"];
    let document = parsed(&run(&args).stdout);
    let layers = document["targets"][0]["ranks"].as_array().unwrap().iter();
    layers.map(|layer| layer[position].as_u64().unwrap()).collect()
}

#[test]
fn pass_at_k_is_what_the_documents_ranks_come_to() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder, &items());
    let document = parsed(&run(&["--eval", &file, "--json", "-q"]).stdout);
    let of = |prompt: &str, tokens: &[&str], position: usize| -> Vec<Vec<u64>> {
        tokens
            .iter()
            .map(|token| ranks(prompt, token, position))
            .collect()
    };
    let expected = [
        of("The capital of France is", &[" Paris", " Rome"], 4),
        of("The capital of Italy is", &[" Rome"], 4),
        of("The capital of Spain is", &[" Madrid"], 4),
        of("The opposite of hot is", &[" of"], 2),
        of("The opposite of hot is", &[" of"], 1),
    ];
    let controls = [
        of("The capital of France is", &[" Oslo"], 4),
        of("The capital of Italy is", &[" Paris"], 4),
    ];
    let rows = document["rows"].as_array().unwrap();
    // The embedding, nine layers, the least of these and the output.
    assert_eq!(rows.len(), 12);
    let pass = |items: &[Vec<Vec<u64>>], layers: std::ops::Range<usize>, k: u64| -> f64 {
        let least = |ranks: &Vec<u64>| *ranks[layers.clone()].iter().min().unwrap();
        let share = |item: &Vec<Vec<u64>>| {
            item.iter().filter(|ranks| least(ranks) <= k).count() as f64 / item.len() as f64
        };
        items.iter().map(share).sum::<f64>() / items.len() as f64
    };
    let scopes = (0..9).map(|layer| layer..layer + 1).chain([0..9, 9..10]);
    for (row, layers) in rows[1..].iter().zip(scopes) {
        for k in [1, 5, 10, 100] {
            let found = |name: String| row[name].as_f64().unwrap();
            let value = found(format!("pass_{k}"));
            assert!(
                (value - pass(&expected, layers.clone(), k)).abs() < 1e-12,
                "{row} {k}"
            );
            assert!(found(format!("pass_{k}_low")) <= value && value <= found(format!("pass_{k}_high")));
            let control = found(format!("control_pass_{k}"));
            assert!(
                (control - pass(&controls, layers.clone(), k)).abs() < 1e-12,
                "{row} {k}"
            );
        }
        assert_eq!(row["control_n"], 2);
    }
    let scope = |row: usize| rows[row]["scope"].clone();
    assert_eq!(
        [scope(0), scope(10), scope(11)],
        [json!("layer"), json!("least"), json!("output")]
    );
    let mut at_the_end: Vec<u64> = expected.iter().flatten().map(|ranks| ranks[9]).collect();
    at_the_end.sort_unstable();
    let median = (at_the_end[2] + at_the_end[3]) as f64 / 2.;
    assert_eq!(rows[11]["median_rank"].as_f64(), Some(median));
}

#[test]
fn what_is_left_out_and_what_is_copied_is_counted() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder, &items());
    let meta = parsed(&run(&["--eval", &file, "--json", "-q"]).stdout)["meta"].clone();
    let protocol = &meta["protocol"];
    assert_eq!((&meta["items"], &meta["targets"]), (&json!(5), &json!(6)));
    // " of" is in its prompt up to position 2 and not up to position 1 of six tokens: -5.
    assert_eq!(meta["copy_rate"].as_f64(), Some(1. / 6.));
    for (key, count) in [
        ("targets_of_several_tokens", 1),
        ("targets_not_there", 1),
        ("controls_left_out", 0),
        ("items_left_out", 1),
        ("prompts_ending_in_a_space", 1),
    ] {
        assert_eq!(protocol[key], count, "{key}");
    }
    assert_eq!(
        (&protocol["trailing_space"], &protocol["targets"]),
        (&json!("strip"), &json!("whole"))
    );
    let first = parsed(&run(&["--eval", &file, "--json", "-q", "--first-token"]).stdout)["meta"].clone();
    assert_eq!(
        (&first["items"], &first["protocol"]["targets"]),
        (&json!(6), &json!("first_token"))
    );
    // The space as a token of its own is another position.
    let kept = run(&["--eval", &file, "--json", "-q", "--trailing-space", "keep"]);
    let stripped = run(&["--eval", &file, "--json", "-q"]);
    assert_ne!(parsed(&kept.stdout)["rows"], parsed(&stripped.stdout)["rows"]);
    assert_eq!(
        stripped.stdout,
        run(&["--eval", &file, "--json", "-q", "--threads", "1"]).stdout
    );
    let table = run(&["--eval", &file, "-q"]);
    assert_works(&table);
    for words in [
        "5 items, 6 targets",
        "Left out: 1 target of several tokens, 1 that the model does not have; with them 1 item",
        "1 prompt ends in a space, which was stripped",
        "Copy rate: 16.7%",
        "control @10",
        "least",
        "output",
    ] {
        assert!(table.stdout.contains(words), "{words}\n{}", table.stdout);
    }
}

#[test]
fn table_json_and_csv_agree() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder, &items());
    let json = parsed(&run(&["--eval", &file, "--json", "-q"]).stdout);
    let csv = columns(&run(&["--eval", &file, "--format", "csv", "-q"]).stdout);
    let table = run(&["--eval", &file, "-q"]).stdout;
    let markdown = run(&["--eval", &file, "--format", "markdown", "-q"]).stdout;
    for (nth, row) in json["rows"].as_array().unwrap().iter().enumerate() {
        for (name, value) in row.as_object().unwrap() {
            match value.as_f64() {
                Some(number) => assert!((csv[name][nth].parse::<f64>().unwrap() - number).abs() < 1e-12),
                None => assert_eq!(csv[name][nth], value.as_str().unwrap_or_default()),
            }
        }
        let percent = |name: &str| format!("{:.1}", 100. * row[name].as_f64().unwrap());
        let cell = format!(
            "{}% [{}–{}]",
            percent("pass_10"),
            percent("pass_10_low"),
            percent("pass_10_high")
        );
        assert!(table.contains(&cell), "{cell}\n{table}");
        assert!(
            markdown.contains(&cell.replace('[', "\\[").replace(']', "\\]")),
            "{cell}\n{markdown}"
        );
    }
}

#[test]
fn nothing_to_evaluate_is_said() {
    let folder = TempDir::new().unwrap();
    let none = run(&["--eval", &file(&folder, &[json!({"prompt": "The"})])]);
    assert_eq!(none.code, Some(0), "{none:?}");
    assert!(none.stderr.contains("there are no items to evaluate"));
    let beyond = json!({"prompt": "The capital", "targets": [" of"], "position": 9});
    let refused = run(&["--eval", &file(&folder, &[beyond])]);
    assert!(
        refused.code == Some(1) && refused.stderr.contains("line 1: There is no position 9"),
        "{refused:?}"
    );
}

#[test]
fn each_lens_has_rows_of_its_own() {
    const TUNED: &str = "tuned=tests/fixtures/lenses/gpt2/tuned";
    let folder = TempDir::new().unwrap();
    let items = [
        json!({"prompt": "a b c", "targets": ["id:5"], "controls": ["id:9"]}),
        json!({"prompt": "the city", "targets": ["id:7"]}),
    ];
    let file = file(&folder, &items);
    let evaluated = |lens: &str, options: &[&str]| {
        let args = ["--eval", &file, "-m", crate::GPT2, "--lens", lens, "-q"];
        let run = run(&[&args[..], options].concat());
        assert_works(&run);
        run.stdout
    };
    let both = parsed(&evaluated(&format!("logit,{TUNED}"), &["--json"]));
    let names: Vec<&Value> = both["meta"]["lenses"].as_array().unwrap().iter().collect();
    assert_eq!((names.len(), &names[1]["lens"]), (2, &json!("tuned")));
    let rows = both["rows"].as_array().unwrap();
    for (lens, name) in [("logit", "logit"), (TUNED, "tuned")] {
        let alone = parsed(&evaluated(lens, &["--json"]));
        let mut of_lens: Vec<Value> = (rows.iter()).filter(|row| row["lens"] == name).cloned().collect();
        let mut alone = alone["rows"].as_array().unwrap().clone();
        for row in of_lens.iter_mut().chain(&mut alone) {
            row.as_object_mut().unwrap().remove("lens");
        }
        assert_eq!(of_lens, alone, "{name}");
    }
    // The lenses differ before the output and not there.
    let of = |name: &str, scope: &str| -> Vec<Value> {
        let rows = rows
            .iter()
            .filter(|row| row["lens"] == name && row["scope"] == scope);
        rows.map(|row| row["median_rank"].clone()).collect()
    };
    assert_ne!(of("logit", "layer"), of("tuned", "layer"));
    assert_eq!(of("logit", "output"), of("tuned", "output"));
    let table = evaluated(&format!("logit,{TUNED}"), &[]);
    for start in ["lens   layer", "logit  least", "tuned  least", "tuned  output"] {
        assert!(
            table.lines().any(|line| line.starts_with(start)),
            "{start}\n{table}"
        );
    }
    let csv = columns(&evaluated(&format!("logit,{TUNED}"), &["--format", "csv"]));
    assert_eq!(csv["lens"].len(), rows.len());
}

/// Whichever layers are asked for.
#[test]
fn the_output_has_a_row_of_its_own_under_a_choice_of_layers() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder, &items());
    let rows = |more: &[&str]| {
        let document = parsed(&run(&[&["--eval", &file, "--json", "-q"], more].concat()).stdout);
        document["rows"].as_array().unwrap().clone()
    };
    let (all, some) = (rows(&[]), rows(&["--layers", "0-2"]));
    assert_eq!(some.len(), 5, "{some:?}");
    assert_eq!((&some[..3], some.last()), (&all[1..4], all.last()));
}
