//! The page, driven in a real browser: what it shows is what the JSON of the same run says.

mod browser;

use browser::{Opened, open};
use serde_json::Value;

const PROMPT: &str = "The Eiffel Tower is in the city of";
const LLAMA: &str = "tests/fixtures/llama";
/// Markup, quotes, control characters, a mark that turns text around, wide characters.
const HOSTILE: &str =
    "</script><img src=x onerror=alert(1)>\u{1b}[31m \"q\" & '\u{202e}\u{7f}\u{2066} 東 ]]>{{data}}";

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
fn a_click_shows_the_top_k_and_the_address_keeps_the_view() {
    let Some(page) = demo(&[]) else { return };
    page.click("#grid td[data-row='5'][data-pos='7']");
    assert_details(&page, 5, 7);
    let entropy = page.json["entropy"][5][7].as_f64().unwrap();
    let stats = page.texts("#details dl.stats div");
    assert!(stats[0].contains(&format!("{entropy:.3}")), "{stats:?}");
    // The mouse alone shows another cell, and the one that was clicked comes back.
    let other = page
        .tab
        .find_element("#grid td[data-row='3'][data-pos='4']")
        .unwrap();
    other.move_mouse_over().unwrap();
    page.ask("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    assert_details(&page, 3, 4);
    assert_eq!(
        page.ask("document.getElementById('chart').dataset.pos"),
        "7",
        "held"
    );
    let hash = page.hash();
    assert!(hash.contains("row=5") && hash.contains("pos=7"), "{hash}");
    page.go(&hash);
    assert_details(&page, 5, 7);
    assert_eq!(page.ask("document.getElementById('chart').dataset.pos"), "7");
    // What an address cannot mean is left out.
    page.go("#row=99&pos=-4&color=s:nonsense&pins=x,y&hide=7-3,a&theme=blue&order=sideways");
    assert_eq!(page.texts("#grid tbody tr").len(), 11);
    // A link that hides more layers than there are, more than once.
    page.go(&format!("#hide=embed,{}99999", "0-99999,".repeat(5000)));
    assert_eq!(page.texts("#grid tbody tr").len(), 1);
    page.click(".layers summary");
    page.click(".layers .boxes input[value='2']");
    assert!(page.hash().contains("hide=embed,0-1,3-9"), "{}", page.hash());
    assert_quiet(&page);
}

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

#[test]
fn layers_are_hidden_and_the_keyboard_does_what_the_mouse_does() {
    let Some(page) = demo(&["--point", "embed,resid_mid,resid_post"]) else {
        return;
    };
    page.go("#hide=embed,1-3");
    let rows = page.texts("#grid tbody th");
    assert_eq!(rows.len(), 11 - 4);
    page.click(".layers summary");
    page.click(".layers .boxes input[value='2']");
    assert_eq!(page.texts("#grid tbody tr").len(), 8);
    assert!(page.hash().contains("hide=embed,1,3"), "{}", page.hash());
    page.press("Escape");
    page.choose("#point", "resid_mid");
    let mid = label(&page.json["points"]["resid_mid"]["topk"][4][6][0]);
    assert_eq!(page.texts("#grid td[data-row='4'][data-pos='6']"), [mid]);
    page.go("");
    page.click("#grid td[data-row='4'][data-pos='6']");
    for (key, layer, at) in [("ArrowUp", 5, 6), ("ArrowLeft", 5, 5), ("ArrowDown", 4, 5)] {
        page.press(key);
        assert_details(&page, layer, at);
    }
    page.press_with_control("Home");
    assert!(page.hash().contains("pos=0"), "{}", page.hash());
    page.press("Enter");
    assert!(page.hash().contains("hold=0"), "{}", page.hash());
    assert_quiet(&page);
}

#[test]
fn hostile_tokens_are_text() {
    let options = ["-m", LLAMA, "--positions", "all", "--track", "id:9"];
    let Some(page) = open(&[&[HOSTILE], &options[..]].concat()) else {
        return;
    };
    let elements = page.ask(
        "({ scripts: document.scripts.length, images: document.images.length,
            alerts: document.querySelectorAll('[onerror],[onclick],[onload]').length })",
    );
    assert_eq!(
        elements,
        serde_json::json!({ "scripts": 3, "images": 0, "alerts": 0 })
    );
    let heading = page.texts("#prompt").concat();
    assert!(
        heading.contains("</script><img src=x onerror=alert(1)>") && heading.contains("{{data}}"),
        "{heading}"
    );
    assert!(heading.contains("\\u{1b}[31m") && heading.contains("\\u{202e}\\u{7f}\\u{2066}"));
    // Wherever one looks, nothing invisible is left in the text, nor in what a pointer shows.
    for cell in 0..4 {
        page.click(&format!("#grid td[data-row='1'][data-pos='{cell}']"));
        let raw = page.ask(
            "[document.title, ...[...document.querySelectorAll('body *:not(script):not(style)')].flatMap((e) =>
               [e.title, e.ariaLabel, ...[...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data)])]
             .filter((text) => /[\\p{Cc}\\p{Cf}\\p{Co}]/u.test((text ?? '').replaceAll('\\n', '')))",
        );
        assert_eq!(raw, serde_json::json!([]));
    }
    assert_quiet(&page);
}

#[test]
fn even_a_script_could_not_send_what_the_page_shows() {
    let Some(page) = demo(&[]) else { return };
    assert_quiet(&page);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let tries = page.ask(&format!(
        "Promise.all([
           fetch('{address}').then(() => 'sent', () => 'refused'),
           new Promise((done) => {{ const i = new Image(); i.onload = () => done('sent'); i.onerror = () => done('refused'); i.src = '{address}/x.png'; }}),
         ])"
    ));
    assert_eq!(tries, serde_json::json!(["refused", "refused"]));
    assert!(listener.accept().is_err(), "nobody called");
    assert!(!page.complaints().is_empty(), "the browser says what it refused");
}

#[test]
fn a_wide_window_cuts_no_token() {
    let Some(page) = demo(&[]) else { return };
    for wide in [1440, 1920] {
        page.resize(wide, 1000, false);
        page.go("");
        let cut = page.ask("[...document.querySelectorAll('#grid td')].filter((td) => td.scrollWidth > td.clientWidth).length");
        assert_eq!(cut, 0, "{wide} pixels");
    }
    assert_quiet(&page);
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
fn a_tap_on_a_phone_is_answered_in_sight() {
    let Some(page) = demo(&[]) else { return };
    // So low that the heatmap fills it.
    page.resize(390, 560, true);
    page.go("");
    let answer = "(() => { const box = document.querySelector('#details h2').getBoundingClientRect();
                  return box.top >= 0 && box.bottom <= innerHeight; })()";
    assert_eq!(page.ask(answer), false, "nothing covers the heatmap yet");
    let role = "document.getElementById('sheet').getAttribute('role')";
    for close in ["button", "Escape"] {
        page.click("#grid td[data-row='5'][data-pos='1']");
        assert_details(&page, 5, 1);
        assert_eq!(page.ask(answer), true);
        assert_eq!(page.ask(role), "dialog");
        match close {
            "button" => page.click("#sheet-bar button"),
            key => page.press(key),
        }
        assert_eq!(page.ask(role), Value::Null, "{close}");
    }
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

#[test]
fn phones_and_paper_show_all_of_it() {
    let Some(page) = demo(&["--track", " Paris"]) else {
        return;
    };
    page.resize(390, 844, true);
    page.go("");
    let overflow = page.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(overflow, 0, "the page itself does not scroll sideways");
    page.click("#grid td[data-row='5'][data-pos='1']");
    assert_details(&page, 5, 1);
    page.resize(1280, 1000, false);
    page.medium("print", "dark");
    page.ask("new Promise((done) => setTimeout(done, 100))");
    let printed = page.texts("#print-grid td");
    assert_eq!(printed.len(), 11 * 12);
    assert_eq!(
        page.texts("#print-grid td[data-row='output'][data-pos='11']"),
        ["␣Paris"]
    );
    let back = page.ask("getComputedStyle(document.body).backgroundColor");
    assert!(luminance(back.as_str().unwrap()) > 0.9, "paper is light: {back}");
    assert_quiet(&page);
}

/// The README's picture of the page; LENS_BLESS=1 takes it anew.
#[test]
fn a_first_look_needs_no_scrolling() {
    let Some(page) = demo(&[]) else { return };
    page.resize(1280, 880, false);
    page.go("");
    let hidden = page.ask(
        "(() => { const box = document.getElementById('grid');
           return [box.scrollWidth - box.clientWidth, box.scrollHeight - box.clientHeight]; })()",
    );
    assert_eq!(
        hidden,
        serde_json::json!([0, 0]),
        "the whole heatmap is seen at once"
    );
    if std::env::var_os("LENS_BLESS").is_some_and(|bless| bless == "1") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.github/pictures/page.png");
        std::fs::write(path, page.picture()).unwrap();
    }
    assert_quiet(&page);
}

#[test]
fn the_first_view_is_the_one_asked_for() {
    let options = ["--color-by", "js", "--order", "down", "--track", " Paris"];
    let Some(page) = demo(&options) else { return };
    assert_eq!(page.ask("document.getElementById('color').value"), "s:js");
    assert!(page.texts("#grid tbody th")[0].contains("embed"));
    assert!(page.texts("#legend").concat().contains("Jensen"));
    assert_eq!(page.hash(), "");
    // Another choice is in the address, and the first one is again when it is gone.
    page.choose("#color", "r:t0");
    assert_eq!(page.hash(), "#color=r:t0");
    page.click("#reset");
    assert_eq!(page.ask("document.getElementById('color').value"), "s:js");
    assert_quiet(&page);
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
