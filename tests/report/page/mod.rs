//! The page, driven in a real browser: what it shows is what the JSON of the same run says.

mod browser;
mod cells;
mod hostile;
mod pins;
mod sizes;
mod view;

use serde_json::Value;

use browser::{Opened, open};

const PROMPT: &str = "The Eiffel Tower is in the city of";
const LLAMA: &str = "tests/fixtures/llama";

/// The demo's own page, of every position.
fn demo(options: &[&str]) -> Option<Opened> {
    open(&[&[PROMPT, "--positions", "all"], options].concat())
}

/// A token of ordinary text as the page writes it.
fn label(token: &Value) -> String {
    token.as_str().unwrap().replace(' ', "␣")
}

/// A probability as the page writes it.
fn percent(p: f64) -> String {
    match 100. * p {
        x if x < 0.005 => "<0.01%".to_string(),
        x if x < 0.995 => format!("{x:.2}%"),
        x => format!("{x:.1}%"),
    }
}

fn assert_quiet(page: &Opened) {
    assert!(page.watched());
    assert_eq!(page.requests(), [] as [String; 0]);
    assert_eq!(page.complaints(), [] as [String; 0]);
}

/// The relative luminance of `rgb(r, g, b)`, as WCAG 2 defines it.
fn luminance(color: &str) -> f64 {
    let inner = color.split_once('(').unwrap().1.trim_end_matches(')');
    let linear = |part: &str| {
        let c = part.trim().parse::<f64>().unwrap() / 255.;
        if c <= 0.03928 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    let parts: Vec<f64> = inner.split(',').map(linear).collect();
    0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
}

/// What the panel about a cell says of its likeliest tokens must be the JSON's, to the digit shown.
fn assert_details(page: &Opened, layer: usize, at: usize) {
    let json = &page.json;
    let rows = page.ask(
        "[...document.querySelectorAll('#details table.tokens tbody tr:not(.other)')].map((tr) =>
         [...tr.cells].map((td) => td.textContent.trim()))",
    );
    let rows = rows.as_array().unwrap();
    let ids = json["topk_ids"][layer][at].as_array().unwrap();
    assert!(ids.len() >= 5 && rows.len() == ids.len());
    for (rank, row) in rows.iter().enumerate() {
        let p = json["topk_probs"][layer][at][rank].as_f64().unwrap();
        let shown: Vec<&str> = row
            .as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_str().unwrap())
            .collect();
        assert_eq!(shown[0], (rank + 1).to_string());
        assert_eq!(shown[1], label(&json["topk"][layer][at][rank]));
        assert_eq!(shown[2], percent(p));
        assert_eq!(shown[4], ids[rank].to_string());
    }
    let heading = page.texts("#details h2").concat();
    assert!(
        heading.to_lowercase().contains(&format!("layer {layer}")),
        "{heading}"
    );
}

#[test]
fn a_page_of_little_is_a_page() {
    for options in [
        &["--stats", "none", "-k", "1"][..],
        &["--positions", "3"],
        &["--positions", "3", "--point", "resid_mid", "--layers", "1,4"],
        &["--layers", "embed"],
        &["--generate", "3", "--positions", "all", "--color-by", "entropy"],
    ] {
        let Some(page) = open(&[&[PROMPT], options].concat()) else {
            return;
        };
        assert!(!page.texts("#grid td").is_empty(), "{options:?}");
        assert_eq!(page.complaints(), [] as [String; 0], "{options:?}");
        page.click("#grid tbody td");
        assert!(!page.texts("#details table.tokens tbody tr").is_empty());
        assert_quiet(&page);
    }
}

/// Where no MLP reads it, the page says what `resid_mid` is, and nowhere else.
#[test]
fn resid_mid_is_explained_where_branches_run_side_by_side() {
    let (with, without) = ("resid_mid,resid_post", "attn_out,resid_post");
    for (model, points, is_said) in [
        ("tests/fixtures/gpt-neox", with, true),
        ("tests/fixtures/gpt-neox", without, false),
        ("tests/fixtures/gpt-neox-sequential", with, false),
    ] {
        let Some(page) = open(&[PROMPT, "-m", model, "--point", points]) else {
            return;
        };
        let about = page.texts("#about p").join(" ");
        assert_eq!(
            about.contains("run side by side in this model"),
            is_said,
            "{model} {points}"
        );
        assert_quiet(&page);
    }
}
