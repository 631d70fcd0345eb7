//! Fitted lenses on the command line.

mod held;
mod several;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Run, lens, run};
use crate::{GPT2, assert_fails};

const TUNED: &str = "tuned=tests/fixtures/lenses/gpt2/tuned";
const JACOBIAN: &str = "jacobian=tests/fixtures/lenses/gpt2/provenance.pt";
const PROMPT: &str = "The Eiffel Tower is in the city of";

fn read(args: &[&str]) -> Run {
    let run = run(&[&[PROMPT, "-m", GPT2], args].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    run
}

/// The lenses of the rows of a CSV.
fn lenses_of_csv(args: &[&str]) -> BTreeSet<String> {
    let csv = read(&[args, &["--format", "csv", "-q"]].concat()).stdout;
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let column = (rows.headers().unwrap().iter()).position(|name| name == "lens");
    let lens = |record: Result<csv::StringRecord, _>| record.unwrap()[column.unwrap()].to_string();
    rows.records().map(lens).collect()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&read(&[args, &["--json", "-q"]].concat()).stdout).unwrap()
}

#[test]
fn a_table_names_its_lens_and_shows_what_it_reads() {
    let logit = read(&["-q"]).stdout;
    let tuned = read(&["--lens", TUNED, "-q"]).stdout;
    assert!(
        tuned.contains("Tuned lens · tests/fixtures/lenses/gpt2/tuned · fitted on gpt2\n"),
        "{tuned}"
    );
    assert!(tuned.contains("\nembed ") && !logit.contains("lens ·"));
    let rows = |text: &str| {
        text.lines()
            .filter(|line| line.trim_start().starts_with(['0', '1']))
            .count()
    };
    assert_eq!(rows(&tuned), rows(&logit));
    assert_ne!(tuned, logit);
    // The last row and what is said of it are the model's output under every lens.
    let last = |text: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.starts_with("    2")).unwrap();
        line.split_whitespace().map(str::to_string).collect()
    };
    assert_eq!(last(&tuned), last(&logit));
    // A Jacobian lens has no map for the embedding.
    let jacobian = read(&["--lens", JACOBIAN, "-q"]).stdout;
    assert!(!jacobian.contains("\nembed "), "{jacobian}");
    assert!(
        jacobian.contains(
            "Jacobian lens · tests/fixtures/lenses/gpt2/provenance.pt · fitted on gpt2 · 7 prompts"
        )
    );
}

#[test]
fn what_is_doubtful_is_said_once() {
    let stderr = read(&["--lens", JACOBIAN]).stderr;
    assert_eq!(stderr.matches("first 16 positions").count(), 1, "{stderr}");
    let several = run(&["a", "b", "c", "-m", GPT2, "--lens", JACOBIAN]);
    assert_eq!(
        several.stderr.matches("first 16 positions").count(),
        1,
        "{several:?}"
    );
    let unknown = read(&["--lens", "jacobian=tests/fixtures/lenses/gpt2/jacobian.pt"]).stderr;
    assert_eq!(
        unknown.matches("does not say which model").count(),
        1,
        "{unknown}"
    );
    assert_eq!(read(&["--lens", JACOBIAN, "-q"]).stderr, "");
}

#[test]
fn json_says_where_the_lens_comes_from() {
    assert!(json(&[])["meta"].get("lenses").is_none());
    let document = json(&["--lens", JACOBIAN]);
    let meta = &document["meta"]["lenses"][0];
    assert_eq!(meta["lens"], "jacobian");
    assert_eq!(meta["artefact"], "tests/fixtures/lenses/gpt2/provenance.pt");
    assert_eq!(meta["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(meta["fitted_on"]["model"], "gpt2");
    assert_eq!(meta["fitted_on"]["dataset"], "Salesforce/wikitext");
    assert_eq!(meta["fitted_on"]["prompts"], 7);
    assert!(document.get("embed").is_none() && document.get("lenses").is_none());
}

#[test]
fn csv_and_summaries_name_the_lens() {
    for (args, lens) in [(&["--lens", TUNED][..], "tuned"), (&[], "logit")] {
        assert_eq!(lenses_of_csv(args), BTreeSet::from([lens.to_string()]));
    }

    let summary = json(&["--lens", JACOBIAN, "--summary"]);
    assert_eq!(summary["meta"]["lenses"][0]["lens"], "jacobian");
    assert_eq!(summary["rows"][0]["lens"], "jacobian");
    assert!(json(&["--summary"])["rows"][0].get("lens").is_none());
    let title = read(&["--lens", JACOBIAN, "--summary", "-q"]).stdout;
    assert!(title.contains("· Jacobian lens ·"), "{title}");
}

#[test]
fn comparisons_and_pictures_are_under_the_lens() {
    let compare = |args: &[&str]| {
        let args = [
            &[
                "--compare",
                "The Eiffel Tower is",
                "The Louvre is in",
                "-m",
                GPT2,
                "-q",
            ],
            args,
        ]
        .concat();
        let run = run(&args);
        assert_eq!(run.code, Some(0), "{run:?}");
        run.stdout
    };
    let tuned = compare(&["--lens", TUNED]);
    assert!(
        tuned.contains("lens   tuned · tests/fixtures/lenses/gpt2/tuned"),
        "{tuned}"
    );
    assert_ne!(compare(&["--json"]), compare(&["--lens", TUNED, "--json"]));
    let svg = read(&["--lens", TUNED, "--format", "svg", "-q"]).stdout;
    assert!(svg.contains("Tuned lens of gpt2"));
    let page = read(&["--lens", JACOBIAN, "--format", "html", "-q"]).stdout;
    assert!(page.contains("– Jacobian lens of gpt2</title>"));
}

#[test]
fn what_a_lens_cannot_read_is_refused() {
    let fails = |args: &[&str], problem: &str| {
        assert_fails(&run(&[&[PROMPT, "-m", GPT2, "-q"], args].concat()), 2, problem);
    };
    fails(
        &["--lens", JACOBIAN, "--layers", "embed"],
        "no map for the row embed",
    );
    fails(
        &["--lens", TUNED, "--point", "attn_out"],
        "no map for the row 0_attn_out",
    );
    for (lens, problem) in [
        ("tuned", "demo is no model of the hub"),
        ("jacobian", "demo is no model of the hub"),
        ("jacobian=", "names no file"),
        ("linear", "unknown lens"),
        ("logit=x", "has no file"),
    ] {
        let run = run(&[PROMPT, "--lens", lens]);
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains(problem), "{run:?}");
    }
    let run = run(&[PROMPT, "-m", GPT2, "-q", "--lens", "jacobian=nowhere.pt"]);
    assert_fails(&run, 1, "no file or directory nowhere.pt");
}

#[test]
fn an_output_does_not_take_the_place_of_the_lens() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("lens.pt");
    std::fs::copy("tests/fixtures/lenses/gpt2/provenance.pt", &path).unwrap();
    let path = path.to_str().unwrap();
    let output = lens()
        .args([
            PROMPT,
            "-m",
            GPT2,
            "--lens",
            &format!("jacobian={path}"),
            "--format",
            "csv",
            "-o",
            path,
        ])
        .output()
        .unwrap();
    assert_fails(&output.into(), 2, "is read by this run");
}
