//! The table for people: its exact text, its columns, its colours.

use std::path::Path;

use logit_lens::analysis::statistics::Statistic;
use logit_lens::lens::Request;
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
    for name in support::FIXTURES {
        let model = format!("tests/fixtures/{name}");
        // Thirty candidates: more than fit, and enough for CJK, emoji bytes and controls to come.
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
            for line in run.stdout.lines() {
                assert!(line.width() <= 100, "{name}: {line}");
            }
        }
    }
}

#[test]
fn statistics_that_do_not_fit_stand_below() {
    let model = support::load("llama");
    let statistics = "all".parse().unwrap();
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
        for statistic in Statistic::ALL {
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
