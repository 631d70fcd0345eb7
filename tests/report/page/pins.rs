//! Pinned tokens and targets: their lines, and a target's tokens.

use serde_json::Value;

use super::browser::Opened;
use super::{assert_quiet, demo, label, percent};

/// The lines of the chart, `[{id, values, drawn}]`: `drawn` says whether the canvas has ink of the
/// line's colour at each of its points.
fn lines(page: &Opened) -> Vec<Value> {
    let lines = page.ask(
        "(() => {
           const u = document.getElementById('chart').plot;
           const copy = document.createElement('canvas');
           [copy.width, copy.height] = [u.ctx.canvas.width, u.ctx.canvas.height];
           const pixels = copy.getContext('2d', { willReadFrequently: true });
           pixels.drawImage(u.ctx.canvas, 0, 0);
           const ink = (color) => {
             const c = document.createElement('canvas').getContext('2d');
             c.fillStyle = color; c.fillRect(0, 0, 1, 1);
             return [...c.getImageData(0, 0, 1, 1).data];
           };
           return u.lines.map((line, i) => {
             const [want] = [ink(u.series[i + 1].stroke())];
             const drawn = u.data[i + 1].map((value, layer) => {
               const x = Math.round(u.valToPos(u.data[0][layer], 'x', true));
               const y = Math.round(u.valToPos(value, 'y', true));
               const box = pixels.getImageData(x - 3, y - 3, 7, 7).data;
               for (let p = 0; p < box.length; p += 4) {
                 if ([0, 1, 2].every((c) => Math.abs(box[p + c] - want[c]) < 24) && box[p + 3] > 128) return true;
               }
               return false;
             });
             return { pin: line.pin, values: u.data[i + 1], drawn };
           });
         })()",
    );
    serde_json::from_value(lines).unwrap()
}

fn assert_line(line: &Value, page: &Opened, at: usize, id: u64) {
    let probs = page.json["tracked_ids"][at][id.to_string()]["probs"]
        .as_array()
        .unwrap();
    let values = line["values"].as_array().unwrap();
    assert_eq!(values.len(), probs.len());
    for (value, p) in values.iter().zip(probs) {
        let (value, p) = (value.as_f64().unwrap(), p.as_f64().unwrap());
        // A page's numbers have six digits.
        assert!((value - p).abs() <= 1e-5 * p, "{value} {p}");
    }
    let drawn = line["drawn"].as_array().unwrap();
    // Where another line runs over it, its own ink is below.
    let inked = drawn.iter().filter(|drawn| **drawn == true).count();
    assert!(2 * inked > drawn.len(), "{line}");
}

#[test]
fn a_pin_draws_its_line() {
    let Some(page) = demo(&["--top-k", "6"]) else {
        return;
    };
    let last = page.json["input"].as_array().unwrap().len() - 1;
    page.click(&format!("#grid td[data-row='4'][data-pos='{last}']"));
    // The third token of the cell, by the mouse.
    let ids = &page.json["topk_ids"][4][last];
    let (third, second) = (ids[2].as_u64().unwrap(), ids[1].as_u64().unwrap());
    page.click(&format!("#details button.pin[data-id='{third}']"));
    let drawn = lines(&page);
    assert_eq!(drawn.len(), 1);
    assert_eq!(drawn[0]["pin"], third.to_string());
    assert_line(&drawn[0], &page, last, third);
    // The second, by the keyboard.
    page.click(&format!("#grid td[data-row='4'][data-pos='{last}']"));
    page.press("2");
    page.ask("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    let drawn = lines(&page);
    assert_eq!(drawn.len(), 2, "{}", page.hash());
    assert_eq!(drawn[1]["pin"], second.to_string());
    assert_line(&drawn[1], &page, last, second);
    // The heatmap by a pinned token's probability.
    page.choose("#color", &format!("p:{third}"));
    assert!(page.hash().contains(&format!("color=p:{third}")));
    let hash = page.hash();
    page.go(&hash);
    let again = lines(&page);
    assert_eq!(again.len(), 2);
    assert_line(&again[0], &page, last, third);
    page.press("Escape");
    assert!(!page.hash().contains("pins="), "{}", page.hash());
    assert_quiet(&page);
}

#[test]
fn a_track_of_the_run_is_pinned_from_the_start() {
    let Some(page) = demo(&["--track", " Paris", "--track", "city= Rome| Berlin"]) else {
        return;
    };
    let last = page.json["input"].as_array().unwrap().len() - 1;
    let drawn = lines(&page);
    assert_eq!(drawn.len(), 2);
    for (target, line) in drawn.iter().enumerate() {
        assert_eq!(line["pin"], format!("t{target}"));
        for (layer, value) in line["values"].as_array().unwrap().iter().enumerate() {
            let p = page.json["targets"][target]["probs"][layer][last]
                .as_f64()
                .unwrap();
            assert!((value.as_f64().unwrap() - p).abs() <= 1e-5 * p);
        }
    }
    assert!(page.texts("#key .token").contains(&"city".to_string()));
}

#[test]
fn a_target_of_several_tokens_is_shown_token_by_token() {
    let Some(page) = demo(&["--track", " the city of Paris"]) else {
        return;
    };
    let target = &page.json["targets"][0];
    let last = page.json["input"].as_array().unwrap().len() - 1;
    let shown = || page.texts("#details table.sequence tbody td");
    page.click(&format!("#grid td[data-row='6'][data-pos='{last}']"));
    let mut expected = Vec::new();
    let mut row = |rank: &Value, name: String, prob: &Value| {
        let prob = prob.as_f64().unwrap();
        let logprob = format!("{:.2}", prob.ln()).replace('-', "−");
        expected.extend([rank.to_string(), name, percent(prob), logprob]);
    };
    for token in target["sequence"].as_array().unwrap() {
        row(&token["ranks"][6], label(&token["token"]), &token["probs"][6]);
    }
    let whole = "␣the␣city␣of␣Paris".to_string();
    row(&target["ranks"][6][last], whole, &target["probs"][6][last]);
    assert_eq!(shown(), expected);
    // It belongs to the prompt's end.
    page.click("#grid td[data-row='6'][data-pos='2']");
    assert_eq!(shown(), [] as [String; 0]);
    page.click(&format!("#grid td[data-row='embed'][data-pos='{last}']"));
    assert_eq!(shown().len(), expected.len());
    assert_quiet(&page);
}
