//! Several lenses in one run.

use serde_json::Value;

use super::{JACOBIAN, PROMPT, TUNED, json, lenses_of_csv, read};
use crate::support::{Run, lens, run};
use crate::{GPT2, assert_fails};

const THREE: &str =
    "logit,tuned=tests/fixtures/lenses/gpt2/tuned,jacobian=tests/fixtures/lenses/gpt2/provenance.pt";

#[test]
fn several_lenses_stand_beside_each_other() {
    let table = read(&["--lens", THREE, "-q"]).stdout;
    let titles = table.lines().find(|line| line.trim_start().starts_with("logit "));
    let words: Vec<&str> = titles.unwrap().split_whitespace().collect();
    assert_eq!(words, ["logit", "tuned", "jacobian"], "{table}");
    let heading = table
        .lines()
        .find(|line| line.trim_start().starts_with("layer "))
        .unwrap();
    assert_eq!(heading.matches("top 1").count(), 3, "{table}");
    let settles = table.lines().find(|line| line.starts_with("settles")).unwrap();
    assert_eq!(settles.split_whitespace().count(), 4, "{table}");
    let embed = table
        .lines()
        .find(|line| line.trim_start().starts_with("embed "))
        .unwrap();
    assert!(embed.ends_with("–") || embed.trim_end().ends_with("–"), "{table}");
    assert!(
        table.contains("top-1 from layer 2 on under every lens."),
        "{table}"
    );
    let line = read(&["--lens", THREE, "-q", "--positions", "6"])
        .stdout
        .replace('\n', " ");
    let said =
        "from layer 2 on under the logit and tuned lenses, and from layer 1 on under the Jacobian lens.";
    assert!(line.contains(said), "{line}");
    let more = read(&["--lens", THREE, "-q", "-k", "2"]).stdout;
    assert_eq!(more.matches("top 2").count(), 3, "{more}");
    let tracked = read(&["--lens", THREE, "-q", "--track", "id:5", "--against", "id:7"]).stdout;
    assert_eq!(tracked.matches("logit − ").count(), 3, "{tracked}");
    let grid = read(&["--lens", THREE, "-q", "--positions", "-2:"]).stdout;
    for lens in ["logit", "tuned", "Jacobian"] {
        assert!(grid.contains(&format!("Top token, {lens} lens")), "{grid}");
    }
}

#[test]
fn several_lenses_fit_a_narrow_terminal() {
    use unicode_width::UnicodeWidthStr;
    for columns in [24, 40, 60, 80] {
        for more in [
            &["-k", "3"][..],
            &["--stats", "all"],
            &["--track", "id:5"],
            &["--positions", "all"],
        ] {
            let output = lens()
                .args([PROMPT, "-m", GPT2, "--lens", THREE, "-q"])
                .args(more)
                .env("COLUMNS", columns.to_string())
                .output()
                .unwrap();
            let run = Run::from(output);
            assert_eq!(run.code, Some(0), "{run:?}");
            for line in run.stdout.lines() {
                assert!(line.width() <= columns, "{columns} {more:?}: {line}");
            }
        }
    }
}

#[test]
fn documents_have_each_lens_on_the_same_axes() {
    let document = json(&["--lens", THREE, "--stats", "all", "--track", "id:5"]);
    let names = |list: &Value| -> Vec<String> {
        let lenses = list.as_array().unwrap().iter();
        lenses
            .map(|lens| lens["lens"].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(names(&document["meta"]["lenses"]), ["logit", "tuned", "jacobian"]);
    assert_eq!(names(&document["lenses"]), ["tuned", "jacobian"]);
    // The main document is the first lens's, as it is alone.
    let alone = json(&["--stats", "all", "--track", "id:5"]);
    assert_eq!(document["topk_ids"], alone["topk_ids"]);
    for (other, written) in document["lenses"]
        .as_array()
        .unwrap()
        .iter()
        .zip([TUNED, JACOBIAN])
    {
        let alone = json(&["--lens", written, "--stats", "all"]);
        assert_eq!(other["layers"], document["layers"]);
        assert_eq!(other["topk_ids"], alone["topk_ids"]);
        assert_eq!(other["settles_at"], alone["settles_at"]);
        assert_eq!(other.get("embed").is_some(), written == TUNED);
        assert_eq!(other["targets"][0]["ids"][0], 5);
        // At the output there is nothing to compare.
        let kl = other["lens_kl"].as_array().unwrap();
        let at = |layer: usize| kl[layer].as_array().unwrap().last().unwrap();
        assert!(at(0).as_f64().unwrap() > 0. && at(2).is_null(), "{kl:?}");
    }
    assert!(
        document["lens_kl"][0]
            .as_array()
            .unwrap()
            .iter()
            .all(Value::is_null)
    );

    let lenses = lenses_of_csv(&["--lens", THREE]);
    assert_eq!(
        lenses.into_iter().collect::<Vec<_>>(),
        ["jacobian", "logit", "tuned"]
    );
}

#[test]
fn the_kl_between_lenses_is_that_of_their_distributions() {
    let vocabulary = "303";
    let document = json(&["--lens", THREE, "--stats", "lens_kl", "-k", vocabulary]);
    let logprobs = |part: &Value, layer: usize| -> std::collections::BTreeMap<u64, f64> {
        let at = |key: &str| {
            part[key][layer]
                .as_array()
                .unwrap()
                .last()
                .unwrap()
                .as_array()
                .unwrap()
                .clone()
        };
        let ids = at("topk_ids").into_iter().map(|id| id.as_u64().unwrap());
        ids.zip(at("topk_logprobs").into_iter().map(|p| p.as_f64().unwrap()))
            .collect()
    };
    for other in document["lenses"].as_array().unwrap() {
        for layer in 0..2 {
            let (r, p) = (logprobs(&document, layer), logprobs(other, layer));
            let kl: f64 = r.iter().map(|(id, r)| r.exp() * (r - p[id])).sum();
            let ours = other["lens_kl"][layer]
                .as_array()
                .unwrap()
                .last()
                .unwrap()
                .as_f64()
                .unwrap();
            assert!((ours - kl).abs() < 1e-5, "{ours} {kl}");
        }
    }
    let run = run(&[PROMPT, "-m", GPT2, "--stats", "lens_kl"]);
    assert_fails(&run, 2, "compares lenses");
}

#[test]
fn summaries_comparisons_and_pictures_have_each_lens() {
    let summary = json(&["--lens", THREE, "--summary"]);
    let rows = summary["rows"].as_array().unwrap();
    let count = |lens: &str| rows.iter().filter(|row| row["lens"] == lens).count();
    assert_eq!((count("logit"), count("tuned"), count("jacobian")), (4, 4, 3));
    let table = read(&["--lens", THREE, "--summary", "-q"]).stdout;
    assert!(table.lines().any(|line| line.starts_with("lens ")), "{table}");

    let args = [
        "--compare",
        "The Eiffel Tower is",
        "The Louvre is in",
        "-m",
        GPT2,
        "-q",
        "--lens",
        THREE,
    ];
    let compared = run(&args);
    assert_eq!(compared.code, Some(0), "{compared:?}");
    assert!(
        compared.stdout.contains("Jacobian lens: The top-1"),
        "{compared:?}"
    );
    let compared: Value = serde_json::from_str(&run(&[&args[..], &["--json"]].concat()).stdout).unwrap();
    assert_eq!(compared["rows"].as_array().unwrap().len(), 11);
    assert_eq!(compared["meta"]["lenses"].as_array().unwrap().len(), 3);

    let svg = read(&["--lens", THREE, "--format", "svg", "-q"]).stdout;
    assert!(svg.contains("Logit, tuned and Jacobian lens of gpt2") && svg.contains(">Tuned lens<"));
    let lines = read(&["--lens", THREE, "--plot", "-q", "--track", "id:5"]).stdout;
    assert!(lines.contains("Jacobian lens  final"), "{lines}");
    let heatmap = read(&["--lens", THREE, "--heatmap", "-q"]).stdout;
    assert!(
        heatmap.contains("\nTuned lens\n") && heatmap.contains("\nJacobian lens\n"),
        "{heatmap}"
    );
    let markdown = read(&["--lens", THREE, "--format", "markdown", "-q"]).stdout;
    assert!(markdown.contains("\nTuned lens\n"), "{markdown}");
}

#[test]
fn a_target_of_several_tokens_is_read_under_each_lens() {
    let both = json(&[
        "--lens",
        &format!("{JACOBIAN},{TUNED}"),
        "--track",
        " of the city",
    ]);
    let alone = |lens: &str| json(&["--lens", lens, "--track", " of the city"]);
    let (jacobian, tuned) = (alone(JACOBIAN), alone(TUNED));
    let sums = |document: &Value| document["targets"][0].clone();
    assert!(sums(&jacobian)["sequence"].as_array().unwrap().len() > 1);
    assert_ne!(sums(&jacobian), sums(&tuned));
    for (read, expected) in [(&both, &jacobian), (&both["lenses"][0], &tuned)] {
        let (read, expected) = (sums(read), sums(expected));
        assert_eq!(read["ids"], expected["ids"]);
        for layer in 0..3 {
            let at = |value: &Value| {
                let row = value["logprobs"][layer].as_array().unwrap();
                row.last().unwrap().as_f64().unwrap()
            };
            // Other rows go through the unembedding with it: the last digits of its sums are others.
            assert!(
                (at(&read) - at(&expected)).abs() < 1e-4,
                "{layer}: {read} {expected}"
            );
        }
    }
}
