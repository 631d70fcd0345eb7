//! Tokens that are no words, hidden.

use logit_lens::lens::Trajectory;
use logit_lens::model::Model;
use logit_lens::report::Presentation;

use crate::table::{deep, written};

#[test]
fn words_hide_what_is_none_but_the_top_one() {
    let (model, trajectory) = deep("last");
    let presentation = Presentation {
        words: true,
        ..Presentation::default()
    };
    let text = written("table", &model, &trajectory, &presentation);
    let rows: Vec<&str> = text.lines().filter(|line| line.ends_with('%')).collect();
    assert_eq!(rows.len(), 40);
    for (row, line) in trajectory.rows.iter().zip(rows) {
        let words = |id: u32| model.tokens.is_word(id);
        let shown: Vec<String> = (row.readings[0].top.iter().enumerate())
            .filter(|(nth, candidate)| *nth == 0 || words(candidate.id))
            .map(|(_, candidate)| model.tokens.label(candidate.id))
            .collect();
        let found: Vec<&str> = line.split_whitespace().skip(1).step_by(2).collect();
        assert_eq!(found, shown, "{line}");
    }
}

/// The demo model's readings of a whole prompt, 40 layers deep: commas in 30 of them, in a layer of words,
/// and in the output.
fn grid() -> (Model, Trajectory) {
    let (mut model, mut trajectory) = deep("all");
    model.card.layers = trajectory.rows.len();
    let comma = model.tokens.id_of(",").unwrap();
    for (row, at) in [(35, 1), (39, 2)] {
        trajectory.rows[row].readings[at].top[0].id = comma;
    }
    (model, trajectory)
}

/// How many cells of the rows from the `from`th to the one before the output's have a top token that is no
/// word.
fn others(model: &Model, trajectory: &Trajectory, from: usize) -> usize {
    let rows = &trajectory.rows[from..trajectory.rows.len() - 1];
    let tops = rows
        .iter()
        .flat_map(|row| row.readings.iter().map(|reading| reading.top1().id));
    tops.filter(|&id| !model.tokens.is_word(id)).count()
}

/// The pieces of the text that are shown, of an SVG those of its elements.
fn pieces(format: &str, text: &str) -> Vec<String> {
    let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
    if format != "svg" {
        return words(text);
    }
    let drawing = roxmltree::Document::parse(text).unwrap();
    let texts = drawing.descendants().filter(|node| node.is_text());
    let texts = texts.filter_map(|node| node.text());
    texts.flat_map(words).collect()
}

#[test]
fn grids_hide_what_is_no_word_but_for_the_output() {
    let (model, trajectory) = grid();
    assert!(!model.tokens.is_word(trajectory.rows[39].readings[2].top1().id));
    for (format, folds) in [
        ("table", false),
        ("table", true),
        ("markdown", false),
        ("heatmap", false),
        ("svg", false),
    ] {
        let shown = |words: bool| {
            let presentation = Presentation {
                fold_rows: folds,
                words,
                ..Presentation::default()
            };
            pieces(format, &written(format, &model, &trajectory, &presentation))
        };
        let (all, words) = (shown(false), shown(true));
        assert_eq!(all.len(), words.len(), "{format}");
        let differ: Vec<_> = all.iter().zip(&words).filter(|(a, b)| a != b).collect();
        assert!(
            differ.iter().all(|(_, hidden)| *hidden == "·"),
            "{format}: {differ:?}"
        );
        // Folded rows say themselves what they are.
        let from = if folds { 30 } else { 0 };
        assert_eq!(
            differ.len(),
            others(&model, &trajectory, from),
            "{format}, folded: {folds}"
        );
    }
}

#[test]
fn a_markdown_table_hides_what_is_no_word_but_the_top_one() {
    let (model, trajectory) = deep("last");
    let presentation = Presentation {
        words: true,
        ..Presentation::default()
    };
    let text = written("markdown", &model, &trajectory, &presentation);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert!(
        lines[0].starts_with("| layer | 1 | next word | next word |"),
        "{}",
        lines[0]
    );
    for (row, line) in trajectory.rows.iter().zip(&lines[2..]) {
        let tops = row.readings[0].top.iter().enumerate();
        let words = tops.filter(|(nth, candidate)| *nth == 0 || model.tokens.is_word(candidate.id));
        let cells = line.split('|').map(str::trim).filter(|cell| cell.ends_with('%'));
        let shown: Vec<&str> = cells.filter_map(|cell| cell.split(' ').next()).collect();
        let expected: Vec<String> = words.map(|(_, c)| model.tokens.label(c.id)).collect();
        assert_eq!(shown, expected, "{line}");
    }
}
