//! Two models over many prompts: the means are those of the prompts one by one.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::several::columns;
use crate::support::{Run, run};
use crate::{GPT2, LLAMA, assert_works};

const PROMPTS: [&str; 3] = [
    "The Eiffel Tower is in the city of",
    "The capital of France is",
    "The opposite of hot is",
];

/// A file of the prompts, each with a target.
fn facts(folder: &TempDir) -> String {
    let path = folder.path().join("facts.jsonl");
    let lines = PROMPTS.map(|prompt| json!({"prompt": prompt, "target": " the"}).to_string());
    std::fs::write(&path, lines.join("\n")).unwrap();
    path.to_str().unwrap().to_string()
}

fn compared(models: [&str; 2], file: &str, options: &[&str]) -> Run {
    let args = [
        "-m",
        models[0],
        "-m",
        models[1],
        "--prompts",
        file,
        "--summary",
        "-q",
    ];
    run(&[&args[..], options].concat())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (squares / (n - 1.) / n).sqrt())
}

fn close(found: &Value, expected: f64) -> bool {
    (found.as_f64().unwrap() - expected).abs() < 1e-5 * expected.abs().max(1.)
}

/// What each prompt comes to by itself.
fn alone(models: [&str; 2], options: &[&str]) -> Vec<Value> {
    let one = |prompt: &&str| {
        let args = [
            prompt, "-m", models[0], "-m", models[1], "--track", " the", "--json", "-q",
        ];
        parsed(&run(&[&args[..], options].concat()).stdout)
    };
    PROMPTS.iter().map(one).collect()
}

#[test]
fn the_means_are_those_of_the_prompts_one_by_one() {
    let folder = TempDir::new().unwrap();
    let file = facts(&folder);
    let models = ["demo", GPT2];
    for models in [[GPT2, "tests/fixtures/gpt2-untied"], [LLAMA, LLAMA], models] {
        let document = parsed(&compared(models, &file, &["--json"]).stdout);
        let alone = alone(models, &[]);
        assert_eq!(document["meta"]["prompts"], 3);
        let rows = document["rows"].as_array().unwrap();
        assert_eq!(rows.len(), alone[0]["rows"].as_array().unwrap().len());
        for (nth, row) in rows.iter().enumerate() {
            let of = |part: &dyn Fn(&Value) -> f64| -> Vec<f64> {
                alone.iter().map(|one| part(&one["rows"][nth])).collect()
            };
            let check = |name: &str, values: Vec<f64>| {
                let (mean, error) = mean_and_error(&values);
                assert!(close(&row[name], mean), "{name}: {} is not {mean}", row[name]);
                assert!(close(&row[format!("{name}_se")], error), "{name}");
            };
            for name in ["kl_left_right", "kl_right_left"] {
                match document["meta"]["same_vocabulary"] == true {
                    true => check(name, of(&|row| row[name].as_f64().unwrap())),
                    false => assert!(row[name].is_null()),
                }
            }
            check("overlap", of(&|row| row["overlap"].as_f64().unwrap()));
            let logprob = |row: &Value, side: &str| row["targets"][0][side]["prob"].as_f64().unwrap().ln();
            check(
                "target_logprob_change",
                of(&|row| logprob(row, "right") - logprob(row, "left")),
            );
            // Ids are tokens where the vocabulary is one; texts of fragments may be alike.
            let key = match document["meta"]["same_vocabulary"] == true {
                true => "top1_id",
                false => "top1",
            };
            let same = of(&|row| f64::from(u8::from(row["left"][key] == row["right"][key])));
            assert_eq!(row["same_top1_count"], same.iter().sum::<f64>() as u64);
            check("same_top1", same);
        }
        // The prompts that moved most come first, with what they come to by themselves.
        let moved = document["meta"]["moved"].as_array().unwrap();
        assert_eq!(moved.len(), 3);
        let apart = |moved: &Value| moved["kl_left_right"].as_f64();
        assert!(moved.windows(2).all(|pair| apart(&pair[0]) >= apart(&pair[1])));
        for moved in moved {
            let one = &alone[moved["prompt"].as_u64().unwrap() as usize];
            let output = one["rows"].as_array().unwrap().last().unwrap();
            assert_eq!(moved["text"], PROMPTS[moved["prompt"].as_u64().unwrap() as usize]);
            match output["kl_left_right"].as_f64() {
                Some(kl) => assert!(close(&moved["kl_left_right"], kl)),
                None => assert!(moved["kl_left_right"].is_null()),
            }
        }
    }
}

#[test]
fn settling_is_as_many_layers_later_as_the_documents_say() {
    let folder = TempDir::new().unwrap();
    let file = facts(&folder);
    let settles = |model: &str| -> Vec<f64> {
        let args = ["--prompts", &file, "-m", model, "--json", "-q"];
        let documents = parsed(&run(&args).stdout);
        let last = |document: &Value| {
            document["settles_at"]
                .as_array()
                .unwrap()
                .last()
                .unwrap()
                .as_f64()
        };
        documents
            .as_array()
            .unwrap()
            .iter()
            .map(|document| last(document).unwrap())
            .collect()
    };
    // Of two and of three layers: the one beside layer 0, 1, 2 of three is 0, 0, 1 of two, as
    // (layer + 1) / 3 of the way, rounded: 2/3, 4/3, 2.
    let models = [GPT2, "tests/fixtures/gpt2-untied"];
    let beside = |layer: f64| ((layer + 1.) * 2. / 3.).round() - 1.;
    let shift: Vec<f64> = (settles(models[0]).into_iter().zip(settles(models[1])))
        .map(|(left, right)| right - beside(left))
        .collect();
    let document = parsed(&compared(models, &file, &["--json"]).stdout);
    let (mean, error) = mean_and_error(&shift);
    assert!(
        close(&document["meta"]["settles_later"], mean),
        "{}",
        document["meta"]
    );
    assert!(close(&document["meta"]["settles_later_se"], error));
    let layers: Vec<(Value, Value)> = (document["rows"].as_array().unwrap().iter())
        .map(|row| (row["layer"].clone(), row["right_layer"].clone()))
        .collect();
    let expected = [
        (json!(null), json!(null)),
        (json!(0), json!(0)),
        (json!(1), json!(0)),
        (json!(2), json!(1)),
    ];
    assert_eq!(layers, expected);
}

#[test]
fn table_json_and_csv_agree() {
    let folder = TempDir::new().unwrap();
    let file = facts(&folder);
    let models = [GPT2, "tests/fixtures/gpt2-untied"];
    let json = parsed(&compared(models, &file, &["--json"]).stdout);
    let csv = columns(&compared(models, &file, &["--format", "csv"]).stdout);
    let table = compared(models, &file, &[]);
    assert_works(&table);
    let markdown = compared(models, &file, &["--format", "markdown"]).stdout;
    for (nth, row) in json["rows"].as_array().unwrap().iter().enumerate() {
        for (name, value) in row.as_object().unwrap() {
            let text = &csv[name][nth];
            match value.as_f64() {
                Some(number) => assert!((text.parse::<f64>().unwrap() - number).abs() < 1e-12, "{name}"),
                None => assert_eq!(text, value.as_str().unwrap_or_default()),
            }
        }
        let number = |name: &str| row[name].as_f64().unwrap();
        let small = |x: f64| match x {
            0. => "0".to_string(),
            x if x.abs() < 0.01 => format!("{x:.2e}"),
            x => format!("{x:.3}"),
        };
        let kl = format!(
            "{} ±{}",
            small(number("kl_left_right")),
            small(number("kl_left_right_se"))
        );
        let share = format!(
            "{:.1}% ±{:.1}",
            100. * number("overlap"),
            100. * number("overlap_se")
        );
        for text in [&table.stdout, &markdown] {
            assert!(
                text.contains(&kl) && text.contains(&share),
                "{kl} {share}\n{text}"
            );
        }
    }
    for words in [
        "left ",
        "right ",
        "3 prompts",
        "Moved most",
        "top-5 shared",
        "layer",
    ] {
        assert!(table.stdout.contains(words), "{words}\n{}", table.stdout);
    }
}

#[test]
fn a_model_does_not_differ_from_itself_but_from_its_rounding() {
    let folder = TempDir::new().unwrap();
    let file = facts(&folder);
    let same = parsed(&compared(["demo", "demo"], &file, &["--json"]).stdout);
    for row in same["rows"].as_array().unwrap() {
        assert!(row["kl_left_right"].as_f64().unwrap() < 1e-9 && row["same_top1"] == 1.);
        assert!(row["overlap"] == 1. && row["target_logprob_change"] == 0.);
    }
    let table = compared(["demo", "demo"], &file, &[]).stdout;
    assert!(
        table.contains("Both settle at the same layer") && !table.contains("→"),
        "{table}"
    );
    let rounded = parsed(&compared(["demo", "demo"], &file, &["--json", "--dtype", "f32,bf16"]).stdout);
    let dtypes = ["left", "right"].map(|side| rounded["meta"][side]["dtype"].clone());
    assert_eq!(dtypes, [json!("float32"), json!("bfloat16")]);
    let output = rounded["rows"].as_array().unwrap().last().unwrap();
    assert!(output["kl_left_right"].as_f64().unwrap() > 1e-9);
    let refused = run(&[PROMPTS[0], "-m", "demo", "--dtype", "f32,bf16"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("--dtype names 2 types"));
}

/// The curves that a chart has, from the document's rows of layers: the mean and the ends of its band.
fn curves(document: &Value) -> Vec<Vec<[f64; 3]>> {
    let same = document["meta"]["same_vocabulary"] == true;
    let keys = match same {
        true => &["kl_left_right", "kl_right_left"][..],
        // Where there is no KL: the share of the top tokens that only one side has.
        false => &["overlap"],
    };
    let rows = document["rows"].as_array().unwrap();
    let point = |row: &Value, key: &str| {
        let mean = row[key].as_f64().unwrap();
        let mean = if same { mean } else { 1. - mean };
        let error = row[format!("{key}_se")].as_f64().unwrap();
        [mean, (mean - error).max(0.), mean + error]
    };
    let curve = |key: &&str| {
        let layers = rows.iter().filter(|row| row["layer"].is_number());
        layers.map(|row| point(row, key)).collect()
    };
    keys.iter().map(curve).collect()
}

#[test]
fn the_divergence_by_layer_is_drawn_in_its_band() {
    let folder = TempDir::new().unwrap();
    let file = facts(&folder);
    for models in [[GPT2, LLAMA], [GPT2, "tests/fixtures/gpt2-untied"]] {
        let curves = curves(&parsed(&compared(models, &file, &["--json"]).stdout));
        let plot = compared(models, &file, &["--plot"]);
        assert_works(&plot);
        let [mean, ..] = *curves[0].last().unwrap();
        let figure = match mean {
            small if small < 0.01 => format!("{small:.2e}"),
            mean => format!("{mean:.2}"),
        };
        assert!(
            plot.stdout.contains(&format!("final {figure} ±")),
            "{figure}\n{}",
            plot.stdout
        );
        let svg = folder.path().join("apart.svg").display().to_string();
        let drawn = compared(models, &file, &["--plot", "-o", &svg]);
        assert_eq!((drawn.code, drawn.stderr.as_str()), (Some(0), ""), "{drawn:?}");
        let svg = std::fs::read_to_string(&svg).unwrap();
        let bands: Vec<Vec<[f64; 2]>> = (svg.split("<polygon points=\"").skip(1))
            .map(|rest| {
                let points = rest.split('"').next().unwrap().split(' ');
                let point = |point: &str| {
                    let (x, y) = point.split_once(',').unwrap();
                    [x.parse().unwrap(), y.parse().unwrap()]
                };
                points.map(point).collect()
            })
            .collect();
        assert_eq!(bands.len(), curves.len(), "{svg}");
        let top = curves.iter().flatten().map(|point| point[2]).fold(0., f64::max);
        let mut zeros = Vec::new();
        // The first curve is drawn last. A band goes along its upper ends, and back along the lower.
        for (curve, band) in curves.iter().zip(bands.iter().rev()) {
            let (upper, lower) = band.split_at(curve.len());
            for ((point, upper), lower) in curve.iter().zip(upper).zip(lower.iter().rev()) {
                assert_eq!(upper[0], lower[0]);
                zeros.extend([upper[1] + 150. * point[2] / top, lower[1] + 150. * point[1] / top]);
            }
        }
        assert!(
            zeros.iter().all(|zero| (zero - zeros[0]).abs() < 0.05),
            "{zeros:?}"
        );
        for options in [&["--heatmap"][..], &["--format", "html"]] {
            assert_eq!(compared(models, &file, options).code, Some(2), "{options:?}");
        }
    }
}
