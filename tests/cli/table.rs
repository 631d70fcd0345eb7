//! The table for people: its exact text, its columns, its colours.

use std::path::Path;

use logit_lens::analysis::statistics::Statistics;
use logit_lens::lens::{Request, Trajectory};
use logit_lens::model::Model;
use logit_lens::report::{Document, Format, Presentation};
use unicode_width::UnicodeWidthStr;

use crate::support::{self, Run, lens, run};
use crate::{GPT2, PROMPT, assert_works};

/// The exact text for people. After a wanted change, LENS_BLESS=1 writes the files anew.
fn assert_golden(name: &str, args: &[&str]) {
    let run = run(args);
    assert_works(&run);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("LENS_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(&path, &run.stdout).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        run.stdout, golden,
        "{name} differs; LENS_BLESS=1 accepts what is new"
    );
}

#[test]
fn the_tables_are_the_golden_ones() {
    assert_golden("gpt2.txt", &[PROMPT, "--model", GPT2, "--top-k", "3"]);
    let llama = "tests/fixtures/llama-rope3";
    let rows = ["--positions", "-2:", "--layers", "embed,0,-1"];
    let args = [&[PROMPT, "-m", llama, "-k", "3"], &rows[..]].concat();
    assert_golden("llama-rope3.txt", &args);
}

#[test]
fn a_table_keeps_its_columns_whatever_the_tokens_hold() {
    for name in &support::fixtures() {
        let model = format!("tests/fixtures/{name}");
        // Thirty candidates: enough for CJK, emoji bytes and controls to come.
        for k in ["5", "30"] {
            let prompt = "Café 東京 🙂\n\u{1b}[31m is";
            let run = run(&[prompt, "-m", &model, "-k", k, "--positions", "all"]);
            assert_works(&run);
            assert!(!run.stdout.contains(|c: char| c.is_control() && c != '\n'));
            let blocks = run.stdout.split("After position ").skip(1);
            for block in blocks {
                let rule = block.lines().find(|line| line.starts_with('─')).unwrap();
                let rows = block
                    .lines()
                    .skip(2)
                    .take_while(|line| !line.starts_with("Output"));
                for row in rows {
                    assert_eq!(row.width(), rule.width(), "{name}: {row}");
                }
            }
        }
    }
}

#[test]
fn statistics_that_do_not_fit_stand_below() {
    let model = support::load("llama");
    let statistics: Statistics = "all".parse().unwrap();
    let request = Request {
        distances: true,
        ..Request::default()
    };
    let trajectory = model.lens(PROMPT, &request).unwrap();
    for columns in [40, 60, 80, 200] {
        let document = Document {
            card: &model.card,
            tokens: &model.tokens,
            trajectory: &trajectory,
            statistics: &statistics,
            against: None,
            assertions: &[],
            number: 0,
            id: None,
        };
        let mut table = Vec::new();
        let presentation = Presentation {
            width: columns,
            ..Presentation::default()
        };
        let mut report = (Format::named("table").unwrap().report)(&presentation);
        report.document(&document, &mut table).unwrap();
        let table = anstream::adapter::strip_bytes(&table).into_vec();
        let table = String::from_utf8(table).unwrap();
        for line in table.lines() {
            assert!(line.width() <= columns, "{columns}: {line}");
        }
        for statistic in statistics.iter() {
            let heads = table
                .lines()
                .filter(|line| line.split_whitespace().any(|word| word == statistic.name()));
            assert_eq!(heads.count(), 1, "{columns}: {}", statistic.name());
        }
    }
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let args = [PROMPT, "-m", GPT2];
    let plain = run(&args).stdout;
    assert!(!plain.contains('\u{1b}'));
    let coloured = run(&[&args[..], &["--color", "always"]].concat()).stdout;
    assert!(coloured.contains('\u{1b}'));
    let stripped = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(stripped, plain, "colours change nothing else");
    let never = run(&[&args[..], &["--color", "never"]].concat());
    assert_eq!(never.stdout, plain);
    let no_color = lens().env("NO_COLOR", "1").args(args).output().unwrap();
    assert_eq!(Run::from(no_color).stdout, plain);
    // The option is the more particular of the two.
    let mut both = lens();
    both.env("NO_COLOR", "1").args(args).args(["--color", "always"]);
    assert_eq!(Run::from(both.output().unwrap()).stdout, coloured);
}

/// The columns that `lens` shows of 30 top tokens, by its headings.
fn columns_shown(args: &[&str], columns: Option<&str>) -> (Vec<usize>, Run) {
    let mut command = lens();
    command.args(args);
    if let Some(columns) = columns {
        command.env("COLUMNS", columns);
    }
    let run = Run::from(command.output().unwrap());
    assert_works(&run);
    let headings = run
        .stdout
        .lines()
        .filter(|line| line.trim_start().starts_with("layer "));
    let places = headings.flat_map(|line| line.split("top ").skip(1));
    let places = places.map(|place| place.split_whitespace().next().unwrap().parse().unwrap());
    (places.collect(), run)
}

#[test]
fn columns_asked_for_never_vanish() {
    let all: Vec<usize> = (1..=30).collect();
    let args = [PROMPT, "-m", GPT2, "-k", "30", "--stats", "all"];
    // A pipe has no end: one line a row.
    let (shown, pipe) = columns_shown(&args, None);
    assert_eq!(shown, all);
    assert_eq!(
        pipe.stdout
            .lines()
            .filter(|line| line.trim_start().starts_with("layer "))
            .count(),
        1
    );
    let file = tempfile::tempdir().unwrap();
    let path = file.path().join("table.txt");
    let written = [&args[..], &["-o", path.to_str().unwrap()]].concat();
    assert_eq!(run(&written).code, Some(0));
    assert_eq!(std::fs::read_to_string(path).unwrap(), pipe.stdout);
    // A narrow place has bands.
    for columns in ["40", "80", "200"] {
        let (shown, run) = columns_shown(&args, Some(columns));
        assert_eq!(shown, all, "{columns}");
        for line in run.stdout.lines() {
            assert!(line.width() <= columns.parse().unwrap(), "{columns}: {line}");
        }
    }
    // What was not asked for is counted.
    let (shown, run) = columns_shown(&[PROMPT, "-m", GPT2], Some("60"));
    let more = format!(
        "{} more columns: widen the terminal, or give -k 5",
        5 - shown.len()
    );
    assert!(shown.len() < 5 && run.stdout.contains(&more), "{}", run.stdout);
}

fn table(model: &Model, trajectory: &Trajectory, presentation: &Presentation) -> String {
    written("table", model, trajectory, presentation)
}

/// What `format` makes of `trajectory`, as a library's user has it, without colours.
pub fn written(format: &str, model: &Model, trajectory: &Trajectory, presentation: &Presentation) -> String {
    let document = Document {
        card: &model.card,
        tokens: &model.tokens,
        trajectory,
        statistics: &Statistics::none(),
        against: None,
        assertions: &[],
        number: 0,
        id: None,
    };
    let mut out = Vec::new();
    let mut report = (Format::named(format).unwrap().report)(presentation);
    report.document(&document, &mut out).unwrap();
    String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap()
}

/// The demo model's trajectory at `positions` made 40 layers deep: 30 of commas come first.
pub fn deep(positions: &str) -> (Model, Trajectory) {
    let model = support::load_path("demo").unwrap();
    let request = Request {
        positions: positions.parse().unwrap(),
        ..Request::default()
    };
    let mut trajectory = model.lens("The capital of France is", &request).unwrap();
    let layers: Vec<_> = trajectory.layers().cloned().collect();
    let comma = model.tokens.id_of(",").unwrap();
    let mut rows = Vec::new();
    for layer in 0..40 - layers.len() {
        let mut row = layers[0].clone();
        row.site.layer = layer;
        for reading in &mut row.readings {
            reading.top[0].id = comma;
        }
        rows.push(row);
    }
    for row in layers {
        let mut row = row;
        row.site.layer = rows.len();
        rows.push(row);
    }
    trajectory.rows = rows;
    (model, trajectory)
}

#[test]
fn rows_without_words_are_folded_where_there_are_many() {
    let (mut model, trajectory) = deep("last");
    model.card.layers = 40;
    let commas = 40 - model.decoder.blocks.len();
    let folding = Presentation {
        fold_rows: true,
        ..Presentation::default()
    };
    let folded = table(&model, &trajectory, &folding);
    let line = format!("0–{}   punctuation: \",\"", commas - 1);
    assert!(folded.lines().any(|l| l.trim() == line), "{folded}");
    assert!(folded.contains("--all-rows"));
    let whole = table(&model, &trajectory, &Presentation::default());
    assert!(!whole.contains("punctuation"));
    let rows = |text: &str| text.lines().filter(|line| line.ends_with('%')).count();
    assert_eq!((rows(&whole), rows(&folded)), (40, 40 - commas));
    // The row where the output first leads stays, though it is a comma.
    let mut leads = trajectory.clone();
    leads.output[0].top[0].id = leads.rows[0].readings[0].top1().id;
    leads.rows[39].readings[0].top[0].id = leads.output[0].top1().id;
    let folded = table(&model, &leads, &folding);
    assert!(
        folded.contains(&format!("1–{}   punctuation", commas - 1)),
        "{folded}"
    );
    // Few rows are never folded.
    let mut few = trajectory;
    few.rows.drain(..20);
    assert!(!table(&model, &few, &folding).contains("punctuation"));
}

#[test]
fn a_lone_row_has_no_rule_and_components_have_a_note() {
    let lone = run(&[PROMPT, "-m", GPT2, "--layers=-1"]);
    assert_works(&lone);
    assert!(!lone.stdout.contains('─'), "{}", lone.stdout);
    let parts = run(&[PROMPT, "-m", GPT2, "--point", "attn_out,mlp_out"]);
    assert!(parts.stdout.contains("read alone through the final norm"));
    assert!(!run(&[PROMPT, "-m", GPT2]).stdout.contains("read alone"));
}

#[test]
fn a_continuation_is_shown_as_text() {
    let run = run(&["The capital of France is", "--generate", "2", "-q"]);
    assert_works(&run);
    assert!(
        run.stdout
            .lines()
            .any(|line| line.starts_with("Continuation: Paris")),
        "{}",
        run.stdout
    );
}

#[test]
fn the_verdict_quotes_its_tokens() {
    let (model, mut trajectory) = deep("last");
    let text = |trajectory: &Trajectory| {
        let text = table(&model, trajectory, &Presentation::default());
        let start = text.find("Output: ").unwrap();
        text[start..].split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let comma = model.tokens.id_of(",").unwrap();
    let last = trajectory.rows.len() - 1;
    for row in &mut trajectory.rows[..last] {
        row.readings[0].top[0].id = comma;
    }
    let said = text(&trajectory);
    assert!(said.starts_with("Output: \"␣Paris\" at 9"), "{said}");
    assert!(
        said.contains("top-1 only at layer 39 (previous: \",\")."),
        "{said}"
    );
    assert!(
        said.contains("Largest drop in KL from the output: layer "),
        "{said}"
    );
}
