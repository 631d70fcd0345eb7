//! The cells of the heatmap: their tokens and their colours.

use super::browser::open;
use super::{LLAMA, PROMPT, assert_quiet, demo, label, luminance};

#[test]
fn every_cell_shows_the_jsons_token() {
    let Some(page) = demo(&[]) else { return };
    let json = &page.json;
    let positions = json["input"].as_array().unwrap().len();
    for layer in 0..10 {
        // The last layer's row is the output's.
        let key = if layer == 9 {
            "output".into()
        } else {
            layer.to_string()
        };
        let cells = page.texts(&format!("#grid td[data-row='{key}']"));
        let tokens: Vec<String> = (0..positions)
            .map(|at| label(&json["topk"][layer][at][0]))
            .collect();
        assert_eq!(cells, tokens, "layer {layer}");
    }
    let embed: Vec<String> = (0..positions)
        .map(|at| label(&json["embed"]["topk"][at][0]))
        .collect();
    assert_eq!(page.texts("#grid td[data-row='embed']"), embed);
    // The first layers are at the bottom until the order is turned.
    let rows = || page.texts("#grid tbody th");
    let upwards = rows();
    assert!(upwards[0].contains("output") && upwards.last().unwrap().contains("embed"));
    page.choose("#order", "down");
    assert_eq!(rows(), upwards.into_iter().rev().collect::<Vec<_>>());
    assert_quiet(&page);
}

#[test]
fn colours_grow_with_the_value_and_text_stands_out() {
    let Some(page) = demo(&[]) else { return };
    for (theme, by) in [
        ("light", "prob"),
        ("dark", "prob"),
        ("light", "s:entropy"),
        ("dark", "s:forward_kl"),
    ] {
        page.choose("#theme", theme);
        page.choose("#color", by);
        let cells = page.ask(
            "[...document.querySelectorAll('#grid td')].map((td) => ({ row: td.dataset.row,
             pos: Number(td.dataset.pos), back: getComputedStyle(td).backgroundColor,
             ink: getComputedStyle(td).color }))",
        );
        let mut values: Vec<(f64, f64)> = Vec::new();
        for cell in cells.as_array().unwrap() {
            let back = luminance(cell["back"].as_str().unwrap());
            let ink = luminance(cell["ink"].as_str().unwrap());
            let contrast = (back.max(ink) + 0.05) / (back.min(ink) + 0.05);
            assert!(contrast >= 4.5, "WCAG's least contrast for text: {cell}");
            let at = cell["pos"].as_u64().unwrap() as usize;
            let layer = match cell["row"].as_str().unwrap() {
                "embed" => continue,
                "output" => 9,
                layer => layer.parse().unwrap(),
            };
            let value = match by {
                "prob" => &page.json["topk_probs"][layer][at][0],
                statistic => &page.json[&statistic[2..]][layer][at],
            };
            values.push((value.as_f64().unwrap(), back));
        }
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Luminances of colours rounded to 8 bits may step back by a little.
        assert!(
            values.windows(2).all(|pair| pair[1].1 - pair[0].1 > -0.01),
            "{theme}, {by}: {values:?}"
        );
        let (low, high) = (values[0].1, values.last().unwrap().1);
        assert!(high - low > 0.2, "{theme}, {by}: {low} to {high}");
    }
}

#[test]
fn tokens_that_are_no_words_are_hidden_where_that_is_wanted() {
    let Some(page) = open(&["-m", LLAMA, PROMPT, "--positions", "all"]) else {
        return;
    };
    // Bytes of a split character stand there by their labels.
    let is_word = |token: &str| !token.starts_with("\\x") && token.chars().any(char::is_alphanumeric);
    let json = &page.json;
    let row = |layer: usize| -> Vec<String> {
        let top = json["topk"][layer].as_array().unwrap().iter();
        top.map(|top| top[0].as_str().unwrap().to_string()).collect()
    };
    let hidden: usize = (0..2).flat_map(row).filter(|token| !is_word(token)).count();
    assert!(hidden > 0, "nothing to hide");
    let dots = "[...document.querySelectorAll('#grid td')].filter((td) => td.textContent === '·').length";
    assert_eq!(page.ask(dots), 0);
    let before = page.texts("#grid tr.output td");
    page.click("#words");
    assert_eq!(page.ask("location.hash.includes('words=true')"), true);
    for layer in 0..2 {
        let cells = page.texts(&format!("#grid td[data-row='{layer}']"));
        for (cell, token) in cells.iter().zip(row(layer)) {
            assert_eq!(cell == "·", !is_word(&token), "layer {layer}: {token:?}");
        }
    }
    assert_eq!(page.texts("#grid tr.output td"), before, "the output is whole");
    assert_quiet(&page);
}

#[test]
fn bytes_of_a_split_character_are_shown_as_the_terminal_shows_them() {
    let Some(page) = open(&["日本", "-m", LLAMA, "--positions", "all"]) else {
        return;
    };
    let heads = page.texts("#grid thead .token");
    assert!(heads.iter().any(|head| head.starts_with("\\x")), "{heads:?}");
    let shown = page.ask("document.body.innerText").to_string();
    assert!(!shown.contains('\u{fffd}') && !shown.contains("\\\\\\\\x"));
    assert_quiet(&page);
}
