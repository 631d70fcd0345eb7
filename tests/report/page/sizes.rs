//! Windows, phones and paper.

use serde_json::Value;

use super::{assert_details, assert_quiet, demo, luminance};

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
