//! Several positions of a prompt.

use unicode_width::UnicodeWidthStr;

use super::parsed;
use crate::support::{Run, lens, run};
use crate::{GPT2, LLAMA, PROMPT, assert_works};

/// Few enough tokens for one band.
const SHORT: &str = "The Eiffel Tower is in";

#[test]
fn several_positions_make_a_grid_of_the_likeliest_tokens() {
    let grid = run(&[SHORT, "-m", GPT2, "--positions", "all"]);
    assert_works(&grid);
    let document = parsed(&run(&[SHORT, "-m", GPT2, "--positions", "all", "--json"]).stdout);
    let tokens: Vec<&str> = document["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_str().unwrap())
        .collect();
    // A pipe has room for all: one band, whose lines are heads, embed, three layers, settles.
    let band: Vec<&str> = grid
        .stdout
        .lines()
        .skip_while(|l| *l != "Top token")
        .take(8)
        .collect();
    let words = |line: &str| line.split_whitespace().map(str::to_string).collect::<Vec<_>>();
    assert_eq!(words(band[1]), ["0", "1", "2", "3", "4"]);
    let heads: Vec<String> = tokens.iter().map(|t| t.replace(' ', "␣")).collect();
    assert_eq!(words(band[2])[1..], heads);
    for (layer, line) in band[4..7].iter().enumerate() {
        let cells = words(line);
        assert_eq!(
            (cells[0].as_str(), cells.len()),
            (layer.to_string().as_str(), 1 + 2 * 5)
        );
        for at in 0..5 {
            let top = document["topk"][layer][at][0].as_str().unwrap();
            let label: String = logit_lens::text::tokens::visible(top.as_bytes());
            let shown = cells[1 + 2 * at].trim_end_matches('…');
            assert!(
                label.starts_with(shown) || top.starts_with(shown),
                "{label} {shown}"
            );
            let percent = 100. * document["topk_probs"][layer][at][0].as_f64().unwrap();
            let expected = if percent < 1. {
                "<1%".to_string()
            } else {
                format!("{percent:.0}%")
            };
            assert_eq!(cells[2 + 2 * at], expected);
        }
    }
    let settles: Vec<String> = (document["settles_at"].as_array().unwrap().iter())
        .map(|layer| layer.as_u64().map_or("–".to_string(), |l| l.to_string()))
        .collect();
    assert_eq!(words(band[7])[1..], settles);
}

#[test]
fn a_grid_is_cut_into_bands_that_fit() {
    let long = [PROMPT; 5].join(" 東京 🙂 ");
    let args = [
        &long,
        "-m",
        LLAMA,
        "--positions",
        "all",
        "--track",
        "id:3",
        "--stats",
        "entropy",
    ];
    let grid: Run = lens().args(args).env("COLUMNS", "100").output().unwrap().into();
    assert_works(&grid);
    for line in grid.stdout.lines() {
        assert!(line.width() <= 100 && line == line.trim_end(), "{line:?}");
    }
    for title in ["Top token", "(id 3): probability and rank", "entropy"] {
        assert!(
            grid.stdout.lines().filter(|line| line.ends_with(title)).count() > 2,
            "{title}"
        );
    }
    // A pipe has no end, and gets one band.
    let wide = run(&args);
    assert_eq!(wide.stdout.lines().filter(|line| *line == "Top token").count(), 1);
    // A window, instead.
    let window = run(&[&long, "-m", LLAMA, "--positions", "10:14"]);
    assert_eq!(
        window.stdout.lines().filter(|line| *line == "Top token").count(),
        1
    );
    // A table for each position, when more than one token is asked for.
    let each = run(&[PROMPT, "-m", LLAMA, "--positions", "all", "-k", "2"]);
    assert_eq!(each.stdout.matches("After position").count(), 8);
}
