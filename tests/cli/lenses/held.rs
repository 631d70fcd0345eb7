//! Runs under several lenses: what is asserted of them, held against an earlier run, compared, written; and each
//! number below the lens that it is of.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Run, run};
use crate::{GPT2, PROMPT, assert_fails};

const TUNED: &str = "tuned=tests/fixtures/lenses/gpt2/tuned";
const JACOBIAN: &str = "jacobian=tests/fixtures/lenses/gpt2/provenance.pt";
const THREE: &str =
    "logit,tuned=tests/fixtures/lenses/gpt2/tuned,jacobian=tests/fixtures/lenses/gpt2/provenance.pt";
const LENSES: [&str; 3] = ["logit", TUNED, JACOBIAN];

fn with(args: &[&str]) -> Run {
    run(&[&[PROMPT, "-m", GPT2], args].concat())
}

fn read(args: &[&str]) -> String {
    let run = with(&[args, &["-q"]].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    run.stdout
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&read(&[args, &["--json"]].concat())).unwrap()
}

/// What a document has of each lens.
fn of_each_lens(document: &Value) -> Vec<&Value> {
    let others = document["lenses"].as_array().unwrap();
    std::iter::once(document).chain(others).collect()
}

fn assert_near(ours: &Value, theirs: &Value, what: &str) {
    match (ours.as_f64(), theirs.as_f64()) {
        // Other rows go through the unembedding with it: the last digits of float32's sums are others.
        (Some(a), Some(b)) => assert!((a - b).abs() < 1e-4 * b.abs().max(1.), "{what}: {a} {b}"),
        _ => assert_eq!(ours, theirs, "{what}"),
    }
}

#[test]
fn an_assertion_about_the_lenses_holds_of_each_of_them() {
    let document = json(&["--lens", THREE, "--stats", "lens_kl"]);
    let kl = |nth: usize| {
        let rows = document["lenses"][nth]["lens_kl"][0].as_array().unwrap();
        rows.last().unwrap().as_f64().unwrap()
    };
    let (least, most) = (kl(0).min(kl(1)), kl(0).max(kl(1)));
    assert!(most - least > 1e-3, "the two are apart: {least} {most}");
    let between = (least + most) / 2.;
    let code = |expression: &str| with(&["--lens", THREE, "-q", "--assert", expression]).code;
    assert_eq!(code(&format!("lens_kl@0 < {}", most + 1e-4)), Some(0));
    assert_eq!(code(&format!("lens_kl@0 > {}", least - 1e-4)), Some(0));
    assert_eq!(code(&format!("lens_kl@0 < {between}")), Some(3));
    assert_eq!(code(&format!("lens_kl@0 > {between}")), Some(3));
    let broken = with(&[
        "--lens",
        THREE,
        "--json",
        "--assert",
        &format!("lens_kl@0 < {between}"),
    ]);
    let outcome: Value = serde_json::from_str(&broken.stdout).unwrap();
    assert_near(
        &outcome["assertions"][0]["found"],
        &most.into(),
        "what does not hold is found",
    );

    for output in ["lens_kl < 1", "lens_kl@2 < 1", "lens_kl@-1 < 1"] {
        let run = with(&["--lens", THREE, "-q", "--assert", output]);
        assert_fails(&run, 2, "the same under every lens");
        assert!(run.stderr.contains("lens_kl@1"), "{run:?}");
    }
    let one = with(&["--lens", TUNED, "-q", "--assert", "lens_kl@0 < 1"]);
    assert_fails(&one, 2, "compares lenses, and there is one");
    // A row that only two of the three read.
    assert_eq!(code("lens_kl@embed > 0"), Some(0));
    let run = with(&[
        "--lens",
        &format!("{JACOBIAN},logit"),
        "-q",
        "--assert",
        "lens_kl@embed < 9",
    ]);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("no two lenses read that row"), "{run:?}");
}

#[test]
fn an_earlier_run_is_held_against_under_each_lens() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("before.json").display().to_string();
    let document = json(&["--lens", THREE, "--track", "id:5"]);
    std::fs::write(&path, document.to_string()).unwrap();
    let again = |lens: &str| with(&["--lens", lens, "--track", "id:5", "--baseline", &path, "-q"]);
    assert_eq!((again(THREE).code, again(THREE).stderr.as_str()), (Some(0), ""));

    // A number of each of the lenses, in turn.
    for (nth, said) in [(0, "under the tuned lens"), (1, "under the Jacobian lens")] {
        let mut moved = document.clone();
        let cell = &mut moved["lenses"][nth]["entropy"][1][7];
        *cell = (cell.as_f64().unwrap() + 0.25).into();
        std::fs::write(&path, moved.to_string()).unwrap();
        let run = again(THREE);
        assert_eq!(run.code, Some(3), "{run:?}");
        assert!(
            run.stderr.contains(&format!("at layer 1, position 7 {said}")),
            "{run:?}"
        );
    }
    let mut moved = document.clone();
    moved["entropy"][1][7] = 100.into();
    std::fs::write(&path, moved.to_string()).unwrap();
    assert!(again(THREE).stderr.contains("under the logit lens"));

    std::fs::write(&path, document.to_string()).unwrap();
    let other = again("logit");
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(
        other
            .stderr
            .contains("was read under the lenses logit, tuned, jacobian"),
        "{other:?}"
    );
    let plain = json(&["--track", "id:5"]);
    std::fs::write(&path, plain.to_string()).unwrap();
    // What was read is shown all the same.
    let other = again(TUNED);
    assert_eq!(other.code, Some(1), "{other:?}");
    let words = "was read under the lenses logit, and this run under tuned";
    assert!(other.stderr.contains(words), "{other:?}");
}

#[test]
fn a_comparison_says_what_is_doubtful_and_where_each_lens_comes_from() {
    let args = ["--compare", "The Eiffel Tower is", "The Louvre is in", "-m", GPT2];
    let compared = run(&[&args[..], &["--lens", THREE]].concat());
    assert_eq!(compared.code, Some(0), "{compared:?}");
    assert_eq!(
        compared.stderr.matches("first 16 positions").count(),
        1,
        "{compared:?}"
    );
    for line in [
        "lens   tuned · tests/fixtures/lenses/gpt2/tuned\n",
        "lens   jacobian · tests/fixtures/lenses/gpt2/provenance.pt\n",
    ] {
        assert!(compared.stdout.contains(line), "{compared:?}");
    }
}

#[test]
fn each_kind_of_doubt_is_said_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("lens.pt").display().to_string();
    std::fs::copy("tests/fixtures/lenses/gpt2/jacobian.pt", &path).unwrap();
    std::fs::write(
        folder.path().join("lens.json"),
        r#"{"model_name": "gpt2", "skip_first": 3, "force_bos": true}"#,
    )
    .unwrap();
    // The first prompt is read past the positions that were left out, and the second is not.
    let lens = format!("jacobian={path}");
    let said = run(&[PROMPT, "a", "b", "-m", GPT2, "--lens", &lens]).stderr;
    assert_eq!(said.matches("first 3 positions").count(), 1, "{said}");
    assert!(said.matches("begin with the BOS token").count() <= 1, "{said}");
}

#[test]
fn a_script_reads_no_other_lens() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (script, data) = (file("lens.py"), file("lens.json"));
    for lenses in [TUNED, THREE] {
        let run = with(&["--lens", lenses, "-q", "-o", &script, "-o", &data]);
        assert_fails(&run, 2, "A script reads the logit lens alone");
    }
    assert_eq!(with(&["--lens", "logit", "-q", "-o", &script]).code, Some(0));
}

#[test]
fn rows_are_written_as_each_lens_maps_them() {
    use safetensors::SafeTensors;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows.safetensors").display().to_string();
    let rows = |lens: &str| {
        let run = with(&["--lens", lens, "-q", "--positions", "2,5", "-o", &path]);
        assert_eq!(run.code, Some(0), "{run:?}");
        std::fs::read(&path).unwrap()
    };
    let together = rows(THREE);
    let together = SafeTensors::deserialize(&together).unwrap();
    let names: Vec<&str> = together
        .names()
        .into_iter()
        .filter(|name| name.contains("resid"))
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for (lens, prefix) in LENSES.into_iter().zip(["", "tuned.", "jacobian."]) {
        let alone = rows(lens);
        let alone = SafeTensors::deserialize(&alone).unwrap();
        for point in ["resid_post", "embed"] {
            let theirs = alone.tensor(point).ok();
            let ours = together.tensor(&format!("{prefix}{point}")).ok();
            assert_eq!(ours.is_some(), theirs.is_some(), "{lens} {point}");
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                assert_eq!(
                    (ours.shape(), ours.data()),
                    (theirs.shape(), theirs.data()),
                    "{lens}"
                );
            }
        }
    }
}

/// The words of the lines of a table that begin with `label`.
fn lines(table: &str, label: &str) -> Vec<Vec<String>> {
    let lines = table
        .lines()
        .map(|line| line.split_whitespace().map(str::to_string));
    let lines = lines.map(Iterator::collect::<Vec<_>>);
    lines
        .filter(|line| line.first().is_some_and(|first| first == label))
        .collect()
}

#[test]
fn a_table_has_each_number_below_its_lens() {
    for position in 0..8 {
        let at = position.to_string();
        let args = ["--lens", THREE, "--track", "id:5", "--positions", &at];
        let (table, document) = (read(&args), json(&args));
        let lenses = of_each_lens(&document);
        let settles: Vec<String> = (lenses.iter())
            .map(|lens| lens["settles_at"][position].to_string())
            .collect();
        assert_eq!(
            lines(&table, "settles"),
            [[vec!["settles".to_string()], settles].concat()]
        );
        for layer in 0..2 {
            let rows = lines(&table, &layer.to_string());
            let percents = |line: &[String]| -> Vec<f64> {
                let numbers = line.iter().filter_map(|word| word.strip_suffix('%'));
                numbers
                    .map(|number| number.trim_start_matches('<').parse().unwrap())
                    .collect()
            };
            let shown = [percents(&rows[0]), percents(&rows[1])];
            for (nth, lens) in lenses.iter().enumerate() {
                let probs = [
                    &lens["topk_probs"][layer][position][0],
                    &lens["targets"][0]["probs"][layer][position],
                ];
                for (shown, prob) in shown.iter().zip(probs) {
                    // A decimal is shown, of what is small two.
                    let prob = 100. * prob.as_f64().unwrap();
                    assert!((shown[nth] - prob).abs() <= 0.0501, "{nth}: {prob}\n{table}");
                }
                let rank = lens["targets"][0]["ranks"][layer][position].to_string();
                assert_eq!(rows[1][2 + 2 * nth], rank, "{table}");
            }
        }
    }
}

#[test]
fn a_group_that_goes_on_says_once_where_it_settles() {
    let output = crate::support::lens()
        .args([PROMPT, "-m", GPT2, "--lens", THREE, "-q", "-k", "6"])
        .env("COLUMNS", "60")
        .output()
        .unwrap();
    let table = Run::from(output).stdout;
    assert!(
        lines(&table, "jacobian").len() == 2,
        "it takes several bands\n{table}"
    );
    let settles = lines(&table, "settles").concat();
    let layers = settles.iter().filter(|word| *word != "settles");
    assert_eq!(layers.count(), 3, "{table}");
}

#[test]
fn lenses_of_a_heatmap_have_columns_of_one_width() {
    let heatmap = read(&["--lens", THREE, "--heatmap"]);
    let heads: Vec<&str> = heatmap.lines().filter(|line| line.contains("␣Eiffel")).collect();
    assert_eq!(heads.len(), 3, "{heatmap}");
    assert!(heads[1] == heads[0] && heads[2] == heads[0], "{heatmap}");
}

#[test]
fn summaries_and_comparisons_have_each_lenses_own_numbers() {
    let prompts = ["The Eiffel Tower is", "The Louvre is in"];
    for task in ["--summary", "--compare"] {
        let document = |lens: &str| -> Value {
            let run = run(&[&prompts[..], &["-m", GPT2, "-q", "--json", task, "--lens", lens]].concat());
            assert_eq!(run.code, Some(0), "{run:?}");
            serde_json::from_str(&run.stdout).unwrap()
        };
        let together = document(THREE);
        let mut rows = together["rows"].as_array().unwrap().iter();
        for lens in LENSES {
            let name = lens.split('=').next().unwrap();
            for theirs in document(lens)["rows"].as_array().unwrap() {
                let ours = rows.next().unwrap();
                assert_eq!(ours["lens"], name, "{task}");
                for (key, value) in theirs
                    .as_object()
                    .unwrap()
                    .iter()
                    .filter(|(key, _)| *key != "lens")
                {
                    match value.as_object() {
                        Some(inner) => (inner.iter()).for_each(|(name, value)| {
                            assert_near(&ours[key][name], value, &format!("{task} {key}"))
                        }),
                        None => assert_near(&ours[key], value, &format!("{task} {lens} {key}")),
                    }
                }
            }
        }
        assert!(rows.next().is_none(), "{task}");
    }
}
